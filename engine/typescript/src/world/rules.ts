/** The rules of a game, which its server and its clients share. */

import type { Contract, InputOf, OwnOf, ShownOf } from './contract/contract.js';
import type { Pose } from './pose.js';

/** The types of a game, and the step that both ends run. */
export interface Rules<C extends Contract> {
  readonly contract: C;
  /**
   * A number for what both ends must have alike beside the types, such as the checksum of a map. The server refuses a client
   * with another number. 0 agrees with every number.
   */
  readonly level: number;
  /**
   * The player's own state one tick later. The server runs the same step: the result depends on nothing but the arguments and
   * the rules. It is a new object: what was given is not changed.
   */
  step(own: OwnOf<C>, input: InputOf<C>): OwnOf<C>;
  /** Where a player with this state is. */
  pose(own: OwnOf<C>): Pose;
  /** Whether a predicted state is as good as the server's. By default they must be equal. */
  agrees?(predicted: OwnOf<C>, authoritative: OwnOf<C>): boolean;
  /** The values that differences begin from, where they are not blank. The blank Input is neutral. */
  readonly blank?: {
    readonly input?: InputOf<C>;
    readonly own?: OwnOf<C>;
    readonly shown?: ShownOf<C>;
  };
}

/** The input that differences of inputs begin from: it is neutral. */
export function neutralInput<C extends Contract>(rules: Rules<C>): InputOf<C> {
  return rules.blank?.input ?? (rules.contract.input.blank as InputOf<C>);
}

/** The own state that differences begin from. */
export function blankOwn<C extends Contract>(rules: Rules<C>): OwnOf<C> {
  return rules.blank?.own ?? (rules.contract.own.blank as OwnOf<C>);
}

/** What differences of what an entity shows begin from. */
export function blankShown<C extends Contract>(rules: Rules<C>): ShownOf<C> {
  return rules.blank?.shown ?? (rules.contract.shown.blank as ShownOf<C>);
}
