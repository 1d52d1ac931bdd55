/** How large datagrams may be: PROTOCOL.md#mtu-discovery. */

import {
  BLACK_HOLE_TIMEOUTS,
  BUCKETS,
  DATAGRAM_BYTES_BASE,
  DATAGRAM_BYTES_MIN,
  MTU_PROBE_BYTES,
  MTU_PROBES_MAX,
  MTU_RETRY,
} from '../wire/limits.js';

const RETRY_AFTER_LOSS = 500;
const RETRY_AT_LEAST = 2000;

export class Mtu {
  /** The largest datagram that may leave, apart from probes. */
  size: number;

  /** Sizes that the carrier takes, smallest first. */
  private readonly sizes: readonly number[];
  private isProbing = false;
  private losses = 0;
  private tryAt = 0;
  private timeouts = 0;

  /** `largest`: the largest datagram that the carrier takes. */
  constructor(largest: number) {
    const base = largestBucket(Math.min(DATAGRAM_BYTES_BASE, largest));
    this.size = base;
    const larger = MTU_PROBE_BYTES.filter((size) => size <= largest);
    this.sizes = [Math.min(DATAGRAM_BYTES_MIN, base), base, ...larger];
  }

  /** The size of a probe that is due. `isBusy`: much is in flight, or messages go in pieces. */
  probeDue(now: number, isBusy: boolean): number | undefined {
    const next = this.next;
    if (next === undefined || this.isProbing || now < this.tryAt) return undefined;
    return isBusy || next <= DATAGRAM_BYTES_BASE ? next : undefined;
  }

  probeSent(): void {
    this.isProbing = true;
  }

  probeAcknowledged(size: number): void {
    this.isProbing = false;
    this.losses = 0;
    this.size = Math.max(this.size, size);
  }

  probeLost(now: number): void {
    this.isProbing = false;
    this.losses += 1;
    const isAtLeast = this.size < DATAGRAM_BYTES_BASE;
    if (isAtLeast) this.tryAt = now + RETRY_AT_LEAST;
    else if (this.losses < MTU_PROBES_MAX) this.tryAt = now + RETRY_AFTER_LOSS;
    else {
      this.losses = 0;
      this.tryAt = now + MTU_RETRY;
    }
  }

  /** A probe timeout expired, the `row`-th in a row. */
  timedOut(row: number, now: number): void {
    this.timeouts = row;
    if (row !== BLACK_HOLE_TIMEOUTS && row !== 2 * BLACK_HOLE_TIMEOUTS) return;
    const base = this.sizes[1]!;
    const isAboveBase = this.size > base;
    this.size = isAboveBase ? base : this.sizes[0]!;
    this.losses = 0;
    this.tryAt = now + (isAboveBase ? MTU_RETRY : RETRY_AT_LEAST);
  }

  /** An Ack ended a row of probe timeouts. */
  rowEnded(now: number): void {
    if (this.timeouts >= BLACK_HOLE_TIMEOUTS) this.tryAt = now;
    this.timeouts = 0;
  }

  /** When the next probe is due. */
  probeAt(): number {
    return this.next === undefined || this.isProbing || this.next > DATAGRAM_BYTES_BASE ? Infinity : this.tryAt;
  }

  private get next(): number | undefined {
    return this.sizes.find((size) => size > this.size);
  }
}


/** Datagrams have the sizes of PROTOCOL.md#padding: the largest of them that a carrier with this bound takes. */
function largestBucket(bytes: number): number {
  return BUCKETS.findLast((size) => size <= bytes) ?? BUCKETS[0]!;
}
