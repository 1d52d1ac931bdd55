/** News for the game, in the order in which it arrived. */

import type { AnswerOf, Contract, ContractPart, EventOf } from '../contract/contract.js';
import type { EntityId } from '../entity.js';
import type { WorldMap } from '../map.js';

/** Names an ask. Numbers are used again, but never one that waits for an answer. */
export type AskId = number;

/**
 * Why there is no answer to an ask: too many of this client waited at the server; an end could not read the other, because
 * their contracts differ; the client was put out of the world first; the session ended first.
 */
export type Unanswered = 'TooMany' | 'Malformed' | 'PutOut' | 'SessionLost';

export type News<C extends Contract> =
  /** The client is in the world. Nothing is in view yet. */
  | { readonly is: 'Entered'; readonly map: WorldMap }
  /**
   * The client is in the world of another server: the session has moved. Nothing is in view yet, without a Despawned for each.
   * Asks that wait for an answer go on waiting.
   */
  | { readonly is: 'Moved'; readonly map: WorldMap }
  /** There is no ticket: the source of the option `ticket` failed. `WorldClient.enter` asks it again. */
  | { readonly is: 'NoTicket'; readonly why: unknown }
  /** The server refuses the client. `WorldClient.enter` asks again. See SERVER_REASONS for the reasons above 240. */
  | { readonly is: 'Refused'; readonly reason: number }
  /**
   * The server's contract differs in this part. If it is a type, one of the two ends is outdated. If it is Level, the client's
   * map differs from the server's.
   */
  | { readonly is: 'WrongSchema'; readonly part: ContractPart }
  /** The client is no longer in the world. Nothing is in view, without a Despawned for each. */
  | { readonly is: 'PutOut'; readonly reason: number }
  /** An entity came into view. */
  | { readonly is: 'Spawned'; readonly entity: EntityId }
  /** An entity is gone, or too far away. */
  | { readonly is: 'Despawned'; readonly entity: EntityId }
  /** The player controls another entity, or none. */
  | { readonly is: 'BodyChanged'; readonly body: EntityId | null }
  /** An event of the game. It may arrive before Entered, because channels do not wait for each other. */
  | { readonly is: 'Event'; readonly event: EventOf<C> }
  | { readonly is: 'Answer'; readonly ask: AskId; readonly answer: AnswerOf<C> }
  /** There is no answer to an ask and will be none. */
  | { readonly is: 'Unanswered'; readonly ask: AskId; readonly why: Unanswered }
  /** The server's own state differed from the predicted one, and the own pose moved by so many units. */
  | { readonly is: 'Corrected'; readonly by: number }
  /**
   * The session is a new one, and the server knows nothing of the former one. Nothing is in view, without a Despawned for each.
   * The client enters again by itself, with the same ticket.
   */
  | { readonly is: 'Renewed' };
