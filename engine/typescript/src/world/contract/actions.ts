/** The types of games whose clients predict actions: PROTOCOL.md#actions. */

import type { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';
import { array, option } from './compound.js';
import { cooldown, entityId, f32, u16, u8 } from './scalars.js';
import { mix } from './schema.js';
import { struct } from './struct.js';
import { type Type, type Value } from './type.js';
import { variants } from './variants.js';

const ACTIONS_MAX = 31;

/** The action that interrupts a cast. */
export const CANCEL = 255;

/** What an action is aimed at. */
export const aim = /* @__PURE__ */ variants({
  Nothing: {},
  Entity: { id: entityId },
  Point: { point: /* @__PURE__ */ array(f32, 3) },
});

/** What a player asks for: a field of the game's Input. */
export const actionInput = /* @__PURE__ */ struct({ number: u8, action: u8, aim });

/** An action that has begun and is not executed yet. */
export const cast = /* @__PURE__ */ struct({ number: u8, action: u8, ticks: u16, aim });

/** Why an action is refused. */
export const actionRefusal = /* @__PURE__ */ variants({
  Speed: {},
  Teleport: {},
  Ground: {},
  Wall: {},
  Flight: {},
  Water: {},
  NoGo: {},
  Unknown: {},
  Cooldown: {},
  Cost: {},
  Range: {},
  Sight: {},
  State: {},
  Target: {},
  Busy: {},
  View: {},
  Flood: {},
  Game: {},
});

/** What became of an ask for an action. */
export const verdict = /* @__PURE__ */ variants({
  Pending: {},
  Done: {},
  Refused: { why: actionRefusal },
  Interrupted: {},
});

/** The ask that was decided last. */
export const decided = /* @__PURE__ */ struct({ number: u8, verdict });

/** What others learn of an action: a field of the game's Event. */
export const acted = /* @__PURE__ */ variants({
  Begins: { by: entityId, action: u8, aim },
  Done: { by: entityId, action: u8, aim },
  Broken: { by: entityId, action: u8 },
});

const noCast = /* @__PURE__ */ option(cast);

/** The actions of a player: a field of the game's Own. */
export interface ActionState {
  /** Ticks until each action can be used again; the last one is the shared cooldown. */
  readonly cooldowns: readonly number[];
  /** What the player has of each resource. */
  readonly resources: readonly number[];
  /** The action that has begun and is not executed yet. */
  readonly cast: Value<typeof cast> | null;
  /** The number of the ask that was seen last; 0 before the first. */
  readonly number: number;
  readonly decided: Value<typeof decided>;
}

/**
 * The state of so many actions, at most 31, and resources.
 *
 * @throws RangeError There are more actions, or more than 255 resources.
 */
export function actionState(actions: number, resources: number): Type<ActionState> {
  const isCount = (count: number, most: number): boolean => Number.isInteger(count) && count >= 0 && count <= most;
  if (!isCount(actions, ACTIONS_MAX) || !isCount(resources, 255)) {
    throw new RangeError(`${actions} actions and ${resources} resources; 31 and 255 are most`);
  }
  return new ActionStates(actions, resources);
}

class ActionStates implements Type<ActionState> {
  readonly schema: number;
  readonly bytesMax: number;
  readonly blank: ActionState;

  constructor(
    private readonly actions: number,
    private readonly resources: number,
  ) {
    this.schema = mix(actions + 256 * resources, 'actions');
    const running = Math.ceil((actions + 1) / 7);
    this.bytesMax = running + 2 * (actions + 1) + 2 * resources + noCast.bytesMax + 1 + decided.bytesMax;
    const zeros = (count: number): number[] => Array.from({ length: count }, () => 0);
    this.blank = {
      cooldowns: zeros(actions + 1),
      resources: zeros(resources),
      cast: null,
      number: 0,
      decided: decided.blank,
    };
  }

  read(reader: Reader): ActionState {
    const running = reader.varint();
    if (running >= 2 ** (this.actions + 1)) reader.fail();
    const cooldowns = this.blank.cooldowns.map((_, bit) => {
      if (Math.floor(running / 2 ** bit) % 2 === 0) return 0;
      const ticks = cooldown.read(reader);
      if (ticks === 0) reader.fail();
      return ticks;
    });
    const resources = this.blank.resources.map(() => reader.u16());
    return { cooldowns, resources, cast: noCast.read(reader), number: reader.u8(), decided: decided.read(reader) };
  }

  write(value: ActionState, writer: Writer): void {
    if (value.cooldowns.length !== this.actions + 1 || value.resources.length !== this.resources) {
      throw new RangeError(`a state of ${this.actions} actions and ${this.resources} resources has as many values`);
    }
    writer.varint(value.cooldowns.reduce((set, ticks, bit) => (ticks > 0 ? set + 2 ** bit : set), 0));
    for (const ticks of value.cooldowns) if (ticks > 0) cooldown.write(ticks, writer);
    for (const amount of value.resources) u16.write(amount, writer);
    noCast.write(value.cast, writer);
    u8.write(value.number, writer);
    decided.write(value.decided, writer);
  }

  equals(a: ActionState, b: ActionState): boolean {
    const alike = (one: readonly number[], other: readonly number[]): boolean =>
      one.length === other.length && one.every((value, at) => value === other[at]);
    return (
      alike(a.cooldowns, b.cooldowns) &&
      alike(a.resources, b.resources) &&
      noCast.equals(a.cast, b.cast) &&
      a.number === b.number &&
      decided.equals(a.decided, b.decided)
    );
  }
}
