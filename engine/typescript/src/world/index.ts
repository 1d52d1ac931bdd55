/** The world: contracts, views, prediction and interpolation. */

export { array, option, text, textBytes } from './contract/compound.js';
export { contract, schemaOf, CONTRACT_PARTS } from './contract/contract.js';
export type {
  AnswerOf,
  AskOf,
  Contract,
  ContractPart,
  EventOf,
  InputOf,
  OwnOf,
  ShownOf,
} from './contract/contract.js';
export { bool, cooldown, entityId, f32, i16, i32, i64, i8, u16, u32, u64, u8 } from './contract/scalars.js';
export { struct, type FieldTypes, type FieldValues, type Struct } from './contract/struct.js';
export { variants, type VariantTypes, type VariantValues } from './contract/variants.js';
export type { Type, Value } from './contract/type.js';
export {
  acted,
  actionInput,
  actionRefusal,
  actionState,
  aim,
  CANCEL,
  cast,
  decided,
  verdict,
  type ActionState,
} from './contract/actions.js';
export { action, tableDigest, type Action, type ActionRefusal, type Aim } from './actions/table.js';
export { checkAction, stepActions, type ActionInput, type ActionOutcome, type SteppedActions } from './actions/step.js';
export { Asking } from './actions/asking.js';
export { generationOf, indexOf, NO_ENTITY, type EntityId } from './entity.js';
export { WorldMap } from './map.js';
export type { Pose, Vector } from './pose.js';
export type { Rules } from './rules.js';
export { INTERPOLATION_DEFAULT, type Interpolation } from './interpolation.js';
export { SMOOTHING_DEFAULT, type Smoothing } from './prediction/smoothing.js';
export { View, type Change, type Taken } from './view/view.js';
export type { Sample, Seen } from './view/seen.js';
export type { State } from './state.js';
export { SERVER_REASONS } from './messages/enter.js';
export { CHANNELS } from './messages/kinds.js';
export { TICKS_PER_SECOND } from './limits.js';
export { WorldClient, type Presence, type WorldOptions } from './client/client.js';
export type { TicketSource } from './client/tickets.js';
export type { AskId, News, Unanswered } from './client/news.js';
export type { Other, Scene } from './client/scene.js';
export type { Clocks, WorldStats } from './client/stats.js';
