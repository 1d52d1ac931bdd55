/** The header of a datagram: PROTOCOL.md#header. */

import type { Reader } from '../bytes/reader.js';
import type { Writer } from '../bytes/writer.js';

export const Flag = { Encrypted: 0x01, ChaCha20Poly1305: 0x02, Rekey: 0x04 } as const;

export interface Header {
  /** As in the datagram, read as a little-endian u32: byte 0 is the core. */
  id: number;
  channel: number;
  flags: number;
  /** A view of bytes 6..14: the sequence, or the handshake tag. */
  tail: Uint8Array;
}

export function readHeader(reader: Reader): Header {
  return { id: reader.u32(), channel: reader.u8(), flags: reader.u8(), tail: reader.bytes(8) };
}

export function writeEncryptedHeader(writer: Writer, id: number, flags: number, sequence: number): void {
  writer.u32(id).u8(0).u8(flags).u53(sequence);
}

export function writePlainHeader(writer: Writer, id: number, tag: Uint8Array): void {
  writer.u32(id).u8(0).u8(0).bytes(tag);
}

export function coreOf(id: number): number {
  return id & 0xff;
}

/** 0 for ids that name no connection. */
export function generationOf(id: number): number {
  return (id >>> 8) & 0xff;
}

export function slotOf(id: number): number {
  return id >>> 16;
}

/** The id of a Connect that requests a core. */
export function coreRequest(core: number): number {
  return (core | (1 << 16)) >>> 0;
}
