/** The bytes of services messages: PROTOCOL.md#services-messages. */

import { Reader } from '../bytes/reader.js';
import type { Writer } from '../bytes/writer.js';
import { NOTICE_BYTES_MAX, OUTCOME_BYTES_MAX, PATH_BYTES_MAX, TOPIC_BYTES_MAX } from './limits.js';
import { readValue, type AnyValue } from './values/data.js';

export const SERVICE_KINDS = { hello: 16, greeting: 17, call: 18, outcome: 19, cancel: 20, notice: 26 } as const;

/** Statuses that a client treats apart. All are those of HTTP, except UNKNOWN. */
export const STATUS = { ok: 200, expired: 408, busy: 429, cancelled: 499, unavailable: 503, unknown: 520 } as const;

/** Bytes of a call without its path and its request. The length of a path takes one byte. */
export const CALL_BYTES_MIN = 20;
/** A call says its deadline in units of so many milliseconds. */
export const DEADLINE_UNIT = 10;

const PATH = new RegExp(`^/[a-z0-9/_-]{1,${PATH_BYTES_MAX - 1}}$`);

/** Whether a text can be the path of an action. */
export function isPath(path: string): boolean {
  return PATH.test(path);
}

export function writeHello(instance: Uint8Array, writer: Writer): void {
  writer.u8(SERVICE_KINDS.hello).bytes(instance);
}

/** The epoch; undefined if the message is no greeting. */
export function readGreeting(message: Uint8Array): bigint | undefined {
  const reader = new Reader(message);
  const [kind, epoch] = [reader.u8(), reader.u64()];
  return kind === SERVICE_KINDS.greeting && reader.complete ? epoch : undefined;
}

export interface CallMessage {
  readonly number: number;
  readonly epoch: bigint;
  readonly oldest: number;
  /** In DEADLINE_UNIT. */
  readonly deadline: number;
  readonly path: string;
  /** The bytes of the request's value. */
  readonly value: Uint8Array;
}

export function writeCall({ number, epoch, oldest, deadline, path, value }: CallMessage, writer: Writer): void {
  writer.u8(SERVICE_KINDS.call).u32(number).u64(epoch).u32(oldest).u16(deadline);
  writer.varint(path.length).utf8(path).bytes(value);
}

export function writeCancel(number: number, writer: Writer): void {
  writer.u8(SERVICE_KINDS.cancel).u32(number);
}

/** What became of a call. */
export interface Outcome {
  readonly number: number;
  readonly status: number;
  /** Milliseconds; 0 except with the statuses 429 and 503. */
  readonly wait: number;
  /** The bytes of the answer's value. */
  readonly value: Uint8Array;
}

/** Undefined if the message is no outcome. */
export function readOutcome(message: Uint8Array): Outcome | undefined {
  const reader = new Reader(message);
  const [kind, number, status, wait] = [reader.u8(), reader.u32(), reader.u16(), reader.u32()];
  const value = reader.rest();
  const mayWait = status === STATUS.busy || status === STATUS.unavailable;
  const isGood =
    kind === SERVICE_KINDS.outcome && number > 0 && status >= 200 && status < 600 && (wait === 0 || mayWait) &&
    message.length <= OUTCOME_BYTES_MAX && !reader.failed;
  return isGood ? { number, status, wait, value } : undefined;
}

/** What the server tells without being asked: chat, presence, notifications. */
export interface Notice {
  readonly topic: string;
  /** `valueAs` gives it a type. */
  readonly value: AnyValue;
}

/** Undefined if the message is no notice. */
export function readNotice(message: Uint8Array): Notice | undefined {
  const reader = new Reader(message);
  const [kind, length] = [reader.u8(), reader.varint()];
  const topic = reader.utf8(length);
  const bytes = reader.rest();
  const isGood =
    kind === SERVICE_KINDS.notice && length > 0 && length <= TOPIC_BYTES_MAX && message.length <= NOTICE_BYTES_MAX;
  const value = isGood && !reader.failed ? readValue(bytes) : undefined;
  return value && { topic, value };
}
