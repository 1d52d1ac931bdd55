/** How a client asks for actions: PROTOCOL.md#actions. */

import { actionInput, type ActionState } from '../contract/actions.js';
import { INPUT_REPEAT_TICKS } from '../limits.js';
import type { ActionInput } from './step.js';
import type { Aim } from './table.js';

/**
 * Gives each ask a number, and repeats it in the inputs that follow, in case some are lost. For an action on a held key, ask only
 * when `checkAction` allows it: a server counts asks that it must refuse.
 */
export class Asking {
  private input: ActionInput = actionInput.blank;
  /** In how many inputs it was. */
  private age = 0;

  /** The number of the last ask, to compare with that of the state's `decided`; 0 if there was none. */
  get number(): number {
    return this.input.number;
  }

  /** Asks for an action from the next input on. An ask that no input has had yet is replaced. `state` is the predicted one. */
  ask(state: ActionState, action: number, aim: Aim): void {
    const next = (number: number): number => (number === 255 ? 1 : number + 1);
    let number = next(this.input.number);
    // The state may be ahead of this value, when the program was started again.
    if (number === state.number) number = next(number);
    this.input = { number, action, aim };
    this.age = 0;
  }

  /** The field of the next input. Call it once per input. */
  nextInput(): ActionInput {
    if (this.age === INPUT_REPEAT_TICKS) return actionInput.blank;
    this.age += 1;
    return this.input;
  }
}
