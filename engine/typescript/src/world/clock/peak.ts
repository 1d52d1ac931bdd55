/** The largest of the recent samples. */

/** Ticks for which a peak is held at least, at first; and the fewest samples in that time. */
const HOLD_FIRST = 120;
const SAMPLES_MIN = 16;
/** After a peak was forgotten too soon, peaks are held so many times longer. */
const LONGER = 4;
/** The longest time for which a peak is held at least, in ticks: about half a minute. */
const HOLD_MAX = 1920;

/** Holds the largest sample of the present window and the one before: so a peak is held for one to two windows. */
export class Peak {
  private beganAt: number | undefined;
  private samples = 0;
  private largest = -Infinity;
  /** The largest sample of the window before; undefined until one was full. */
  private former: number | undefined;
  /** Ticks of a window. */
  private hold = HOLD_FIRST;

  /** Notes a sample at `tick`. */
  note(tick: number, sample: number): void {
    this.beganAt ??= tick;
    this.samples += 1;
    this.largest = Math.max(this.largest, sample);
    if (tick - this.beganAt >= this.hold && this.samples >= SAMPLES_MIN) {
      this.former = this.largest;
      this.clearWindow();
    }
  }

  /** The largest sample; undefined before there were enough. */
  get held(): number | undefined {
    return this.former === undefined ? undefined : Math.max(this.former, this.largest);
  }

  /** The peak was forgotten too soon: holds each longer from now on, and collects samples anew. */
  holdLonger(): void {
    this.hold = Math.min(this.hold * LONGER, HOLD_MAX);
    this.former = undefined;
    this.clearWindow();
  }

  private clearWindow(): void {
    this.beganAt = undefined;
    this.samples = 0;
    this.largest = -Infinity;
  }
}
