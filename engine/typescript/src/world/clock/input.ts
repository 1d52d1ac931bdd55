/**
 * The clock of the own inputs. It runs so far ahead of the server that inputs arrive in time, and no farther.
 *
 * Each snapshot says how far the newest input was ahead when the server took the input of a tick (its lead). The clock
 * remembers at which phase it sent each input: how far it was ahead of the local time. Phase less lead is the phase at
 * which that input would have arrived just in time. So a lead that is a round trip old tells exactly how to correct the
 * phase of now, and the loop does not swing.
 */

import { INPUTS_PER_MESSAGE_MAX } from '../limits.js';
import { NO_LEAD } from '../messages/snapshot.js';
import { Peak } from './peak.js';
import { Spread } from './spread.js';
import { clamp, ticksIn, timeOf } from './ticks.js';

/** The clock runs at most so much faster or slower than time. */
export const INPUT_RATE_MAX = 0.02;
/** A larger error is not steered away: the clock leaps, or waits. */
const LEAP_TICKS = 8;
/** In about so many ticks, the clock corrects its error. */
const STEERING_TICKS = 64;
/** A lead of 0 is just in time; this is the margin that is always added. */
const MARGIN = 1;
/** A lead is a whole number of ticks: on average the input arrived so much earlier than it says. */
const LEAD_ROUNDING = 0.5;
/** The margin grows by so many mean deviations of the leads, beyond the deviation that rounding alone may cause. */
const DEVIATIONS = 2;
const DEVIATION_OF_ROUNDING = 0.5;
/** What a missed input adds to the margin, and what a tick takes away again. */
const STARVATION_STEP = 0.5;
const STARVATION_DECAY = STARVATION_STEP / 2000;
/** What is known of a path before there are leads. */
const STARVATION_FIRST = 1;
const STARVATION_MAX = 6;
/** A missed input adds so many steps if the margin was decreased quickly before. */
const STARVATION_STEPS_BACK = 2;
/** What a tick takes away of a margin that was larger than needed: a tick per second. */
const EXCESS_DECAY = 1 / 60;
/** After so many missed inputs in a row the clock leaps ahead. */
const MISSED_IN_A_ROW = 6;
/** Inputs whose sending is remembered. */
const SENT_KEPT = 128;
/** The first guess believes a round trip of at most so many ticks. */
const ROUND_TRIP_MAX = 90;
/** After so many ticks of reports that say nothing of the path, the clock starts anew. */
const USELESS_TICKS_MAX = 60;
/** A frame counts as at most so many ticks. */
const FRAME_TICKS_MAX = 12;
/** An input that was the newest one for longer than so many usual frames says nothing of the path: the game had stalled. */
const REGULAR_FRAMES = 1.5;

interface Sent {
  readonly tick: number;
  readonly phase: number;
  readonly at: number;
}

/** The clock of the own inputs. Times are milliseconds. */
export class InputClock {
  /** The zero of the phase. */
  private readonly start: number;
  private position: number;
  private speed = 0;
  /** The phase at which inputs arrive just in time. */
  private justInTime = new Spread();
  private starvation = STARVATION_FIRST;
  /** The margin that would have been needed lately. */
  private readonly needed = new Peak();
  /** The margin was decreased because it was larger than needed, since the last miss. */
  private wasEager = false;
  /** Missed inputs up to this tick are the consequence of one that was counted. */
  private countedUntil: number;
  private missedInARow = 0;
  /** Since when reports say nothing of the path. */
  private uselessSince: number | undefined;
  /** Ticks from one frame with inputs to the next. */
  private frame = 1;
  private madeAt: number;
  private roundTrip: number;
  private readonly sent: (Sent | undefined)[] = new Array<Sent | undefined>(SENT_KEPT).fill(undefined);
  private leapCount = 0;

  /** Starts the clock by a first guess: a snapshot of `tick` has just arrived. */
  constructor(
    private now: number,
    tick: number,
    roundTrip: number,
  ) {
    this.start = this.madeAt = now;
    this.roundTrip = Math.min(ticksIn(roundTrip), ROUND_TRIP_MAX);
    this.position = tick + this.roundTrip + MARGIN + STARVATION_FIRST;
    this.countedUntil = tick;
  }

  /** The tick for which an input is due now. */
  get tick(): number {
    return Math.floor(this.position);
  }

  /** The same with its fraction. */
  get ticks(): number {
    return this.position;
  }

  /** How much faster than time the clock runs: within INPUT_RATE_MAX of 0. */
  get rate(): number {
    return this.speed;
  }

  /** How often the clock was set, because steering would have taken too long. */
  get leaps(): number {
    return this.leapCount;
  }

  /** How many ticks ahead of the tick that the server takes the newest input shall be. */
  get margin(): number {
    const beyond = Math.max(0, this.justInTime.deviation - DEVIATION_OF_ROUNDING);
    return MARGIN + DEVIATIONS * beyond + this.starvation;
  }

  /** How many of the last inputs a message shall repeat: those that can still arrive in time if others were lost. */
  get inputsPerMessage(): number {
    return clamp(Math.ceil(this.margin) + 2, 3, INPUTS_PER_MESSAGE_MAX);
  }

  /** When the next tick is due, if time passes. */
  get nextTickAt(): number {
    const missing = (Math.floor(this.position) + 1 - this.position) / (1 + this.speed);
    // A little more, so that rounding of large ticks does not make the caller return too early for ever.
    return this.now + timeOf(missing) + 0.001;
  }

  /** Lets time pass. */
  advance(now: number): void {
    const passed = Math.max(0, ticksIn(now - this.now));
    this.now = Math.max(this.now, now);
    this.position += passed * (1 + this.speed);
    this.starvation = Math.max(0, this.starvation - passed * STARVATION_DECAY);
    this.dropExcess(passed);
    this.steer();
  }

  /** The input of `tick` was made, and is sent now. */
  made(tick: number): void {
    if (this.madeAt < this.now) {
      const frame = clamp(ticksIn(this.now - this.madeAt), 1, FRAME_TICKS_MAX);
      this.frame += (frame - this.frame) / 16;
      this.madeAt = this.now;
    }
    this.sent[tick % SENT_KEPT] = { tick, phase: this.phase, at: this.now };
  }

  /** A snapshot of `tick` says that the newest input was ahead by `lead`, and whether the tick's own input was missed. */
  report(now: number, tick: number, lead: number, missed: boolean, roundTrip: number): void {
    this.roundTrip = ticksIn(roundTrip);
    const sent = lead === NO_LEAD ? undefined : this.regular(now, tick + lead);
    if (!sent) return this.noteUseless(now, tick);
    this.uselessSince = undefined;
    const justInTime = sent.phase - lead - LEAD_ROUNDING;
    this.justInTime.note(justInTime);
    this.needed.note(tick, justInTime - (this.justInTime.mean ?? 0));
    if (!missed) {
      this.missedInARow = 0;
      return;
    }
    this.missedInARow += 1;
    if (tick > this.countedUntil) this.grow(tick);
  }

  private get phase(): number {
    return this.position - ticksIn(this.now - this.start);
  }

  /** An input was missed: the margin grows. What was taken away too early comes back at once. */
  private grow(tick: number): void {
    const steps = this.wasEager ? STARVATION_STEPS_BACK : 1;
    if (this.wasEager) this.needed.holdLonger();
    this.wasEager = false;
    this.starvation = Math.min(this.starvation + steps * STARVATION_STEP, STARVATION_MAX);
    this.countedUntil = tick + Math.floor(this.roundTrip);
  }

  /** Decreases the margin if a smaller one would have been enough lately. */
  private dropExcess(passed: number): void {
    const needed = this.needed.held;
    if (needed === undefined) return;
    const excess = Math.min(this.margin - needed - MARGIN, this.starvation);
    if (excess > 0) {
      this.starvation -= Math.min(excess, passed * EXCESS_DECAY);
      this.wasEager = true;
    }
  }

  private steer(): void {
    const justInTime = this.justInTime.mean;
    if (justInTime === undefined) return;
    const error = justInTime + this.margin - this.phase;
    const starves = this.missedInARow >= MISSED_IN_A_ROW && error > 0.5;
    if (starves || Math.abs(error) > LEAP_TICKS) {
      this.position = Math.max(0, this.position + error);
      this.speed = this.missedInARow = 0;
      this.leapCount += 1;
    } else {
      this.speed = clamp(error / STEERING_TICKS, -INPUT_RATE_MAX, INPUT_RATE_MAX);
    }
  }

  /** No input arrives, perhaps because the server refuses inputs that are too far ahead: guesses again. */
  private noteUseless(now: number, tick: number): void {
    this.uselessSince ??= now;
    if (ticksIn(now - this.uselessSince) < USELESS_TICKS_MAX) return;
    this.justInTime = new Spread();
    this.now = now;
    this.position = tick + this.roundTrip + this.margin;
    this.speed = this.missedInARow = 0;
    this.uselessSince = undefined;
    this.leapCount += 1;
  }

  /** When an input was sent, if the next one followed in its turn. */
  private regular(now: number, tick: number): Sent | undefined {
    const sent = this.sentAt(tick);
    if (!sent) return undefined;
    const next = this.sentAt(tick + 1)?.at ?? now;
    return ticksIn(next - sent.at) <= REGULAR_FRAMES * this.frame + 1.5 ? sent : undefined;
  }

  private sentAt(tick: number): Sent | undefined {
    const sent = this.sent[tick % SENT_KEPT];
    return sent?.tick === tick ? sent : undefined;
  }
}
