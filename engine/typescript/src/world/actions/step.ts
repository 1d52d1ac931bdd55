/** The step of a player's actions, which both ends run: PROTOCOL.md#actions. */

import { CANCEL, type actionInput, type ActionState } from '../contract/actions.js';
import type { Value } from '../contract/type.js';
import { allows, canPay, fits, type Action, type ActionRefusal, type Aim } from './table.js';

/** Ticks for which an action whose cast was interrupted cannot be asked for again. */
const RETRY_TICKS = 6;

export type ActionInput = Value<typeof actionInput>;

/** What a step has done. */
export type ActionOutcome =
  | { readonly is: 'Nothing' }
  /** A cast has begun; an action is executed; a cast has ended without an execution. */
  | { readonly is: 'Began' | 'Executed' | 'Interrupted'; readonly action: number; readonly aim: Aim }
  /** An ask was refused, or a cast could not be executed at its end. */
  | { readonly is: 'Refused'; readonly action: number; readonly why: ActionRefusal };

export interface SteppedActions {
  readonly state: ActionState;
  readonly outcome: ActionOutcome;
}

const NOTHING: ActionOutcome = { is: 'Nothing' };

/**
 * The state one tick later, and what the step has done. `bits` is what the rows of the table speak of. Call it once in each
 * step of the rules. In a tick in which a cast ends, an ask waits for the next input that repeats it.
 */
export function stepActions(
  before: ActionState,
  table: readonly Action[],
  input: ActionInput,
  bits: number,
): SteppedActions {
  const cooled = { ...before, cooldowns: before.cooldowns.map((ticks) => Math.max(0, ticks - 1)) };
  const advanced = advanceCast(cooled, table, bits);
  const asks = input.number !== 0 && input.number !== before.number;
  if (!asks || advanced.outcome.is !== 'Nothing') return advanced;
  return ask({ ...advanced.state, number: input.number }, table, input, bits);
}

/** Why an ask for this action would be refused now, as far as a client can know; undefined: it would not. */
export function checkAction(
  state: ActionState,
  table: readonly Action[],
  action: number,
  aim: Aim,
  bits: number,
): ActionRefusal | undefined {
  const row = rowOf(state, table, action);
  if (!row) return 'Unknown';
  if (state.cast) return 'Busy';
  if (!fits(row, aim)) return 'Target';
  if (!allows(row, bits)) return 'State';
  const waits = row.sharedCooldown > 0 && sharedOf(state) > 0;
  if (waits || (state.cooldowns[action] ?? 0) > 0) return 'Cooldown';
  return canPay(row, state) ? undefined : 'Cost';
}

function advanceCast(state: ActionState, table: readonly Action[], bits: number): SteppedActions {
  if (!state.cast) return { state, outcome: NOTHING };
  const cast = { ...state.cast, ticks: Math.max(0, state.cast.ticks - 1) };
  const { number, action, aim } = cast;
  const row = rowOf(state, table, action);
  if (!row || !allows(row, bits)) return interrupted(state);
  if (cast.ticks > 0) return { state: { ...state, cast }, outcome: NOTHING };
  const ended = { ...state, cast: null };
  // The server may have taken resources since the cast began.
  return canPay(row, state) ? execute(ended, row, number, action, aim) : refused(ended, number, action, 'Cost');
}

function ask(state: ActionState, table: readonly Action[], input: ActionInput, bits: number): SteppedActions {
  const { number, action, aim } = input;
  if (action === CANCEL) return interrupted(state);
  const why = checkAction(state, table, action, aim, bits);
  const row = rowOf(state, table, action);
  if (why || !row) return refused(state, number, action, why ?? 'Unknown');
  const begun = row.sharedCooldown > 0 ? withCooldown(state, state.cooldowns.length - 1, row.sharedCooldown) : state;
  if (row.cast === 0) return execute(begun, row, number, action, aim);
  const cast = { number, action, ticks: row.cast, aim };
  return {
    state: { ...begun, cast, decided: { number, verdict: { is: 'Pending' } } },
    outcome: { is: 'Began', action, aim },
  };
}

function execute(state: ActionState, row: Action, number: number, action: number, aim: Aim): SteppedActions {
  const resources = [...state.resources];
  for (const [resource, amount] of row.cost) resources[resource]! -= amount;
  const paid = { ...state, resources, decided: { number, verdict: { is: 'Done' } as const } };
  return { state: withCooldown(paid, action, row.cooldown), outcome: { is: 'Executed', action, aim } };
}

/** Ends the cast under way, if there is one. Its action cools down for a while, so that casts are not begun in each tick. */
function interrupted(state: ActionState): SteppedActions {
  if (!state.cast) return { state, outcome: NOTHING };
  const { number, action, aim } = state.cast;
  const ended = { ...state, cast: null, decided: { number, verdict: { is: 'Interrupted' } as const } };
  // A state that a server has sent may name any action.
  const isKnown = action < state.cooldowns.length - 1;
  return {
    state: isKnown ? withCooldown(ended, action, RETRY_TICKS) : ended,
    outcome: { is: 'Interrupted', action, aim },
  };
}

function refused(state: ActionState, number: number, action: number, why: ActionRefusal): SteppedActions {
  const decided = { number, verdict: { is: 'Refused', why: { is: why } } as const };
  return { state: { ...state, decided }, outcome: { is: 'Refused', action, why } };
}

function withCooldown(state: ActionState, at: number, ticks: number): ActionState {
  return { ...state, cooldowns: state.cooldowns.map((now, index) => (index === at ? ticks : now)) };
}

/** The row of an action that the state has, too. */
function rowOf(state: ActionState, table: readonly Action[], action: number): Action | undefined {
  return action < state.cooldowns.length - 1 ? table[action] : undefined;
}

function sharedOf({ cooldowns }: ActionState): number {
  return cooldowns[cooldowns.length - 1] ?? 0;
}
