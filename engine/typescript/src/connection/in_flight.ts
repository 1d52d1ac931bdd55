/** Ack-eliciting datagrams on their way, and which of them are lost: PROTOCOL.md#loss-detection. */

import type { Ack } from '../wire/ack.js';
import { REORDERING_PACKETS } from '../wire/limits.js';
import type { Part } from './reliable_sender.js';
import type { RoundTrip } from './roundtrip.js';

/** What a datagram carries that leaves again when it is lost. */
export interface Contents {
  parts: Part[];
  /** The kind of the frame for new keys. 0: none. */
  rekey: number;
  /** The answer to an integrity challenge. */
  integrity: Uint8Array | undefined;
  /** The datagram is a probe of this size. 0: it is not. */
  probe: number;
}

export interface Sent extends Contents {
  sequence: number;
  bytes: number;
  at: number;
}

export class InFlight {
  /** Consecutive probe timeouts. */
  row = 0;

  private sent: Sent[] = [];
  private highestAcknowledged = 0;
  private lastSentAt = 0;

  get isEmpty(): boolean {
    return this.sent.length === 0;
  }

  add(sent: Sent): void {
    this.sent.push(sent);
    this.lastSentAt = sent.at;
  }

  /** Takes out what an Ack acknowledges anew, and samples the round trip. */
  acknowledge(ack: Ack, roundTrip: RoundTrip, now: number): Sent[] {
    this.highestAcknowledged = Math.max(this.highestAcknowledged, ack.largest);
    const acknowledged: Sent[] = [];
    let range = ack.ranges.length - 1;
    this.sent = this.sent.filter((sent) => {
      while (range > 0 && sent.sequence > ack.ranges[range]!.last) range -= 1;
      const { first, last } = ack.ranges[range]!;
      if (sent.sequence < first || sent.sequence > last) return true;
      acknowledged.push(sent);
      return false;
    });
    const newest = acknowledged[acknowledged.length - 1];
    if (newest?.sequence === ack.largest) roundTrip.sample(now - newest.at, ack.delay);
    return acknowledged;
  }

  /** Takes out what is deemed lost because later datagrams arrived. */
  lost(roundTrip: RoundTrip, now: number): Sent[] {
    const lost: Sent[] = [];
    const { highestAcknowledged } = this;
    this.sent = this.sent.filter((sent) => {
      const isLost =
        sent.sequence + REORDERING_PACKETS <= highestAcknowledged ||
        (sent.sequence < highestAcknowledged && sent.at + roundTrip.lossDelay <= now);
      if (isLost) lost.push(sent);
      return !isLost;
    });
    return lost;
  }

  /** The oldest one, when a probe timeout expired. */
  takeOldest(): Sent | undefined {
    return this.sent.shift();
  }

  takeAll(): Sent[] {
    const all = this.sent;
    this.sent = [];
    return all;
  }

  /** When the next one is deemed lost, if no Ack comes. */
  lossAt(roundTrip: RoundTrip): number {
    const oldest = this.sent[0];
    if (!oldest || oldest.sequence >= this.highestAcknowledged) return Infinity;
    return oldest.at + roundTrip.lossDelay;
  }

  probeTimeoutAt(roundTrip: RoundTrip): number {
    return this.isEmpty ? Infinity : this.lastSentAt + roundTrip.probeTimeoutAfter(this.row);
  }
}
