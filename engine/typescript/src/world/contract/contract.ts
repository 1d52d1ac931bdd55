/** What both ends of a game must agree on: PROTOCOL.md#contract. */

import { ASK_BYTES_MAX, EVENT_BYTES_MAX, INPUT_BYTES_MAX, OWN_BYTES_MAX, SHOWN_BYTES_MAX } from '../limits.js';
import type { Struct } from './struct.js';
import type { Type, Value } from './type.js';

/** The parts of a contract, by number. */
export const CONTRACT_PARTS = ['Input', 'Own', 'Shown', 'Ask', 'Answer', 'Event', 'Level'] as const;
/** The name of a part. */
export type ContractPart = (typeof CONTRACT_PARTS)[number];

/** The types of a game. */
export interface Contract {
  /** What a player does in one tick. Its blank value is neutral. */
  readonly input: Struct<unknown>;
  /** The player's own state, which only the player receives. */
  readonly own: Struct<unknown>;
  /** What everybody in sight of an entity knows of it, beside its pose. */
  readonly shown: Struct<unknown>;
  /** What a client asks. */
  readonly ask: Type<unknown>;
  /** The answer to an ask. */
  readonly answer: Type<unknown>;
  /** What happens and is not kept. */
  readonly event: Type<unknown>;
}

export type InputOf<C extends Contract> = Value<C['input']>;
export type OwnOf<C extends Contract> = Value<C['own']>;
export type ShownOf<C extends Contract> = Value<C['shown']>;
export type AskOf<C extends Contract> = Value<C['ask']>;
export type AnswerOf<C extends Contract> = Value<C['answer']>;
export type EventOf<C extends Contract> = Value<C['event']>;

/**
 * The types of a game, checked: nothing in it is longer than the protocol allows.
 *
 * @throws RangeError A type is too large. It names the type.
 */
export function contract<const C extends Contract>(types: C): C {
  const check = (part: ContractPart, bytes: number, most: number): void => {
    if (bytes > most) throw new RangeError(`${part} has up to ${bytes} bytes; ${most} is most`);
  };
  check('Input', types.input.differenceBytesMax, INPUT_BYTES_MAX);
  check('Own', types.own.differenceBytesMax, OWN_BYTES_MAX);
  check('Shown', types.shown.differenceBytesMax, SHOWN_BYTES_MAX);
  check('Ask', types.ask.bytesMax, ASK_BYTES_MAX);
  check('Answer', types.answer.bytesMax, ASK_BYTES_MAX);
  check('Event', types.event.bytesMax, EVENT_BYTES_MAX);
  return types;
}

/** The numbers that both ends compare, in the order of the parts. */
export function schemaOf(types: Contract, level: number): number[] {
  const { input, own, shown, ask, answer, event } = types;
  return [...[input, own, shown, ask, answer, event].map((type) => type.schema), level >>> 0];
}
