/** The world as it is shown: the own state predicted, the others between snapshots. */

import type { InputClock } from '../clock/input.js';
import { clamp } from '../clock/ticks.js';
import type { Contract, OwnOf, ShownOf } from '../contract/contract.js';
import type { EntityId } from '../entity.js';
import { poseAt, poseBetween, sampleAt, type Interpolation } from '../interpolation.js';
import type { WorldMap } from '../map.js';
import type { Pose } from '../pose.js';
import type { Prediction } from '../prediction/prediction.js';
import type { Smoother, Smoothing } from '../prediction/smoothing.js';
import type { Rules } from '../rules.js';
import type { Seen } from '../view/seen.js';
import type { View } from '../view/view.js';

/** What a scene looks at. */
export interface Scenery<C extends Contract> {
  readonly rules: Rules<C>;
  readonly view: View<C>;
  readonly map: WorldMap | undefined;
  readonly body: EntityId | null;
  readonly prediction: Prediction<C>;
  readonly smoother: Smoother;
  readonly smoothing: Smoothing;
  readonly interpolation: Interpolation;
  readonly inputClock: InputClock | undefined;
  /** Where the own body stands until the first snapshot of another server. */
  readonly heldPose: Pose | undefined;
}

/** An entity as it is shown. */
export interface Other<S> {
  readonly entity: EntityId;
  readonly pose: Pose;
  readonly shown: S;
}

/** The world as it is shown now. It holds until the client is used again. */
export class Scene<C extends Contract> {
  constructor(
    private readonly of: Scenery<C>,
    /** The tick at which others are shown. It does not wrap at 2^32. */
    readonly shownTick: number,
  ) {}

  /** The player's own state, predicted; undefined before the first snapshot. */
  get own(): OwnOf<C> | undefined {
    return this.of.prediction.own;
  }

  /**
   * The pose of the player's own state, with what is left of corrections: they fade. It stands still from a move to another
   * server until the first snapshot from there.
   */
  get ownPose(): Pose | undefined {
    const { rules, smoother, smoothing, prediction, inputClock } = this.of;
    const { own, ownBefore } = prediction;
    if (own === undefined) return this.of.heldPose;
    const newest = rules.pose(own);
    if (!smoothing.betweenTicks || !inputClock || ownBefore === undefined) return smoother.shown(newest);
    const share = clamp(inputClock.ticks - prediction.newest, 0, 1);
    return smoother.shown(poseBetween(rules.pose(ownBefore), newest, share));
  }

  /** The entity that the player controls. */
  get body(): EntityId | null {
    return this.of.body;
  }

  /** The tick of the own state. The next input is for the tick after it. */
  get tick(): number {
    return this.of.prediction.newest;
  }

  /** All entities in view but the own body, in no particular order, at the shown tick. */
  *others(): Generator<Other<ShownOf<C>>> {
    const { view, map, body } = this.of;
    if (!map) return;
    for (const seen of view.entities()) {
      if (seen.id !== body) yield { entity: seen.id, pose: this.poseOf(seen, map), shown: this.shownOf(seen) };
    }
  }

  /** What the game shows of an entity in view, at the shown tick; of the own body, the newest that is known. */
  shown(entity: EntityId): ShownOf<C> | undefined {
    const seen = this.of.view.entity(entity);
    if (!seen) return undefined;
    return entity === this.of.body ? seen.state.shown : this.shownOf(seen);
  }

  /** The pose of an entity in view, at the shown tick; of the own body, the own pose. */
  pose(entity: EntityId): Pose | undefined {
    const { view, map, body } = this.of;
    if (entity === body) return this.ownPose;
    const seen = view.entity(entity);
    return seen && map && this.poseOf(seen, map);
  }

  private poseOf(seen: Seen<ShownOf<C>>, map: WorldMap): Pose {
    return poseAt(seen, this.shownTick, map, this.of.interpolation);
  }

  private shownOf(seen: Seen<ShownOf<C>>): ShownOf<C> {
    return sampleAt(seen, this.shownTick).state.shown;
  }
}
