/** Which snapshots were applied, and the acknowledgment of them: PROTOCOL.md#input. */

/** What an input message says of the snapshots: `newest`, and `before` as two halves. */
export interface Acknowledgment {
  readonly newest: number;
  /** Bits 0 to 31 of `before`. */
  readonly low: number;
  /** Bits 32 to 63. */
  readonly high: number;
}

/** A window of snapshots that were applied. */
export class Received {
  /** The number of the newest, or of the one before the first. */
  private newest: number;
  private any = false;
  private low = 0;
  private high = 0;

  /** Nothing was applied yet. The first snapshot has number `first`. */
  constructor(first: number) {
    this.newest = (first - 1) & 0xffff;
  }

  /** Whether a snapshot is newer than all before. */
  isNews(number: number): boolean {
    const ahead = (number - this.newest) & 0xffff;
    return ahead >= 1 && ahead <= 0x7fff;
  }

  /** Notes that a snapshot, which is news, was applied. */
  note(number: number): void {
    const ahead = (number - this.newest) & 0xffff;
    this.shift(ahead);
    // The bit of the one that was the newest.
    if (this.any && ahead <= 32) this.low = (this.low | (1 << (ahead - 1))) >>> 0;
    else if (this.any && ahead <= 64) this.high = (this.high | (1 << (ahead - 33))) >>> 0;
    this.newest = number;
    this.any = true;
  }

  /** Undefined before the first. */
  acknowledgment(): Acknowledgment | undefined {
    return this.any ? { newest: this.newest, low: this.low, high: this.high } : undefined;
  }

  private shift(by: number): void {
    if (by >= 64) {
      this.low = this.high = 0;
    } else if (by >= 32) {
      this.high = (this.low << (by - 32)) >>> 0;
      this.low = 0;
    } else {
      this.high = ((this.high << by) | (this.low >>> (32 - by))) >>> 0;
      this.low = (this.low << by) >>> 0;
    }
  }
}
