/** Compression of messages as single LZ4 blocks: PROTOCOL.md#compression. */

import { MESSAGE_BYTES_MAX } from '../wire/limits.js';

const SIZE_BYTES = 4;
const MATCH_BYTES_MIN = 4;
const LITERALS_LAST_MIN = 5;
const MATCH_START_FROM_END_MIN = 12;
const OFFSET_MAX = 65535;
const HASH_BITS = 13;

/** The message that travels as `bytes`. Nothing if it breaks the rules. */
export function decompress(bytes: Uint8Array): Uint8Array | undefined {
  if (bytes.length <= SIZE_BYTES) return undefined;
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0, true);
  if (size > MESSAGE_BYTES_MAX) return undefined;
  return decompressBlock(bytes.subarray(SIZE_BYTES), size);
}

function decompressBlock(block: Uint8Array, size: number): Uint8Array | undefined {
  const message = new Uint8Array(size);
  let [from, to] = [0, 0];
  let matchStart = -1;

  /** A length whose lower part is 15: further bytes are added while they are 255. Below 0: it does not end. */
  function length(start: number): number {
    let sum = start;
    if (start !== 15) return sum;
    for (;;) {
      const byte = block[from];
      if (byte === undefined || sum > size) return -1;
      from += 1;
      sum += byte;
      if (byte !== 255) return sum;
    }
  }

  while (from < block.length) {
    const token = block[from]!;
    from += 1;
    const literals = length(token >> 4);
    if (literals < 0 || literals > block.length - from || literals > size - to) return undefined;
    message.set(block.subarray(from, from + literals), to);
    from += literals;
    to += literals;
    if (from === block.length) {
      const isEndAllowed = literals >= LITERALS_LAST_MIN && matchStart <= size - MATCH_START_FROM_END_MIN;
      return to === size && (matchStart < 0 || isEndAllowed) ? message : undefined;
    }
    if (block.length - from < 2) return undefined;
    const offset = block[from]! | (block[from + 1]! << 8);
    from += 2;
    const extra = length(token & 15);
    const matched = extra + MATCH_BYTES_MIN;
    if (extra < 0 || offset === 0 || offset > to || matched > size - to) return undefined;
    matchStart = to;
    if (offset >= matched) message.copyWithin(to, to - offset, to - offset + matched);
    else for (let at = to; at < to + matched; at += 1) message[at] = message[at - offset]!;
    to += matched;
  }
  return undefined;
}

let table: Int32Array | undefined;

/** How `message` travels compressed. Nothing if that is not shorter. */
export function compress(message: Uint8Array): Uint8Array | undefined {
  const size = message.length;
  if (size < MATCH_START_FROM_END_MIN + 1 || size > MESSAGE_BYTES_MAX) return undefined;
  const out = new Uint8Array(size - 1);
  new DataView(out.buffer).setUint32(0, size, true);
  const end = compressBlock(message, out);
  return end < 0 ? undefined : out.subarray(0, end);
}

/** The end of the block in `out`, which begins behind the size. Below 0: there is no room for it. */
function compressBlock(message: Uint8Array, out: Uint8Array): number {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const places = (table ??= new Int32Array(1 << HASH_BITS));
  places.fill(-1);
  const matchStartMax = message.length - MATCH_START_FROM_END_MIN;
  const matchEndMax = message.length - LITERALS_LAST_MIN;
  let [at, literalsFrom, to] = [0, 0, SIZE_BYTES];
  while (at <= matchStartMax && to >= 0) {
    const word = view.getUint32(at, true);
    const hash = Math.imul(word, 2654435761) >>> (32 - HASH_BITS);
    const place = places[hash]!;
    places[hash] = at;
    if (place < 0 || at - place > OFFSET_MAX || view.getUint32(place, true) !== word) {
      at += 1 + ((at - literalsFrom) >> 6);
      continue;
    }
    let end = at + MATCH_BYTES_MIN;
    while (end < matchEndMax && message[end] === message[place + end - at]) end += 1;
    to = writeSequence(out, to, message.subarray(literalsFrom, at), at - place, end - at);
    at = end;
    literalsFrom = end;
  }
  return to < 0 ? to : writeSequence(out, to, message.subarray(literalsFrom), 0, 0);
}

/** One sequence. A match of 0 bytes: there is none, because the sequence is the last. */
function writeSequence(out: Uint8Array, start: number, literals: Uint8Array, offset: number, match: number): number {
  const matchRest = match > 0 ? match - MATCH_BYTES_MIN : 0;
  const lengths = Math.ceil(literals.length / 255) + Math.ceil(matchRest / 255);
  if (start + 3 + literals.length + lengths + 1 > out.length) return -1;
  let to = start + 1;
  out[start] = (Math.min(literals.length, 15) << 4) | Math.min(matchRest, 15);
  to = writeLength(out, to, literals.length);
  out.set(literals, to);
  to += literals.length;
  if (match === 0) return to;
  out[to] = offset & 0xff;
  out[to + 1] = offset >> 8;
  return writeLength(out, to + 2, matchRest);
}

function writeLength(out: Uint8Array, start: number, length: number): number {
  if (length < 15) return start;
  let to = start;
  let rest = length - 15;
  for (; rest >= 255; rest -= 255) out[to++] = 255;
  out[to++] = rest;
  return to;
}
