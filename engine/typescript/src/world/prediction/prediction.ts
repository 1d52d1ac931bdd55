/**
 * The player's own state ahead of the server: the client steps it with its own inputs, and compares it with what the server
 * says later.
 */

import type { Contract, InputOf, OwnOf } from '../contract/contract.js';
import { INPUT_REPEAT_TICKS } from '../limits.js';
import type { TimedInput } from '../messages/input.js';
import { neutralInput, type Rules } from '../rules.js';

/** Ticks that are kept at most: about two seconds. */
export const PREDICTED_TICKS_MAX = 128;

/** A tick that was stepped. */
interface Step<I, O> {
  readonly input: TimedInput<I>;
  /** The game made this input. Otherwise it repeats one, as the server does. */
  readonly made: boolean;
  /** The state after it. */
  own: O;
}

/** What came of comparing a predicted state with the server's. */
export type Reconciled<O> =
  /** The prediction was right. */
  | { readonly is: 'Agreed' }
  /** It was not: the inputs after it were stepped again. `former` is the newest state as it was predicted before. */
  | { readonly is: 'Corrected'; readonly former: O }
  /** The tick is older than all that is kept: nothing was compared. */
  | { readonly is: 'Forgotten' };

/** The last ticks, with their inputs and states. */
export class Prediction<C extends Contract> {
  /** The last of it is `newestTick`; ticks follow each other. */
  private readonly steps: Step<InputOf<C>, OwnOf<C>>[] = [];
  private newestTick = 0;
  /** The last input that the game made, and its tick. */
  private lastMade: { readonly tick: number; readonly input: InputOf<C> } | undefined;
  private readonly neutral: InputOf<C>;

  constructor(private readonly rules: Rules<C>) {
    this.neutral = neutralInput(rules);
  }

  /** Forgets everything. */
  clear(): void {
    this.steps.length = 0;
    this.newestTick = 0;
    this.lastMade = undefined;
  }

  /** The newest state; undefined before the first. */
  get own(): OwnOf<C> | undefined {
    return this.steps[this.steps.length - 1]?.own;
  }

  /** The state one tick before the newest, if it is kept. */
  get ownBefore(): OwnOf<C> | undefined {
    return this.steps[this.steps.length - 2]?.own;
  }

  /** The tick of the newest state. */
  get newest(): number {
    return this.newestTick;
  }

  /** Whether there is no state yet. */
  get isEmpty(): boolean {
    return this.steps.length === 0;
  }

  /** Ticks that are kept. */
  get length(): number {
    return this.steps.length;
  }

  /** Steps one tick with an input that the game has made. There is a state. Gives the tick. */
  step(input: TimedInput<InputOf<C>>): number {
    this.push(input, true);
    this.lastMade = { tick: this.newestTick, input: input.input };
    return this.newestTick;
  }

  /** Steps one tick without an input of the game, as the server does if none arrives. There is a state. */
  skip(): number {
    const { lastMade } = this;
    const repeats = lastMade && this.newestTick + 1 - lastMade.tick <= INPUT_REPEAT_TICKS;
    this.push({ input: repeats ? lastMade.input : this.neutral, viewDelay: 0 }, false);
    return this.newestTick;
  }

  /**
   * Compares the server's state after the step of `tick` with the predicted one, and corrects the prediction if they differ.
   * What is older is forgotten. A state ahead of the prediction is compared, too: the ticks up to it are skipped.
   */
  reconcile(tick: number, own: OwnOf<C>): Reconciled<OwnOf<C>> {
    const former = this.own;
    if (former === undefined) {
      this.adopt(tick, own);
      return { is: 'Agreed' };
    }
    if (tick > this.newestTick + PREDICTED_TICKS_MAX) {
      this.adopt(tick, own);
      return { is: 'Corrected', former };
    }
    while (this.newestTick < tick) this.skip();
    const after = this.newestTick - tick;
    if (after >= this.steps.length) return { is: 'Forgotten' };
    this.steps.splice(0, this.steps.length - 1 - after);
    const compared = this.steps[0]!;
    if (this.agrees(compared.own, own)) return { is: 'Agreed' };
    const predicted = this.own!;
    this.replay(own);
    return { is: 'Corrected', former: predicted };
  }

  /** The last inputs that the game made for consecutive ticks, oldest first, at most `most`. The last one is of `newest`. */
  lastInputs(most: number): TimedInput<InputOf<C>>[] {
    let first = this.steps.length;
    while (first > 0 && this.steps.length - first < most && this.steps[first - 1]!.made) first -= 1;
    return this.steps.slice(first).map(({ input }) => input);
  }

  private agrees(predicted: OwnOf<C>, authoritative: OwnOf<C>): boolean {
    const { rules } = this;
    return rules.agrees
      ? rules.agrees(predicted, authoritative)
      : rules.contract.own.equals(predicted, authoritative);
  }

  private push(input: TimedInput<InputOf<C>>, made: boolean): void {
    const own = this.rules.step(this.own!, input.input);
    if (this.steps.length === PREDICTED_TICKS_MAX) this.steps.shift();
    this.steps.push({ input, made, own });
    this.newestTick += 1;
  }

  /** Takes the server's state of `tick`, of which nothing was predicted. */
  private adopt(tick: number, own: OwnOf<C>): void {
    this.steps.length = 0;
    this.steps.push({ input: { input: this.neutral, viewDelay: 0 }, made: false, own });
    this.newestTick = tick;
  }

  /** Steps all inputs after the oldest tick again. */
  private replay(own: OwnOf<C>): void {
    let state = own;
    this.steps.forEach((step, at) => {
      if (at > 0) state = this.rules.step(state, step.input.input);
      step.own = state;
    });
  }
}
