/** A server sends a client to another server: PROTOCOL.md#changing-the-server. */

import { Reader } from '../../bytes/reader.js';
import type { OtherServer } from '../../connection/types.js';
import { KINDS } from './kinds.js';

const ADDRESS_BYTES = 16;
const KEY_BYTES = 32;
/** ::ffff:a.b.c.d is the IPv4 address a.b.c.d. */
const MAPPED_IPV4 = [0, 0, 0, 0, 0, 0xffff] as const;

/** Undefined if the message is none. */
export function readChangeServer(message: Uint8Array): OtherServer | undefined {
  const reader = new Reader(message);
  if (reader.u8() !== KINDS.changeServer) return undefined;
  const [core, key, address, port] = [reader.u8(), reader.bytes(KEY_BYTES), reader.bytes(ADDRESS_BYTES), reader.u16()];
  if (!reader.complete || port === 0) return undefined;
  return { core, key: key.slice(), address: addressOf(address), port };
}

function addressOf(bytes: Uint8Array): string {
  const groups = Array.from({ length: ADDRESS_BYTES / 2 }, (_, at) => (bytes[2 * at]! << 8) | bytes[2 * at + 1]!);
  if (MAPPED_IPV4.every((group, at) => groups[at] === group)) return bytes.subarray(12).join('.');
  return groups.map((group) => group.toString(16)).join(':');
}
