/** Input messages: PROTOCOL.md#input. */

import type { Writer } from '../../bytes/writer.js';
import type { Struct } from '../contract/struct.js';
import type { Acknowledgment } from '../received.js';
import { KINDS } from './kinds.js';

const FLAGS = { received: 0x01, digest: 0x02 } as const;

/** An input, and how late the others were shown to the player who made it. */
export interface TimedInput<I> {
  readonly input: I;
  /** In 256ths of a tick, 0 to 65,535. */
  readonly viewDelay: number;
}

/** What an input message says beside the inputs. */
export interface InputHeader {
  readonly received: Acknowledgment | undefined;
  readonly digest: number | undefined;
  /** The tick of the last of the inputs. Only its lower 32 bits travel. */
  readonly tick: number;
}

/**
 * Writes an input message with these inputs, oldest first, at most INPUTS_PER_MESSAGE_MAX.
 *
 * @throws RangeError An input does not fit its type.
 */
export function writeInputs<I>(
  header: InputHeader,
  inputs: readonly TimedInput<I>[],
  writer: Writer,
  type: Struct<I>,
  neutral: I,
): void {
  const { received, digest, tick } = header;
  writer.u8(KINDS.inputs);
  writer.u8((received ? FLAGS.received : 0) | (digest === undefined ? 0 : FLAGS.digest));
  if (received) writer.u16(received.newest).u32(received.low).u32(received.high);
  if (digest !== undefined) writer.u32(digest);
  writer.u32(tick % 0x1_0000_0000).u8(inputs.length);
  let base = neutral;
  for (const { input, viewDelay } of inputs) {
    writer.u16(viewDelay);
    type.writeDifference(input, base, writer);
    base = input;
  }
}
