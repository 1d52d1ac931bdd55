/** Where samples lie, and how far they scatter. */

import { clamp } from './ticks.js';

/** The newest sample weighs at least one in so many. */
const MEMORY = 64;
/** A sample counts as at most so many ticks away from the mean, so that one outlier moves little. */
const OUTLIER = 4;
/** After so many outliers in a row on one side, the mean moves there at once: the path has changed. */
const OUTLIERS_IN_A_ROW = 12;
/** The deviation that is assumed before there are samples, in ticks. */
const DEVIATION_FIRST = 0.5;

/** The mean and the mean deviation of samples, in ticks. Recent samples weigh most. */
export class Spread {
  private average = 0;
  private scatter = DEVIATION_FIRST;
  private samples = 0;
  private outliers = 0;
  /** The outlier of this row that is nearest to the mean, as a difference from it. */
  private nearest = 0;

  /** Undefined before the first sample. */
  get mean(): number | undefined {
    return this.samples > 0 ? this.average : undefined;
  }

  get deviation(): number {
    return this.scatter;
  }

  note(sample: number): void {
    if (this.samples === 0) {
      this.average = sample;
      this.samples = 1;
      return;
    }
    const off = sample - this.average;
    this.samples = Math.min(this.samples + 1, MEMORY);
    // The deviation starts from an assumption, not from nothing: it weighs like 8 samples.
    const weight = Math.min(this.samples + 8, MEMORY);
    this.scatter += (Math.min(Math.abs(off), OUTLIER) - this.scatter) / weight;
    if (this.moved(off)) {
      this.average += this.nearest;
      this.outliers = this.nearest = 0;
    } else {
      this.average += clamp(off, -OUTLIER, OUTLIER) / this.samples;
    }
  }

  /** Counts outliers on one side; true if there were enough in a row. */
  private moved(off: number): boolean {
    if (Math.abs(off) <= OUTLIER) {
      this.outliers = 0;
      return false;
    }
    const continues = this.outliers > 0 && off * this.nearest > 0;
    this.outliers = continues ? this.outliers + 1 : 1;
    if (!(continues && Math.abs(this.nearest) < Math.abs(off))) this.nearest = off;
    return this.outliers >= OUTLIERS_IN_A_ROW;
  }
}
