/** The Noise handshake, NK and NKpsk2, from the initiator's side: PROTOCOL.md#noise. */

import { chacha20poly1305 } from '@noble/ciphers/chacha.js';
import { extract, expand } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';

import { openSealed } from './aead.js';
import { agree, concatenated, KEY_BYTES, type KeyPair, type SplitKeys } from './keys.js';
import { OPTION_PRE_SHARED_KEY } from '../wire/handshake.js';
import { PROTOCOL_VERSION } from '../wire/limits.js';

const ASCII = new TextEncoder();
const NOTHING = new Uint8Array(0);
export const NOISE_BYTES = 64;

/** The bytes that bind the offer to the handshake. */
export function prologueOf(suites: number, options: number): Uint8Array {
  const offer = Uint8Array.of(PROTOCOL_VERSION & 0xff, PROTOCOL_VERSION >> 8, suites, options);
  return concatenated(ASCII.encode('ringshard'), offer);
}

/** Noise's symmetric state, with its cipher state. Both ends of a handshake drive one. */
export class SymmetricState {
  private chainingKey: Uint8Array;
  private hash: Uint8Array;
  private key: Uint8Array | undefined;
  private nonce = 0;

  constructor(hasPreSharedKey: boolean, prologue: Uint8Array) {
    const name = ASCII.encode(`Noise_NK${hasPreSharedKey ? 'psk2' : ''}_25519_ChaChaPoly_SHA256`);
    if (name.length <= KEY_BYTES) {
      this.hash = new Uint8Array(KEY_BYTES);
      this.hash.set(name);
    } else {
      this.hash = sha256(name);
    }
    this.chainingKey = this.hash;
    this.mixHash(prologue);
  }

  mixHash(data: Uint8Array): void {
    this.hash = sha256(concatenated(this.hash, data));
  }

  mixKey(material: Uint8Array): void {
    const [chainingKey, key] = this.derive(material, 2);
    this.chainingKey = chainingKey!;
    this.key = key!;
    this.nonce = 0;
  }

  /** For pre-shared keys. */
  mixKeyAndHash(material: Uint8Array): void {
    const [chainingKey, hash, key] = this.derive(material, 3);
    this.chainingKey = chainingKey!;
    this.mixHash(hash!);
    this.key = key!;
    this.nonce = 0;
  }

  encryptAndHash(plaintext: Uint8Array): Uint8Array {
    const sealed = chacha20poly1305(this.key!, this.nextNonce(), this.hash).encrypt(plaintext);
    this.mixHash(sealed);
    return sealed;
  }

  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const plaintext = openSealed(this.key!, this.nextNonce(), this.hash, sealed);
    this.mixHash(sealed);
    return plaintext;
  }

  split(): SplitKeys {
    const [client, server] = this.derive(NOTHING, 2);
    return { client: client!, server: server! };
  }

  /** A copy, so that a message that does not authenticate changes nothing. */
  clone(): SymmetricState {
    const copy = Object.create(SymmetricState.prototype) as SymmetricState;
    return Object.assign(copy, this);
  }

  private nextNonce(): Uint8Array {
    const nonce = new Uint8Array(12);
    new DataView(nonce.buffer).setUint32(4, this.nonce, true);
    this.nonce += 1;
    return nonce;
  }

  private derive(material: Uint8Array, count: number): Uint8Array[] {
    const bytes = expand(sha256, extract(sha256, material, this.chainingKey), NOTHING, KEY_BYTES * count);
    return Array.from({ length: count }, (_, at) => bytes.slice(KEY_BYTES * at, KEY_BYTES * (at + 1)));
  }
}

export interface InitiatorOptions {
  /** The server's static public key. */
  serverKey: Uint8Array;
  /** The client's ephemeral key, fresh for every attempt. */
  ephemeral: KeyPair;
  suites: number;
  /** 16 bytes: the session to resume, or zeros. */
  token: Uint8Array;
  /** 32 bytes. */
  preSharedKey?: Uint8Array | undefined;
}

/** What ConnectionAccepted holds, and the keys. */
export interface Accepted {
  parameters: Uint8Array;
  split: SplitKeys;
}

/** The client's side of one attempt. */
export class Initiator {
  /** Noise message 1. */
  readonly message: Uint8Array;

  private readonly state: SymmetricState;

  private constructor(private readonly options: InitiatorOptions, shared: Uint8Array) {
    const { serverKey, ephemeral, suites, token, preSharedKey } = options;
    const state = new SymmetricState(!!preSharedKey, prologueOf(suites, preSharedKey ? OPTION_PRE_SHARED_KEY : 0));
    state.mixHash(serverKey);
    state.mixHash(ephemeral.public);
    if (preSharedKey) state.mixKey(ephemeral.public);
    state.mixKey(shared);
    this.message = concatenated(ephemeral.public, state.encryptAndHash(token));
    this.state = state;
  }

  /** Nothing if no server can have this key. */
  static start(options: InitiatorOptions): Initiator | undefined {
    const shared = agree(options.ephemeral.secret, options.serverKey);
    return shared ? new Initiator(options, shared) : undefined;
  }

  /** Reads Noise message 2. Nothing if it is not authentic: the attempt continues. */
  finish(message: Uint8Array): Accepted | undefined {
    if (message.length !== NOISE_BYTES) return undefined;
    const { ephemeral, preSharedKey } = this.options;
    const serverEphemeral = message.subarray(0, KEY_BYTES);
    const shared = agree(ephemeral.secret, serverEphemeral);
    if (!shared) return undefined;
    const state = this.state.clone();
    state.mixHash(serverEphemeral);
    if (preSharedKey) state.mixKey(serverEphemeral);
    state.mixKey(shared);
    if (preSharedKey) state.mixKeyAndHash(preSharedKey);
    const parameters = state.decryptAndHash(message.subarray(KEY_BYTES));
    return parameters && { parameters, split: state.split() };
  }
}
