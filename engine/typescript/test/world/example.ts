/** The contract of PROTOCOL.md's test vectors, declared as a game declares its own. */

import {
  array,
  bool,
  contract,
  cooldown,
  entityId,
  f32,
  i16,
  i32,
  i64,
  i8,
  option,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
  variants,
} from '../../src/world/index.js';

export const color = struct({ red: u8, green: u8, blue: u8 });

export const example = contract({
  input: struct({ forward: i8, right: i8, yaw: u16, jump: bool, target: option(entityId) }),
  own: struct({
    fuel: u8,
    ammo: u16,
    score: u32,
    account: u64,
    lean: i8,
    slope: i16,
    debt: i32,
    clock: i64,
    speed: f32,
    grounded: bool,
    spot: array(f32, 2),
    dash: cooldown,
  }),
  shown: struct({ health: u8, name: text(8), carries: option(entityId), color }),
  ask: variants({ Open: { door: entityId }, Rename: { name: text(8) }, Surrender: {} }),
  answer: variants({ Opened: {}, Locked: { key: u32 } }),
  event: variants({
    Said: { words: text(16) },
    Shot: { by: entityId, along: array(i16, 3), hit: option(entityId) },
    Calm: {},
  }),
});

export type Example = typeof example;
