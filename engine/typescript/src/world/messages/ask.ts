/** Asks, answers and events: PROTOCOL.md#asks-and-events. */

import { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';
import type { Type } from '../contract/type.js';
import { KINDS } from './kinds.js';

/** What a server says to an ask. */
export type Answered<A> =
  | { readonly is: 'Answer'; readonly number: number; readonly answer: A }
  | { readonly is: 'TooMany' | 'Malformed'; readonly number: number };

export function writeAsk<A>(number: number, ask: A, writer: Writer, type: Type<A>): void {
  writer.u8(KINDS.ask).u16(number);
  type.write(ask, writer);
}

/** Undefined if the message is none. */
export function readAnswer<A>(message: Uint8Array, type: Type<A>): Answered<A> | undefined {
  const reader = new Reader(message);
  if (reader.u8() !== KINDS.answer) return undefined;
  const [number, outcome] = [reader.u16(), reader.u8()];
  if (outcome > 2) return undefined;
  const answered: Answered<A> =
    outcome === 0
      ? { is: 'Answer', number, answer: type.read(reader) }
      : { is: outcome === 1 ? 'TooMany' : 'Malformed', number };
  return reader.complete ? answered : undefined;
}

export function writeEvent<E>(event: E, writer: Writer, type: Type<E>): void {
  writer.u8(KINDS.event);
  type.write(event, writer);
}

/** The event in a message; undefined if it is none. */
export function readEvent<E>(message: Uint8Array, type: Type<E>): { readonly event: E } | undefined {
  const reader = new Reader(message);
  if (reader.u8() !== KINDS.event) return undefined;
  const event = type.read(reader);
  return reader.complete ? { event } : undefined;
}
