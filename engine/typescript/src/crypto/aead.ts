/** Sealing and opening of datagrams with ChaCha20-Poly1305: PROTOCOL.md#encrypted-datagrams. */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js';

import { HEADER_BYTES, TAG_BYTES } from '../wire/limits.js';

/** The nonce of a datagram with this header: connection id, then sequence. */
function nonceOf(header: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce.set(header.subarray(0, 4), 0);
  nonce.set(header.subarray(6, HEADER_BYTES), 4);
  return nonce;
}

/** The datagram whose header and plaintext these are. */
export function seal(key: Uint8Array, header: Uint8Array, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
  const datagram = new Uint8Array(HEADER_BYTES + plaintext.length + TAG_BYTES);
  datagram.set(header, 0);
  chacha20poly1305(key, nonceOf(header), header).encrypt(plaintext, datagram.subarray(HEADER_BYTES));
  return datagram;
}

/** The plaintext of a datagram. Nothing if it is not authentic. */
export function open(key: Uint8Array, datagram: Uint8Array): Uint8Array | undefined {
  if (datagram.length < HEADER_BYTES + TAG_BYTES) return undefined;
  const header = datagram.subarray(0, HEADER_BYTES);
  return openSealed(key, nonceOf(header), header, datagram.subarray(HEADER_BYTES));
}

/** Any sealed bytes that end with a tag. Nothing if they are not authentic. */
export function openSealed(
  key: Uint8Array,
  nonce: Uint8Array,
  associated: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  try {
    return chacha20poly1305(key, nonce, associated).decrypt(sealed);
  } catch {
    return undefined;
  }
}
