/** What becomes of ack-eliciting datagrams: acknowledged or lost, and what that says of the path. */

import type { Ack } from '../wire/ack.js';
import { Congestion } from './congestion.js';
import { type Contents, InFlight, type Sent } from './in_flight.js';
import { Mtu } from './mtu.js';
import { RoundTrip } from './roundtrip.js';
import type { ConnectionStats } from './types.js';

/** Consecutive probe timeouts after which nothing seems to get through. */
const COLLAPSE_AFTER = 2;
/** Full datagrams in flight from which on larger ones are worth a probe. */
const BUSY_DATAGRAMS = 4;

export interface RecoveryEvents {
  acknowledged(contents: Contents): void;
  /** What the datagram carried is to leave again. */
  lost(contents: Contents): void;
}

export class Recovery {
  /** A probe timeout expired: something ack-eliciting leaves, whatever the window says. */
  isProbeDue = false;

  private readonly inFlight = new InFlight();
  private roundTripTime = new RoundTrip();
  private congestion = new Congestion();
  private mtu: Mtu;

  constructor(
    largestDatagram: number,
    private readonly events: RecoveryEvents,
    private readonly stats: ConnectionStats,
  ) {
    this.mtu = new Mtu(largestDatagram);
  }

  /** Milliseconds. 0: not measured. */
  get roundTrip(): number {
    return this.roundTripTime.smoothed;
  }

  get probeTimeout(): number {
    return this.roundTripTime.probeTimeout;
  }

  /** Bytes of the largest datagram. */
  get datagramBytes(): number {
    return this.mtu.size;
  }

  maySend(now: number): boolean {
    return this.isProbeDue || this.congestion.maySend(now, this.roundTrip);
  }

  /** When the window and the pace let the next datagram leave. Infinity: not before an Ack. */
  maySendAt(now: number): number {
    return this.congestion.nextAt(now, this.roundTrip);
  }

  sent(sent: Sent): void {
    this.inFlight.add(sent);
    this.congestion.sent(sent.bytes);
    if (sent.probe > 0) this.mtu.probeSent();
    else this.isProbeDue = false;
  }

  /** The size of a larger datagram that is to be tried. */
  mtuProbeDue(now: number): number | undefined {
    return this.mtu.probeDue(now, this.congestion.inFlight > BUSY_DATAGRAMS * this.mtu.size);
  }

  acknowledge(ack: Ack, now: number): void {
    const acknowledged = this.inFlight.acknowledge(ack, this.roundTripTime, now);
    for (const sent of acknowledged) {
      this.congestion.acknowledged(sent.bytes, sent.at);
      if (sent.probe > 0) this.mtu.probeAcknowledged(sent.probe);
      this.events.acknowledged(sent);
    }
    if (acknowledged.length > 0) {
      this.inFlight.row = 0;
      this.mtu.rowEnded(now);
    }
    this.detectLosses(now);
  }

  advance(now: number): void {
    this.detectLosses(now);
    if (now >= this.inFlight.probeTimeoutAt(this.roundTripTime)) this.probeTimedOut(now);
  }

  timeout(): number {
    return Math.min(
      this.inFlight.lossAt(this.roundTripTime),
      this.inFlight.probeTimeoutAt(this.roundTripTime),
      this.mtu.probeAt(),
    );
  }

  /** Everything in flight is lost, and nothing is known of the path. */
  restart(largestDatagram: number): void {
    for (const sent of this.inFlight.takeAll()) this.events.lost(sent);
    this.inFlight.row = 0;
    this.roundTripTime = new RoundTrip();
    this.congestion = new Congestion();
    this.mtu = new Mtu(largestDatagram);
    this.isProbeDue = false;
  }

  private detectLosses(now: number): void {
    for (const sent of this.inFlight.lost(this.roundTripTime, now)) this.lost(sent, now);
  }

  private probeTimedOut(now: number): void {
    this.inFlight.row += 1;
    const oldest = this.inFlight.takeOldest();
    if (oldest) this.lost(oldest, now);
    if (this.inFlight.row >= COLLAPSE_AFTER) this.congestion.collapse();
    this.mtu.timedOut(this.inFlight.row, now);
    this.isProbeDue = true;
  }

  private lost(sent: Sent, now: number): void {
    this.stats.datagramsLost += 1;
    if (sent.probe > 0) {
      this.congestion.forgotten(sent.bytes);
      this.mtu.probeLost(now);
    } else {
      this.congestion.lost(sent.bytes, sent.at, now);
    }
    this.events.lost(sent);
  }
}
