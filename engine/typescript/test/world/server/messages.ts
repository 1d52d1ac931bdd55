/** The messages of a world as a server reads and writes them. From PROTOCOL.md. */

import { Reader } from '../../../src/bytes/reader.js';
import type { Writer } from '../../../src/bytes/writer.js';
import type { Struct, Type } from '../../../src/world/index.js';
import { entityId } from '../../../src/world/contract/scalars.js';
import { INPUT_MESSAGE_BYTES_MAX, INPUTS_PER_MESSAGE_MAX, TICKET_BYTES_MAX } from '../../../src/world/limits.js';
import type { WorldMap } from '../../../src/world/map.js';
import type { TimedInput } from '../../../src/world/messages/input.js';
import { NO_LEAD, type Owner } from '../../../src/world/messages/snapshot.js';
import type { Acknowledgment } from '../../../src/world/received.js';

export interface EnterRequest {
  readonly schema: readonly number[];
  readonly ticket: Uint8Array;
}

export function readEnterRequest(message: Uint8Array): EnterRequest | undefined {
  const reader = new Reader(message);
  const kind = reader.u8();
  const schema = Array.from({ length: 7 }, () => reader.u32());
  const ticket = reader.rest().slice();
  return reader.complete && kind === 3 && ticket.length <= TICKET_BYTES_MAX ? { schema, ticket } : undefined;
}

/** The answer to a request: refused, wrong schema or put out. */
export function writeEnterAnswer(answer: 0 | 2 | 3, value: number, writer: Writer): void {
  writer.u8(3).u8(answer).u8(value);
}

export function writeWelcome(tick: number, firstSnapshot: number, map: WorldMap, writer: Writer): void {
  writer.u8(3).u8(1).u32(tick).u16(firstSnapshot);
  writer.f32(map.units(map.sectionSteps[0])).f32(map.units(map.sectionSteps[2]));
  for (const count of map.sections) writer.u16(count);
}

export interface SnapshotHead {
  readonly number: number;
  readonly tick: number;
  /** In ticks; undefined: no input has arrived. */
  readonly lead: number | undefined;
  /** Undefined: none yet. */
  readonly inputAge: number | undefined;
  readonly inputInterval: number;
  readonly baseline: number;
}

/** Writes everything of a snapshot before its entries. */
export function writeSnapshotHead<O>(
  head: SnapshotHead,
  owner: Owner<O>,
  base: Owner<O>,
  writer: Writer,
  type: Struct<O>,
): void {
  const { lead, inputAge, inputInterval, baseline } = head;
  const [hasBody, hasOwn] = [owner.body !== base.body, !type.equals(owner.own, base.own)];
  const parts = baseline | (hasBody ? 0x20 : 0) | (hasOwn ? 0x40 : 0) | (inputInterval > 1 ? 0x80 : 0);
  writer.u8(6).u16(head.number).u32(head.tick);
  writer.i8(lead === undefined ? NO_LEAD : Math.min(Math.max(lead, -127), 127));
  writer.u8(inputAge === undefined ? 255 : Math.min(inputAge, 255)).u8(parts);
  if (inputInterval > 1) writer.u8(inputInterval);
  if (hasBody) entityId.write(owner.body ?? entityId.blank, writer);
  if (hasOwn) type.writeDifference(owner.own, base.own, writer);
}

export interface InputMessage<I> {
  readonly received: Acknowledgment | undefined;
  readonly digest: number | undefined;
  readonly tick: number;
  readonly inputs: readonly TimedInput<I>[];
}

export function readInputs<I>(message: Uint8Array, type: Struct<I>, neutral: I): InputMessage<I> | undefined {
  const reader = new Reader(message);
  const [kind, flags] = [reader.u8(), reader.u8()];
  const received = flags & 1 ? { newest: reader.u16(), low: reader.u32(), high: reader.u32() } : undefined;
  const digest = flags & 2 ? reader.u32() : undefined;
  const [tick, count] = [reader.u32(), reader.u8()];
  if (kind !== 1 || flags > 3 || count > INPUTS_PER_MESSAGE_MAX || message.length > INPUT_MESSAGE_BYTES_MAX) return undefined;
  const inputs: TimedInput<I>[] = [];
  let base = neutral;
  for (let at = 0; at < count && !reader.failed; at += 1) {
    const viewDelay = reader.u16();
    base = type.readDifference(base, reader);
    inputs.push({ input: base, viewDelay });
  }
  return reader.complete ? { received, digest, tick, inputs } : undefined;
}

/** 'drop': the message is to be dropped; 'malformed': it is to be answered so. */
export function readAsk<A>(
  message: Uint8Array,
  type: Type<A>,
): { readonly number: number; readonly ask: A | 'malformed' } | 'drop' {
  const reader = new Reader(message);
  const [kind, number] = [reader.u8(), reader.u16()];
  if (kind !== 8 || reader.failed) return 'drop';
  const ask = type.read(reader);
  return { number, ask: reader.complete ? ask : 'malformed' };
}

/** `answer`: the answer, or the number of another outcome. */
export function writeAnswer<A>(number: number, answer: { readonly answer: A } | 1 | 2, writer: Writer, type: Type<A>): void {
  writer.u8(9).u16(number);
  if (typeof answer === 'number') writer.u8(answer);
  else type.write(answer.answer, writer.u8(0));
}
