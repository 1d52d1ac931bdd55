/** Pings, pongs, answers to path challenges, and the proof of the keys: PROTOCOL.md#heartbeat and #client-handshake. */

import type { Writer } from '../bytes/writer.js';
import { fractionOf, type Random } from '../crypto/keys.js';
import { FrameKind, writeFrame } from '../wire/frames.js';
import { equal } from '../wire/handshake.js';
import { CONNECT_RETRY_FIRST, CONNECT_RETRY_MAX, FRAME_HEADER_BYTES } from '../wire/limits.js';

const VALUE_BYTES = 8;
const FRAME_BYTES = FRAME_HEADER_BYTES + VALUE_BYTES;

export class Liveness {
  /** Milliseconds from the newest ping to its pong. 0: none came. */
  roundTrip = 0;
  /** A ping leaves with the next datagram. */
  isPingDue: boolean;

  private pingAt: number;
  private ping: { value: Uint8Array; at: number } | undefined;
  private pong: Uint8Array | undefined;
  private pathResponse: Uint8Array | undefined;
  private proofs = 0;
  private proofAt = Infinity;

  /** `proves`: this end sends pings until it has heard the other. */
  constructor(
    private readonly heartbeat: number,
    private readonly random: Random,
    proves: boolean,
    now: number,
  ) {
    this.pingAt = now + heartbeat;
    this.isPingDue = proves;
    if (proves) this.proofAt = this.nextProof(now);
  }

  /** Whether a frame waits to leave. */
  get isDue(): boolean {
    return this.isPingDue || this.pong !== undefined || this.pathResponse !== undefined;
  }

  /** Something authentic arrived. */
  heard(): void {
    this.proofAt = Infinity;
  }

  pinged(value: Uint8Array): void {
    this.pong = value.slice();
  }

  challenged(value: Uint8Array): void {
    this.pathResponse = value.slice();
  }

  ponged(value: Uint8Array, now: number): void {
    if (!this.ping || !equal(value, this.ping.value)) return;
    this.roundTrip = now - this.ping.at;
    this.ping = undefined;
  }

  advance(now: number): void {
    if (now >= this.pingAt) {
      this.isPingDue = true;
      this.pingAt = now + this.heartbeat;
    }
    if (now >= this.proofAt) {
      this.isPingDue = true;
      this.proofAt = this.nextProof(now);
    }
  }

  timeout(): number {
    return Math.min(this.pingAt, this.proofAt);
  }

  fill(writer: Writer, room: number, now: number): void {
    const end = writer.length + room;
    if (this.pathResponse) writeFrame(writer, FrameKind.PathResponse, this.pathResponse);
    if (this.pong) writeFrame(writer, FrameKind.Pong, this.pong);
    this.pathResponse = undefined;
    this.pong = undefined;
    if (!this.isPingDue || end - writer.length < FRAME_BYTES) return;
    this.ping = { value: this.random(VALUE_BYTES), at: now };
    this.isPingDue = false;
    writeFrame(writer, FrameKind.Ping, this.ping.value);
  }

  private nextProof(now: number): number {
    const wait = Math.min(CONNECT_RETRY_FIRST * 2 ** this.proofs, CONNECT_RETRY_MAX);
    this.proofs += 1;
    return now + wait * (0.75 + 0.5 * fractionOf(this.random));
  }
}
