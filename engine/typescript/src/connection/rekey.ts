/** Traffic keys, and their replacement in both roles: PROTOCOL.md#rekeying. */

import { open, seal } from '../crypto/aead.js';
import {
  agree,
  concatenated,
  keyPair,
  type KeyPair,
  type Random,
  rekeyedKeys,
  type SplitKeys,
  trafficKey,
} from '../crypto/keys.js';
import type { Range } from '../wire/ack.js';
import { FrameKind } from '../wire/frames.js';
import { equal } from '../wire/handshake.js';
import { Flag } from '../wire/header.js';
import { REKEY_BYTES, REKEY_PERIOD, REKEY_PERIOD_MIN } from '../wire/limits.js';

export type End = 'client' | 'server';

const FLAGS = Flag.Encrypted | Flag.ChaCha20Poly1305;
const NAME_BYTES = 8;
const LINGER_PROBE_TIMEOUTS = 3;
/** Datagrams with the RekeyResponse whose sequences are remembered. */
const RESPONSES_REMEMBERED = 16;

interface DirectionKeys {
  split: SplitKeys;
  sending: Uint8Array;
  receiving: Uint8Array;
}

type State =
  | { name: 'steady' }
  | { name: 'asked'; own: KeyPair; againAt: number }
  | { name: 'answered'; next: DirectionKeys; request: Uint8Array; response: Uint8Array; sequences: number[] }
  | { name: 'switched' }
  | { name: 'lingering'; until: number };

/** When an endpoint asks for new keys. */
export interface RekeyLimits {
  bytes: number;
  period: number;
}

export class TrafficKeys {
  /** How often the key that this end seals with was replaced. */
  replacements = 0;

  private state: State = { name: 'steady' };
  private keys: DirectionKeys;
  /** The phase under which this end seals, 0 or 1. */
  private phase = 0;
  /** The phase that the peer was last heard to change to. */
  private peerPhase = 0;
  /** The key of the peer's other phase: the new one while it did not change, then the old one. */
  private other: Uint8Array | undefined;
  private isFrameDue = false;
  private answeredAt = -Infinity;
  private sealingSince: number;
  private isHandshakeKey = true;
  private bytesSealed = 0;

  constructor(
    split: SplitKeys,
    private readonly end: End,
    now: number,
    private readonly random: Random,
    private readonly limits: RekeyLimits = { bytes: REKEY_BYTES, period: REKEY_PERIOD },
  ) {
    this.keys = this.derive(split);
    this.sealingSince = now;
  }

  /** The flags of the next datagram. */
  get flags(): number {
    return FLAGS | (this.phase === 1 ? Flag.Rekey : 0);
  }

  seal(header: Uint8Array, plaintext: Uint8Array): Uint8Array<ArrayBuffer> {
    const datagram = seal(this.keys.sending, header, plaintext);
    this.bytesSealed += datagram.length;
    return datagram;
  }

  /** Whether these flags are allowed, and there is a key for their phase. */
  hasKey(flags: number): boolean {
    return (flags & ~Flag.Rekey) === FLAGS && this.keyOf(flags) !== undefined;
  }

  /** The plaintext of a datagram with these flags, if it is authentic. */
  open(flags: number, datagram: Uint8Array, now: number, probeTimeout: number): Uint8Array | undefined {
    const key = this.keyOf(flags);
    const plaintext = key && open(key, datagram);
    if (plaintext && phaseOf(flags) !== this.peerPhase) this.heardNewPhase(now, probeTimeout);
    return plaintext;
  }

  /** Whether this end may ask for new keys now. */
  mayAsk(now: number): boolean {
    return this.state.name === 'steady' && (this.isHandshakeKey || now >= this.sealingSince + 2 * REKEY_PERIOD_MIN);
  }

  /** Asks for new keys, if that is allowed. */
  ask(now: number): void {
    if (!this.mayAsk(now)) return;
    this.state = { name: 'asked', own: keyPair(this.random), againAt: now + REKEY_PERIOD_MIN };
    this.isFrameDue = true;
  }

  /** False for a violation. */
  requested(request: Uint8Array, now: number): boolean {
    const { state } = this;
    if (state.name === 'answered' && equal(request, state.request)) {
      this.isFrameDue = true;
      return true;
    }
    const isOwnPreferred = state.name === 'asked' && this.end === 'server';
    if ((state.name !== 'steady' && state.name !== 'asked') || isOwnPreferred) return true;
    if (now < this.answeredAt + REKEY_PERIOD_MIN) return true;
    this.answeredAt = now;
    const own = keyPair(this.random);
    const shared = agree(own.secret, request);
    own.secret.fill(0);
    if (!shared) return false;
    const next = this.derive(rekeyedKeys(this.keys.split, shared));
    const response = concatenated(request.subarray(0, NAME_BYTES), own.public);
    this.state = { name: 'answered', next, request: request.slice(), response, sequences: [] };
    this.other = next.receiving;
    this.isFrameDue = true;
    return true;
  }

  /** False for a violation. */
  responded(requestStart: Uint8Array, key: Uint8Array, now: number): boolean {
    const { state } = this;
    if (state.name !== 'asked' || !equal(requestStart, state.own.public.subarray(0, NAME_BYTES))) return true;
    const shared = agree(state.own.secret, key);
    if (!shared) return false;
    state.own.secret.fill(0);
    const next = this.derive(rekeyedKeys(this.keys.split, shared));
    this.other = next.receiving;
    this.keys = { ...next, receiving: this.keys.receiving };
    this.state = { name: 'switched' };
    this.isFrameDue = false;
    this.sealsUnderNewKey(now);
    return true;
  }

  /** An Ack arrived. One under the old key that acknowledges the answer says that the answer was not used. */
  acknowledged(ranges: readonly Range[]): void {
    const { state } = this;
    if (state.name !== 'answered') return;
    const isAcknowledged = (sequence: number): boolean =>
      ranges.some(({ first, last }) => first <= sequence && sequence <= last);
    if (state.sequences.some(isAcknowledged)) this.settle();
  }

  /** The frame that is due: its kind and its body. */
  frameDue(): { kind: number; body: Uint8Array } | undefined {
    const { state } = this;
    if (!this.isFrameDue) return undefined;
    if (state.name === 'asked') return { kind: FrameKind.RekeyRequest, body: state.own.public };
    return state.name === 'answered' ? { kind: FrameKind.RekeyResponse, body: state.response } : undefined;
  }

  /** The frame that was due left in the datagram with this sequence. */
  frameSent(sequence: number): void {
    this.isFrameDue = false;
    if (this.state.name !== 'answered') return;
    this.state.sequences.push(sequence);
    if (this.state.sequences.length > RESPONSES_REMEMBERED) this.state.sequences.shift();
  }

  /** A datagram with a frame of this kind was lost: the frame leaves again where it is still wanted. */
  frameLost(kind: number): void {
    const wanted = this.state.name === 'asked' ? FrameKind.RekeyRequest : FrameKind.RekeyResponse;
    if ((this.state.name === 'asked' || this.state.name === 'answered') && kind === wanted) this.isFrameDue = true;
  }

  advance(now: number): void {
    const { state } = this;
    if (state.name === 'lingering' && now >= state.until) this.settle();
    if (state.name === 'asked' && now >= state.againAt) {
      state.againAt = now + REKEY_PERIOD_MIN;
      this.isFrameDue = true;
    }
    const isOld = this.bytesSealed >= this.limits.bytes || now >= this.sealingSince + this.limits.period;
    if (isOld) this.ask(now);
  }

  /** When `advance` has something to do. */
  timeout(): number {
    switch (this.state.name) {
      case 'lingering':
        return this.state.until;
      case 'asked':
        return this.state.againAt;
      case 'steady':
        return Math.max(this.sealingSince + this.limits.period, this.earliestAsk());
      default:
        return Infinity;
    }
  }

  private earliestAsk(): number {
    return this.isHandshakeKey ? 0 : this.sealingSince + 2 * REKEY_PERIOD_MIN;
  }

  private keyOf(flags: number): Uint8Array | undefined {
    return phaseOf(flags) === this.peerPhase ? this.keys.receiving : this.other;
  }

  private heardNewPhase(now: number, probeTimeout: number): void {
    const { state } = this;
    // While the old key lingers, the other phase is the old one.
    if (state.name !== 'answered' && state.name !== 'switched') return;
    const old = this.keys.receiving;
    if (state.name === 'answered') {
      this.keys = state.next;
      this.sealsUnderNewKey(now);
    } else {
      this.keys = { ...this.keys, receiving: this.other! };
    }
    this.other = old;
    this.peerPhase ^= 1;
    this.isFrameDue = false;
    this.state = { name: 'lingering', until: now + LINGER_PROBE_TIMEOUTS * probeTimeout };
  }

  private sealsUnderNewKey(now: number): void {
    this.phase ^= 1;
    this.sealingSince = now;
    this.bytesSealed = 0;
    this.isHandshakeKey = false;
    this.replacements += 1;
  }

  private settle(): void {
    this.state = { name: 'steady' };
    this.other = undefined;
    this.isFrameDue = false;
  }

  private derive(split: SplitKeys): DirectionKeys {
    const [client, server] = [trafficKey(split.client), trafficKey(split.server)];
    const isClient = this.end === 'client';
    return { split, sending: isClient ? client : server, receiving: isClient ? server : client };
  }
}

function phaseOf(flags: number): number {
  return (flags & Flag.Rekey) === 0 ? 0 : 1;
}
