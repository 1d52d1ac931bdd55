/** The rows of a game's table of actions, and the number that both ends compare. */

import { actionRefusal, aim, type ActionState } from '../contract/actions.js';
import { mix, mixWith } from '../contract/schema.js';
import type { Value } from '../contract/type.js';

export type Aim = Value<typeof aim>;
export type ActionRefusal = Value<typeof actionRefusal>['is'];

/** What an action is aimed at, by number. */
const TARGETS = ['Nothing', 'Entity', 'Point'] as const;

/** A row of a game's table of actions: what an action takes. Its number is its place in the table. */
export interface Action {
  /** Its name, for logs. */
  readonly name: string;
  /** What it is aimed at. */
  readonly target: (typeof TARGETS)[number];
  /** Ticks from an execution until the action can be asked for again. */
  readonly cooldown: number;
  /** Ticks for which no action that has a shared cooldown can be asked for. An action with 0 does not wait for others. */
  readonly sharedCooldown: number;
  /** Ticks from the ask to the execution; 0: it is executed at once. */
  readonly cast: number;
  /** What an execution takes: numbers of resources, and amounts. Each resource occurs at most once. */
  readonly cost: readonly (readonly [resource: number, amount: number])[];
  /** How far away the target may be, in units. Only the server checks it. */
  readonly range: number;
  /** Whether nothing may stand between the player and the target. Only the server checks it. */
  readonly sight: boolean;
  /** Bits that the state of the player must have, and must not have, from the ask to the execution. */
  readonly needs: number;
  readonly forbids: number;
}

/** An action that costs nothing, has no cooldown and no target, and is always allowed, but for what `more` says. */
export function action(name: string, more: Partial<Omit<Action, 'name'>> = {}): Action {
  const free = { target: 'Nothing', cooldown: 0, sharedCooldown: 0, cast: 0, cost: [], needs: 0, forbids: 0 } as const;
  return { name, ...free, range: Infinity, sight: false, ...more };
}

/** Whether a player with these bits may do it. */
export function allows({ needs, forbids }: Action, bits: number): boolean {
  return (bits & needs) === needs && (bits & forbids) === 0;
}

/** Whether a player with these resources can pay for it. */
export function canPay({ cost }: Action, { resources }: ActionState): boolean {
  return cost.every(([resource, amount]) => (resources[resource] ?? 0) >= amount);
}

/** Whether an aim is of the kind of the action. A point that is not finite is none. */
export function fits({ target }: Action, at: Aim): boolean {
  return at.is === target && (at.is !== 'Point' || at.point.every((axis) => Number.isFinite(axis)));
}

/** A number for a table, to be a part of the level of the rules: a client with another table is refused then. */
export function tableDigest(table: readonly Action[]): number {
  return table.reduce((before, row) => rowDigest(before, row), mix(table.length, 'actions'));
}

function rowDigest(before: number, row: Action): number {
  const { name, target, cooldown, sharedCooldown, cast, cost, range, sight, needs, forbids } = row;
  let number = mix(before, name);
  const add = (value: number, text: string): void => {
    number = mixWith(number, value, text);
  };
  add(TARGETS.indexOf(target), 'target');
  add(cooldown, 'cooldown');
  add(sharedCooldown, 'shared');
  add(cast, 'cast');
  for (const [resource, amount] of cost) {
    add(resource, 'of');
    add(amount, 'cost');
  }
  add(new Uint32Array(Float32Array.of(range).buffer)[0]!, 'range');
  add(sight ? 1 : 0, 'sight');
  add(needs, 'needs');
  add(forbids, 'forbids');
  return number;
}
