/** The types of the demonstration: PROTOCOL.md#the-demonstrations-contract. */

import {
  array,
  bool,
  contract,
  cooldown,
  entityId,
  f32,
  i8,
  struct,
  text,
  u16,
  u32,
  u8,
  variants,
  type InputOf,
  type OwnOf,
} from '../world/index.js';

/** Most bytes of what a player says at once. */
export const TEXT_BYTES_MAX = 200;

/** Bits of an input's keys. */
export const KEYS = { run: 0x01, jump: 0x02, dive: 0x04 } as const;
/** Bits of an input's actions. */
export const ACTIONS = { shoot: 0x01 } as const;
/** What an entity is, by number. */
export const ENTITY_KINDS = [
  'player',
  'npc',
  'monster',
  'projectile',
  'environment',
  'static build',
  'vehicle',
  'item',
  'effect',
] as const;
/** Bits of what an entity shows: its states. */
export const STATES = {
  alive: 0x01,
  inCombat: 0x02,
  moving: 0x04,
  casting: 0x08,
  invisible: 0x10,
  stunned: 0x20,
  falling: 0x40,
} as const;
/** Bits of what an entity shows: its buffs. */
export const BUFFS = {
  frozen: 0x01,
  poisoned: 0x02,
  burning: 0x04,
  slowed: 0x08,
  stunned: 0x10,
  invisible: 0x20,
  invulnerable: 0x40,
} as const;

export const demoContract = /* @__PURE__ */ contract({
  input: /* @__PURE__ */ struct({ forward: i8, left: i8, yaw: u16, keys: u8, actions: u8 }),
  own: /* @__PURE__ */ struct({
    point: /* @__PURE__ */ array(f32, 2),
    velocity: /* @__PURE__ */ array(f32, 2),
    yaw: u16,
    height: f32,
    rise: f32,
    shot: cooldown,
    gait: u8,
    leap: u8,
    potions: u8,
    stunned: bool,
    frozen: bool,
    slowed: bool,
  }),
  shown: /* @__PURE__ */ struct({
    kind: u8,
    faction: u8,
    states: u8,
    buffs: u8,
    health: u8,
    mana: u8,
    animation: u16,
    score: u32,
  }),
  ask: /* @__PURE__ */ variants({ Drink: {}, Hide: {}, Restart: {} }),
  answer: /* @__PURE__ */ variants({
    Drunk: { health: u8, potions: u8 },
    Hidden: { ticks: u16, mana: u8 },
    Restarted: {},
    Refused: {
      why: /* @__PURE__ */ variants({ NoBody: {}, Unhurt: {}, NoPotion: {}, NoMana: {}, TooEarly: { ticks: u16 } }),
    },
  }),
  event: /* @__PURE__ */ variants({
    Say: { text: /* @__PURE__ */ text(TEXT_BYTES_MAX) },
    Said: { by: entityId, text: /* @__PURE__ */ text(TEXT_BYTES_MAX) },
    Hit: { by: entityId, damage: u8 },
    Scored: { on: entityId },
    Beaten: { by: entityId, who: entityId },
  }),
});

export type DemoContract = typeof demoContract;
export type DemoInput = InputOf<DemoContract>;
export type DemoOwn = OwnOf<DemoContract>;
