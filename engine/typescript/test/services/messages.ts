/** Services messages as a server reads and writes them: PROTOCOL.md#services-messages. */

import { Reader } from '../../src/bytes/reader.js';
import type { Writer } from '../../src/bytes/writer.js';
import { isPath, type CallMessage, type Outcome } from '../../src/services/messages.js';

/** The instance; undefined if the message is no Hello. */
export function readHello(message: Uint8Array): Uint8Array | undefined {
  return message[0] === 16 && message.length === 17 ? message.slice(1) : undefined;
}

/** Undefined if the message is no call. */
export function readCall(message: Uint8Array): CallMessage | undefined {
  const reader = new Reader(message);
  const [kind, number, epoch, oldest, deadline] = [reader.u8(), reader.u32(), reader.u64(), reader.u32(), reader.u16()];
  const path = reader.utf8(reader.varint());
  const value = reader.rest().slice();
  const isGood =
    kind === 18 && number > 0 && oldest > 0 && oldest <= number && number - oldest < 1024 && deadline > 0 &&
    deadline <= 4000 && isPath(path) && message.length <= 16_384 && !reader.failed;
  return isGood ? { number, epoch, oldest, deadline, path, value } : undefined;
}

/** The number of the call; undefined if the message is no Cancel. */
export function readCancel(message: Uint8Array): number | undefined {
  const reader = new Reader(message);
  const [kind, number] = [reader.u8(), reader.u32()];
  return kind === 20 && number > 0 && reader.complete ? number : undefined;
}

export function writeGreeting(epoch: bigint, writer: Writer): void {
  writer.u8(17).u64(epoch);
}

export function writeOutcome({ number, status, wait, value }: Outcome, writer: Writer): void {
  writer.u8(19).u32(number).u16(status).u32(wait).bytes(value);
}

export function writeNotice(topic: string, value: Uint8Array, writer: Writer): void {
  const bytes = new TextEncoder().encode(topic);
  writer.u8(26).varint(bytes.length).bytes(bytes).bytes(value);
}
