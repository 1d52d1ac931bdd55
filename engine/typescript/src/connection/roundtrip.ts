/** Round-trip time and probe timeouts: PROTOCOL.md#loss-detection. Times are milliseconds. */

import { ACK_DELAY_MAX, PROBE_TIMEOUT_MAX, RETRANSMISSION_TIMEOUT_FIRST } from '../wire/limits.js';

/** The least that timers can tell apart. */
const GRANULARITY = 1;

export class RoundTrip {
  /** 0 before the first sample. */
  smoothed = 0;

  private variation = 0;
  private least = Infinity;

  get hasSample(): boolean {
    return this.least < Infinity;
  }

  /** `delay`: how long the Ack waited at the peer, as it says. */
  sample(measured: number, delay: number): void {
    if (!this.hasSample) {
      this.least = measured;
      this.smoothed = measured;
      this.variation = measured / 2;
      return;
    }
    this.least = Math.min(this.least, measured);
    const waited = Math.min(delay, ACK_DELAY_MAX);
    const adjusted = measured - waited >= this.least ? measured - waited : measured;
    this.variation += (Math.abs(this.smoothed - adjusted) - this.variation) / 4;
    this.smoothed += (adjusted - this.smoothed) / 8;
  }

  /** After how long a datagram below an acknowledged one is deemed lost. */
  get lossDelay(): number {
    return Math.max((this.smoothed * 9) / 8, GRANULARITY);
  }

  /** One probe timeout. */
  get probeTimeout(): number {
    if (!this.hasSample) return RETRANSMISSION_TIMEOUT_FIRST;
    return this.smoothed + Math.max(4 * this.variation, GRANULARITY) + ACK_DELAY_MAX;
  }

  /** The probe timeout after `row` consecutive ones. */
  probeTimeoutAfter(row: number): number {
    const single = this.probeTimeout;
    return Math.min(single * 2 ** row, Math.max(PROBE_TIMEOUT_MAX, single));
  }
}
