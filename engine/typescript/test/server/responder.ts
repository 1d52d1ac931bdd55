/** The server's side of the handshake, from PROTOCOL.md#noise. */

import { x25519 } from '@noble/curves/ed25519.js';

import { agree, concatenated, type KeyPair, type SplitKeys } from '../../src/crypto/keys.js';
import { prologueOf, SymmetricState } from '../../src/crypto/noise.js';

export interface Responder {
  token: Uint8Array;
  /** Noise message 2 and the split keys, for these parameters. */
  answer(parameters: Uint8Array, ephemeral: KeyPair): { message: Uint8Array; split: SplitKeys };
}

/** Reads Noise message 1. Nothing if it does not open. */
export function respond(
  serverSecret: Uint8Array,
  noise: Uint8Array,
  suites: number,
  options: number,
  preSharedKey?: Uint8Array,
): Responder | undefined {
  const clientEphemeral = noise.subarray(0, 32);
  const state = new SymmetricState(preSharedKey !== undefined, prologueOf(suites, options));
  state.mixHash(x25519.getPublicKey(serverSecret));
  state.mixHash(clientEphemeral);
  if (preSharedKey) state.mixKey(clientEphemeral);
  const shared = agree(serverSecret, clientEphemeral);
  if (!shared) return undefined;
  state.mixKey(shared);
  const token = state.decryptAndHash(noise.subarray(32));
  return (
    token && {
      token,
      answer(parameters, ephemeral) {
        state.mixHash(ephemeral.public);
        if (preSharedKey) state.mixKey(ephemeral.public);
        state.mixKey(agree(ephemeral.secret, clientEphemeral)!);
        if (preSharedKey) state.mixKeyAndHash(preSharedKey);
        const message = concatenated(ephemeral.public, state.encryptAndHash(parameters));
        return { message, split: state.split() };
      },
    }
  );
}
