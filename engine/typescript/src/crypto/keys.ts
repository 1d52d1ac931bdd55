/** Keys of a connection and what is derived from them: PROTOCOL.md#keys. */

import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

import { x25519 } from './x25519.js';

export const KEY_BYTES = 32;

const ASCII = new TextEncoder();
const LABEL_TRAFFIC = 'ringshard 1 traffic ';
const LABEL_TOKEN = ASCII.encode('ringshard 1 resume');
const LABEL_RESUME_SECRET = ASCII.encode('ringshard 1 resume secret');
const LABEL_TRANSCRIPT = ASCII.encode('ringshard 1 integrity');
const LABEL_RESUMED = ASCII.encode('ringshard 1 resumed');
const LABEL_REKEY = ASCII.encode('ringshard 1 rekey');

/** The two keys that Noise's `Split()` gives, or that took their place. */
export interface SplitKeys {
  /** Client to server. */
  client: Uint8Array;
  /** Server to client. */
  server: Uint8Array;
}

export interface KeyPair {
  secret: Uint8Array;
  public: Uint8Array;
}

/** Where random bytes come from. */
export type Random = (length: number) => Uint8Array;

/** Random bytes of the platform, fit for keys. */
export const platformRandom: Random = (length) => crypto.getRandomValues(new Uint8Array(length));

/** A random number from 0, inclusive, to 1, exclusive. */
export function fractionOf(random: Random): number {
  const bytes = random(4);
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 0x1_0000_0000;
}

export function keyPair(random: Random): KeyPair {
  const secret = random(KEY_BYTES);
  return { secret, public: x25519.getPublicKey(secret) };
}

/** X25519. Nothing if the result is all zeros or the public key is none. */
export function agree(secret: Uint8Array, publicKey: Uint8Array): Uint8Array | undefined {
  try {
    const shared = x25519.getSharedSecret(secret, publicKey);
    return shared.some((byte) => byte !== 0) ? shared : undefined;
  } catch {
    return undefined;
  }
}

/** Whether two secret values are equal, in a time that does not depend on where they differ. */
export function equalSecrets(one: Uint8Array, other: Uint8Array): boolean {
  let difference = one.length ^ other.length;
  for (let at = 0; at < one.length; at += 1) difference |= one[at]! ^ (other[at] ?? 0);
  return difference === 0;
}

export function hmacSha256(key: Uint8Array, message: Uint8Array): Uint8Array {
  return hmac(sha256, key, message);
}

/** The traffic key of a direction. `suite`: its name; `length`: bytes of its keys. */
export function trafficKey(split: Uint8Array, suite = 'chacha20-poly1305', length = KEY_BYTES): Uint8Array {
  return hkdf(sha256, split, undefined, ASCII.encode(LABEL_TRAFFIC + suite), length);
}

/** What both ends derive from the split keys of a handshake: PROTOCOL.md#derived-secrets. */
export interface DerivedSecrets {
  /** Names the session. */
  token: Uint8Array;
  resumeSecret: Uint8Array;
  /** What integrity answers cover. */
  transcript: Uint8Array;
}

export function derivedSecrets(split: SplitKeys): DerivedSecrets {
  const both = concatenated(split.client, split.server);
  return {
    token: hkdf(sha256, both, undefined, LABEL_TOKEN, 16),
    resumeSecret: hkdf(sha256, both, undefined, LABEL_RESUME_SECRET, 32),
    transcript: hkdf(sha256, both, undefined, LABEL_TRANSCRIPT, 32),
  };
}

/** The split keys of a connection that resumes a session: PROTOCOL.md#resumption-keys. */
export function resumedKeys(split: SplitKeys, resumeSecret: Uint8Array): SplitKeys {
  return replaced(split, resumeSecret, LABEL_RESUMED);
}

/** The split keys after a rekey with this X25519 result: PROTOCOL.md#rekeying. */
export function rekeyedKeys(split: SplitKeys, shared: Uint8Array): SplitKeys {
  return replaced(split, shared, LABEL_REKEY);
}

function replaced(split: SplitKeys, material: Uint8Array, label: Uint8Array): SplitKeys {
  return {
    client: hkdf(sha256, material, split.client, label, KEY_BYTES),
    server: hkdf(sha256, material, split.server, label, KEY_BYTES),
  };
}

export function concatenated(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
