/** Which inputs are due, and the messages that carry them: PROTOCOL.md#input. */

import type { Writer } from '../../bytes/writer.js';
import { InputClock } from '../clock/input.js';
import type { Contract, InputOf } from '../contract/contract.js';
import { INPUTS_PER_MESSAGE_MAX } from '../limits.js';
import { writeInputs } from '../messages/input.js';
import { NO_LEAD, type SnapshotHeader } from '../messages/snapshot.js';
import { PREDICTED_TICKS_MAX, type Prediction } from '../prediction/prediction.js';
import { neutralInput, type Rules } from '../rules.js';
import type { View } from '../view/view.js';
import type { WorldStats } from './stats.js';

/** Inputs that one frame asks for at most. If more are due, the frame took so long that most of them would be late. */
export const INPUTS_PER_FRAME_MAX = 8;
/** The client tells the server a digest of its view every so many milliseconds. */
const DIGEST_EVERY = 1000;
/** At most so many ticks are stepped to where a clock starts. */
const START_TICKS_MAX = 100;

export class Inputs<C extends Contract> {
  /** Undefined until the first snapshot, and while the connection is lost. */
  clock: InputClock | undefined;

  /** Inputs that were made since the last input message. */
  private unsent = 0;
  private digestAt = -Infinity;

  constructor(
    private readonly rules: Rules<C>,
    private readonly view: View<C>,
    private readonly prediction: Prediction<C>,
    private readonly stats: WorldStats,
  ) {}

  /** What the server does meanwhile is unknown. The clock starts anew with the next snapshot. */
  stop(): void {
    this.clock = undefined;
    this.unsent = 0;
  }

  /** The clock follows what a snapshot says of the arrival of inputs. */
  follow(now: number, { lead, inputAge }: SnapshotHeader, roundTrip: number): void {
    const missed = inputAge > 0 && lead !== NO_LEAD;
    if (missed) this.stats.inputsMissed += 1;
    this.clock?.report(now, this.view.tick, lead, missed, roundTrip);
  }

  /** Starts the clock, if it does not run. The ticks until the first input are stepped as the server steps them: without one. */
  start(now: number, roundTrip: number): void {
    if (this.clock) return;
    this.clock = new InputClock(now, this.view.tick, roundTrip);
    const last = Math.min(this.clock.tick - 1, this.view.tick + START_TICKS_MAX);
    while (this.prediction.newest < last) this.prediction.skip();
  }

  /**
   * Lets time pass. Gives for how many ticks an input is due. After a frame that took too long, only those are due that can still
   * be in time: the other ticks are stepped as the server has stepped them.
   */
  due(now: number): number {
    const { clock, prediction } = this;
    if (!clock) return 0;
    clock.advance(now);
    if (clock.tick > this.view.tick + PREDICTED_TICKS_MAX) {
      // Without news for so long, nothing can be predicted.
      this.clock = undefined;
      return 0;
    }
    // The prediction is ahead of the clock while the clock waits.
    const due = Math.max(0, clock.tick - prediction.newest);
    if (due <= INPUTS_PER_FRAME_MAX) return due;
    const inTime = Math.min(Math.ceil(clock.margin) + 1, INPUTS_PER_FRAME_MAX);
    for (let skipped = inTime; skipped < due; skipped += 1) prediction.skip();
    this.stats.ticksSkipped += due - inTime;
    return inTime;
  }

  /** Takes the input of the next tick. The player saw the others at `shownTick`. */
  make(input: InputOf<C>, shownTick: number): void {
    if (!this.clock) return;
    const tick = this.prediction.newest + 1;
    const delay = Math.round((tick - shownTick) * 256);
    this.prediction.step({ input, viewDelay: Math.min(Math.max(delay, 0), 0xffff) });
    this.clock.made(tick);
    this.unsent += 1;
    this.stats.inputsMade += 1;
  }

  /**
   * Sends the inputs that were made since the last time, with those before that can still arrive in time.
   *
   * @throws RangeError An input does not fit the contract.
   */
  send(now: number, writer: Writer, send: () => boolean): void {
    const { view, clock, prediction, rules } = this;
    // An overloaded server asks for fewer messages. Each has the inputs of all ticks since the last one.
    const interval = view.newest?.inputInterval ?? 1;
    if (this.unsent < interval || !clock) return;
    const most = Math.min(Math.max(clock.inputsPerMessage, this.unsent), INPUTS_PER_MESSAGE_MAX);
    const received = view.acknowledgment();
    const digest = received && view.isExact && now >= this.digestAt ? view.digest() : undefined;
    const header = { received, digest, tick: prediction.newest };
    writer.clear();
    writeInputs(header, prediction.lastInputs(most), writer, rules.contract.input, neutralInput(rules));
    if (!send()) return;
    this.unsent = 0;
    this.stats.inputsSent += 1;
    if (digest !== undefined) this.digestAt = now + DIGEST_EVERY;
  }
}
