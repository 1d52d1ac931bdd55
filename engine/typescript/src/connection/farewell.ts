/** The copies of a Disconnect: PROTOCOL.md#disconnect. */

import { DISCONNECT_COPIES, DISCONNECT_INTERVAL } from '../wire/limits.js';
import type { Established } from './established.js';

export class Farewell {
  private copies = DISCONNECT_COPIES;
  private next: number;

  /** `atOnce`: all copies leave with the next poll. */
  constructor(
    private readonly established: Established,
    private readonly reason: number,
    now: number,
    atOnce: boolean,
  ) {
    this.next = atOnce ? -Infinity : now;
  }

  /** When the next copy leaves. Infinity: all have left. */
  get nextAt(): number {
    return this.copies > 0 ? this.next : Infinity;
  }

  /** Appends the copies that are due. */
  poll(now: number, datagrams: Uint8Array[]): void {
    while (now >= this.nextAt) {
      datagrams.push(this.established.disconnect(this.reason));
      this.copies -= 1;
      this.next += DISCONNECT_INTERVAL;
    }
  }
}
