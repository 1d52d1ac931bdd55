/** The replicated state of an entity, and the difference of two states: PROTOCOL.md#snapshots. */

import type { Reader } from '../bytes/reader.js';
import type { Writer } from '../bytes/writer.js';
import type { Struct } from './contract/struct.js';
import type { WorldMap } from './map.js';
import type { Pose, Vector } from './pose.js';

/** One count of a velocity, in units per second. */
export const VELOCITY_STEP = 2;

/** Bits of the fields of an entry. */
export const FIELDS = { position: 0x01, rotation: 0x02, leap: 0x04, shown: 0x08, velocity: 0x10, all: 0x1f } as const;

/** What is replicated of an entity. It is never changed. */
export interface State<S> {
  /** In steps. */
  readonly position: Vector;
  /** In counts of VELOCITY_STEP. */
  readonly velocity: Vector;
  /** In 65,536ths of a turn. */
  readonly rotation: Vector;
  readonly leap: number;
  readonly shown: S;
}

const ZERO: Vector = [0, 0, 0];

/** The state that full entries are a difference from. */
export function blankState<S>(shown: S): State<S> {
  return { position: ZERO, velocity: ZERO, rotation: ZERO, leap: 0, shown };
}

/** The pose of a state, as exactly as it is replicated. */
export function poseOf(state: State<unknown>, map: WorldMap): Pose {
  const { position, velocity, rotation, leap } = state;
  return {
    point: [map.units(position[0]), map.units(position[1]), map.units(position[2])],
    velocity: [velocity[0] * VELOCITY_STEP, velocity[1] * VELOCITY_STEP, velocity[2] * VELOCITY_STEP],
    rotation,
    leap,
  };
}

/** Reads `changed` of the fields, as differences from `base`. If the bytes are none, the reader fails. */
export function readState<S>(base: State<S>, changed: number, reader: Reader, type: Struct<S>): State<S> {
  if (changed & ~FIELDS.all) reader.fail();
  let { position, rotation, leap, shown, velocity } = base;
  if (changed & FIELDS.position) {
    const [x, y, z] = readAxes(reader);
    position = [(position[0] + x) >>> 0, (position[1] + y) >>> 0, (position[2] + z) >>> 0];
  }
  if (changed & FIELDS.rotation) {
    const [yaw, pitch, roll] = readAxes(reader);
    rotation = [(rotation[0] + yaw) & 0xffff, (rotation[1] + pitch) & 0xffff, (rotation[2] + roll) & 0xffff];
  }
  if (changed & FIELDS.leap) leap = reader.u8();
  if (changed & FIELDS.shown) shown = type.readDifference(shown, reader);
  if (changed & FIELDS.velocity) {
    const [x, y, z] = readAxes(reader);
    velocity = [wrap16(velocity[0] + x), wrap16(velocity[1] + y), wrap16(velocity[2] + z)];
  }
  return { position, velocity, rotation, leap, shown };
}

/** The fields in which two states differ. */
export function changedFields<S>(state: State<S>, base: State<S>, type: Struct<S>): number {
  return (
    (isSame(state.position, base.position) ? 0 : FIELDS.position) |
    (isSame(state.rotation, base.rotation) ? 0 : FIELDS.rotation) |
    (state.leap === base.leap ? 0 : FIELDS.leap) |
    (type.equals(state.shown, base.shown) ? 0 : FIELDS.shown) |
    (isSame(state.velocity, base.velocity) ? 0 : FIELDS.velocity)
  );
}

/** Writes all of a state, as digests need it: PROTOCOL.md#digest. */
export function writeWhole<S>(state: State<S>, writer: Writer, type: Struct<S>): void {
  for (const axis of state.position) writer.u32(axis);
  for (const axis of state.velocity) writer.i16(axis);
  for (const axis of state.rotation) writer.u16(axis);
  writer.u8(state.leap);
  type.write(state.shown, writer);
}

/** Whether two states are the same. */
export function sameState<S>(a: State<S>, b: State<S>, type: Struct<S>): boolean {
  return changedFields(a, b, type) === 0;
}

function isSame(a: Vector, b: Vector): boolean {
  return a === b || (a[0] === b[0] && a[1] === b[1] && a[2] === b[2]);
}

function wrap16(value: number): number {
  return (value << 16) >> 16;
}

function readAxes(reader: Reader): Vector {
  const widths = reader.u8();
  if (widths >> 6) reader.fail();
  return [readAxis(widths & 3, reader), readAxis((widths >> 2) & 3, reader), readAxis((widths >> 4) & 3, reader)];
}

function readAxis(width: number, reader: Reader): number {
  if (width === 0) return 0;
  return width === 1 ? reader.i8() : width === 2 ? reader.i16() : reader.i32();
}
