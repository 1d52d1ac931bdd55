/** Entering the world and leaving it: PROTOCOL.md#entering. */

import { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';
import { CONTRACT_PARTS, type ContractPart } from '../contract/contract.js';
import { TICKET_BYTES_MAX } from '../limits.js';
import { WorldMap } from '../map.js';
import { KINDS } from './kinds.js';

/** Reasons that are the server's own: PROTOCOL.md#reasons-of-the-server. */
export const SERVER_REASONS = { backlog: 255, ticket: 254, busy: 253, elsewhere: 252, disabled: 251 } as const;

/** What a server says of a presence. */
export type EnterAnswer =
  | { readonly is: 'Refused'; readonly reason: number }
  | { readonly is: 'Welcome'; readonly tick: number; readonly firstSnapshot: number; readonly map: WorldMap }
  | { readonly is: 'Moved'; readonly tick: number; readonly firstSnapshot: number; readonly map: WorldMap }
  | { readonly is: 'WrongSchema'; readonly part: ContractPart }
  | { readonly is: 'PutOut'; readonly reason: number };

/**
 * Writes a request to enter.
 *
 * @throws RangeError The ticket is longer than TICKET_BYTES_MAX.
 */
export function writeEnterRequest(schema: readonly number[], ticket: Uint8Array, writer: Writer): void {
  if (schema.length !== CONTRACT_PARTS.length) throw new RangeError(`${schema.length} numbers of a contract`);
  if (ticket.length > TICKET_BYTES_MAX) throw new RangeError(`a ticket of ${ticket.length} bytes; 1,024 is most`);
  writer.u8(KINDS.enter);
  for (const number of schema) writer.u32(number);
  writer.bytes(ticket);
}

/** Undefined if the message is none. */
export function readEnterAnswer(message: Uint8Array): EnterAnswer | undefined {
  const reader = new Reader(message);
  if (reader.u8() !== KINDS.enter) return undefined;
  const answer = readAnswer(reader.u8(), reader);
  return reader.complete ? answer : undefined;
}

function readAnswer(answer: number, reader: Reader): EnterAnswer | undefined {
  switch (answer) {
    case 0:
      return { is: 'Refused', reason: reader.u8() };
    case 1:
      return readWelcome('Welcome', reader);
    case 2: {
      const part = CONTRACT_PARTS[reader.u8()];
      return part && { is: 'WrongSchema', part };
    }
    case 3:
      return { is: 'PutOut', reason: reader.u8() };
    case 4:
      return readWelcome('Moved', reader);
    default:
      return undefined;
  }
}

function readWelcome(is: 'Welcome' | 'Moved', reader: Reader): EnterAnswer | undefined {
  const [tick, firstSnapshot] = [reader.u32(), reader.u16()];
  const [edge, height] = [reader.f32(), reader.f32()];
  const map = WorldMap.of(edge, height, [reader.u16(), reader.u16(), reader.u16()]);
  return map && { is, tick, firstSnapshot, map };
}
