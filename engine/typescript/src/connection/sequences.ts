/** The sequences of what this end sends: PROTOCOL.md#sequence. */

import type { Random } from '../crypto/keys.js';
import type { Ack } from '../wire/ack.js';
import { REPLAY_WINDOW, SKIPPED_NUMBER_PERIOD } from '../wire/limits.js';

export class Sequences {
  /** The last one that was used or left out. */
  highest = 0;

  private readonly skipped: number[] = [];
  private skipAt: number;

  constructor(private readonly random: Random) {
    this.skipAt = this.nextSkip();
  }

  /** The sequence of the next datagram. Now and then one is left out, which no peer can have received. */
  take(): number {
    this.highest += 1;
    if (this.highest !== this.skipAt) return this.highest;
    this.skipped.push(this.skipAt);
    while (this.skipped[0]! <= this.skipAt - REPLAY_WINDOW) this.skipped.shift();
    this.skipAt = this.nextSkip();
    this.highest += 1;
    return this.highest;
  }

  /** Whether a correct peer can have sent this. */
  isPossible(ack: Ack): boolean {
    const covers = (sequence: number): boolean =>
      ack.ranges.some(({ first, last }) => first <= sequence && sequence <= last);
    return ack.largest <= this.highest && !this.skipped.some(covers);
  }

  private nextSkip(): number {
    const bytes = this.random(2);
    const random = bytes[0]! | (bytes[1]! << 8);
    return this.highest + 2 + (random % (2 * SKIPPED_NUMBER_PERIOD));
  }
}
