/** The bytes of messages about downloads: PROTOCOL.md#downloads. */

import { Reader } from '../../bytes/reader.js';
import { Writer } from '../../bytes/writer.js';

export const DOWNLOAD_KINDS = { open: 21, opened: 22, fetch: 23, piece: 24, stop: 25 } as const;

/** Downloads that have not ended. */
export const DOWNLOADS_OPEN_MAX = 16;
/** Ranges that were asked for and have not arrived. */
export const FETCHES_OPEN_MAX = 32;
/** Bytes of a range. */
export const FETCH_BYTES_MAX = 262_144;
/** Bytes of a piece. */
export const PIECE_BYTES_MAX = 8192;
/** Bytes of a name. */
export const RESOURCE_NAME_BYTES_MAX = 127;

const HASH_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** Whether a text can be the name of a resource. */
export function isResourceName(name: string): boolean {
  if (name.length > RESOURCE_NAME_BYTES_MAX || !/^[A-Za-z0-9._/-]+$/.test(name)) return false;
  return !name.split('/').some((part) => part === '' || part === '.' || part === '..');
}

export function writeOpen(download: number, name: string, writer: Writer): void {
  writer.u8(DOWNLOAD_KINDS.open).u32(download).u8(name.length).utf8(name);
}

export function writeFetch(download: number, hash: Uint8Array, offset: number, length: number, writer: Writer): void {
  writer.u8(DOWNLOAD_KINDS.fetch).u32(download).bytes(hash).u53(offset).u32(length);
}

export function writeStop(download: number, writer: Writer): void {
  writer.u8(DOWNLOAD_KINDS.stop).u32(download);
}

/** What a download is, or why there is none. */
export interface Opened {
  readonly download: number;
  readonly status: number;
  /** Milliseconds. */
  readonly wait: number;
  readonly hash: Uint8Array;
  /** Bytes of the content; Infinity: more than a number holds. */
  readonly size: number;
  /** Zeros: none. */
  readonly signature: Uint8Array;
}

/** Undefined if the message is none. */
export function readOpened(message: Uint8Array): Opened | undefined {
  const reader = new Reader(message);
  const [kind, download, status, wait] = [reader.u8(), reader.u32(), reader.u16(), reader.u32()];
  const hash = reader.bytes(HASH_BYTES).slice();
  const size = toNumber(reader.u64());
  const signature = reader.bytes(SIGNATURE_BYTES).slice();
  return kind === DOWNLOAD_KINDS.opened && reader.complete ? { download, status, wait, hash, size, signature } : undefined;
}

/** Bytes of a content, from `offset` on. */
export interface Piece {
  readonly download: number;
  /** Infinity: more than a number holds. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Undefined if the message is none. */
export function readPiece(message: Uint8Array): Piece | undefined {
  const reader = new Reader(message);
  const [kind, download, offset] = [reader.u8(), reader.u32(), toNumber(reader.u64())];
  const bytes = reader.rest();
  const isGood = kind === DOWNLOAD_KINDS.piece && !reader.failed && bytes.length > 0 && bytes.length <= PIECE_BYTES_MAX;
  return isGood ? { download, offset, bytes } : undefined;
}

/** The bytes that a signature of a resource covers. */
export function signedBytes(name: string, size: number, hash: Uint8Array): Uint8Array {
  return new Writer().utf8('ringshard resource 1').utf8(name).u53(size).bytes(hash).copy();
}

function toNumber(value: bigint): number {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Infinity;
}
