/** The body of a Fragment frame: PROTOCOL.md#fragments. */

import { Reader } from '../bytes/reader.js';
import type { Writer } from '../bytes/writer.js';
import { isChannel } from './channels.js';
import { FRAGMENT_GRAIN_BYTES, MESSAGE_BYTES_MAX } from './limits.js';

/** Bytes before the piece. */
export const FRAGMENT_HEADER_BYTES = 9;

const COMPRESSED = 0x8000_0000;

export interface Fragment {
  channel: number;
  number: number;
  /** Where the piece begins. */
  offset: number;
  /** Bytes of the whole as it travels. */
  size: number;
  compressed: boolean;
  piece: Uint8Array;
}

/** Nothing if a value is not allowed. */
export function readFragment(body: Uint8Array): Fragment | undefined {
  const reader = new Reader(body);
  const [channel, number, offset, field] = [reader.u8(), reader.u16(), reader.u16(), reader.u32()];
  const piece = reader.rest();
  const compressed = field >= COMPRESSED;
  const size = compressed ? field - COMPRESSED : field;
  if (reader.failed || piece.length === 0 || !isChannel(channel)) return undefined;
  if (size === 0 || size > MESSAGE_BYTES_MAX || offset % FRAGMENT_GRAIN_BYTES !== 0) return undefined;
  const end = offset + piece.length;
  if (end > size || (end < size && end % FRAGMENT_GRAIN_BYTES !== 0)) return undefined;
  return { channel, number, offset, size, compressed, piece };
}

/** Writes the body. `piece` is cut as the document demands. */
export function writeFragment(writer: Writer, fragment: Fragment): void {
  const field = fragment.size + (fragment.compressed ? COMPRESSED : 0);
  writer.u8(fragment.channel).u16(fragment.number).u16(fragment.offset).u32(field).bytes(fragment.piece);
}
