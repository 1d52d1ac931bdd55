/** Which sequences arrived: the replay window, and when an Ack is due. */

import type { Writer } from '../bytes/writer.js';
import { writeAck } from '../wire/ack.js';
import { ACK_DELAY_MAX, REPLAY_WINDOW, SEQUENCE_MAX } from '../wire/limits.js';

/** Ack-eliciting datagrams that may wait for an Ack. */
const WAITING_MAX = 2;

export class Received {
  /** The highest sequence of an authentic datagram. */
  highest = 0;

  private readonly seen = new Uint8Array(REPLAY_WINDOW);
  /** When the highest arrived. */
  private highestAt = 0;
  private waiting = 0;
  private dueAt = Infinity;

  /** Whether a datagram with this sequence may still be accepted: PROTOCOL.md#replay-window. */
  isFresh(sequence: number): boolean {
    if (sequence > this.highest) return sequence <= SEQUENCE_MAX;
    return sequence > 0 && this.highest - sequence < REPLAY_WINDOW && !this.seen[sequence % REPLAY_WINDOW];
  }

  /** Marks the sequence of an authentic datagram. */
  mark(sequence: number, now: number): void {
    if (sequence > this.highest) {
      const passed = Math.min(sequence - this.highest, REPLAY_WINDOW);
      for (let back = 0; back < passed; back += 1) this.seen[(sequence - back) % REPLAY_WINDOW] = 0;
      this.highest = sequence;
      this.highestAt = now;
    }
    this.seen[sequence % REPLAY_WINDOW] = 1;
  }

  /** After `mark`, for ack-eliciting datagrams. `follows`: the sequence was the one after the highest before it. */
  elicitsAck(follows: boolean, now: number): void {
    this.waiting += 1;
    if (!follows || this.waiting >= WAITING_MAX) this.dueAt = now;
    else this.dueAt = Math.min(this.dueAt, now + ACK_DELAY_MAX);
  }

  /** Whether an ack-eliciting datagram waits for an Ack. */
  get isAckWaiting(): boolean {
    return this.waiting > 0;
  }

  /** When an Ack leaves even if nothing else does. */
  get ackAt(): number {
    return this.dueAt;
  }

  /** Writes the body of an Ack, which then is no longer due. */
  writeAck(writer: Writer, now: number, bytesMax: number): void {
    const isReceived = (sequence: number): boolean => this.seen[sequence % REPLAY_WINDOW] === 1;
    writeAck(writer, this.highest, Math.max(0, now - this.highestAt), isReceived, bytesMax);
    this.waiting = 0;
    this.dueAt = Infinity;
  }
}
