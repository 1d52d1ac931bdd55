/**
 * The clock by which others are shown. It follows the arrivals of snapshots, and runs so far behind that there nearly always
 * is a snapshot after the shown tick.
 */

import type { Interpolation } from '../interpolation.js';
import { Spread } from './spread.js';
import { clamp, ticksIn, timeOf } from './ticks.js';

/** The clock runs at most so much faster or slower than time. */
export const SHOWN_RATE_MAX = 0.1;
/** In about so many ticks, the clock corrects its error. */
const STEERING_TICKS = 16;
/** A larger error is not steered away: the clock leaps ahead, or waits. */
const LEAP_TICKS = 30;
/** The delay has so many mean deviations of the arrivals. */
const DEVIATIONS = 2;
/** Ticks of delay beside the interval of snapshots and the jitter. */
const MARGIN = 1;
/** What a frame past the newest snapshot adds to the delay, and what a tick takes away again. */
const STARVATION_STEP = 0.25;
const STARVATION_DECAY = STARVATION_STEP / 400;
const STARVATION_MAX = 6;
/** The interval of snapshots counts as at most so many ticks. */
const INTERVAL_MAX = 30;

/** The clock by which others are shown. Times are milliseconds. */
export class ShownClock {
  /** The zero of the phase. */
  private readonly start: number;
  private position: number;
  private speed = 0;
  private newest: number;
  /** Ticks of arriving snapshots, ahead of the local time. */
  private readonly arrivals = new Spread();
  /** Ticks from one snapshot to the next. */
  private interval = 1;
  private starvation = 0;
  /** What the frames past the newest snapshot add to `starvation`, unless the next snapshot is quiet. */
  private unexplained = 0;

  /** Starts the clock: a snapshot of `tick` has just arrived. */
  constructor(
    private now: number,
    tick: number,
    settings: Interpolation,
  ) {
    this.start = now;
    this.newest = tick;
    this.arrivals.note(tick);
    this.position = tick - this.delay(settings);
  }

  /** The shown tick. It is negative while a server that has just started shows its first ticks. */
  get ticks(): number {
    return this.position;
  }

  /** How much faster than time the clock runs: within SHOWN_RATE_MAX of 0. */
  get rate(): number {
    return this.speed;
  }

  /** Mean deviation of the arrivals of snapshots, in milliseconds. */
  get jitter(): number {
    return timeOf(this.arrivals.deviation);
  }

  /** The tick of a snapshot that would arrive now. */
  get arriving(): number {
    return (this.arrivals.mean ?? 0) + ticksIn(this.now - this.start);
  }

  /** How many ticks behind the arriving snapshots others are to be shown. */
  delay(settings: Interpolation): number {
    const wanted = this.interval + MARGIN + DEVIATIONS * this.arrivals.deviation + this.starvation;
    const least = ticksIn(settings.delayMin);
    return clamp(wanted, least, Math.max(least, ticksIn(settings.delayMax)));
  }

  /**
   * A snapshot newer than all before has arrived. `isQuiet`: no snapshot is missing since the one before, and at least one of
   * the two has no entity. Then the server was silent because it had nothing to tell, and others are not shown later.
   */
  arrived(now: number, tick: number, isQuiet: boolean): void {
    this.arrivals.note(tick - ticksIn(now - this.start));
    const { unexplained } = this;
    this.unexplained = 0;
    if (!isQuiet) {
      this.starvation = Math.min(this.starvation + unexplained, STARVATION_MAX);
      const interval = clamp(tick - this.newest, 0, INTERVAL_MAX);
      this.interval += (interval - this.interval) / 16;
    }
    this.newest = tick;
  }

  /** Lets time pass, until a frame is shown. True if its tick is past the newest snapshot. */
  advance(now: number, settings: Interpolation): boolean {
    const passed = Math.max(0, ticksIn(now - this.now));
    this.now = Math.max(this.now, now);
    this.position += passed * (1 + this.speed);
    this.starvation = Math.max(0, this.starvation - passed * STARVATION_DECAY);
    const starves = this.position > this.newest;
    // A frame that took long finds no snapshot because none was received meanwhile: that says nothing of the path.
    if (starves && passed < INTERVAL_MAX) this.unexplained += STARVATION_STEP * Math.min(passed, 1);
    this.steer(settings);
    return starves;
  }

  private steer(settings: Interpolation): void {
    const error = this.arriving - this.delay(settings) - this.position;
    if (error > LEAP_TICKS) {
      this.position += error;
      this.speed = 0;
    } else if (error < -LEAP_TICKS) {
      this.speed = -1;
    } else {
      this.speed = clamp(error / STEERING_TICKS, -SHOWN_RATE_MAX, SHOWN_RATE_MAX);
    }
  }
}
