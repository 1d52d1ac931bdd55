/** What only a server writes: entries, and the positions of poses. From PROTOCOL.md. */

import type { Writer } from '../../../src/bytes/writer.js';
import type { Struct } from '../../../src/world/index.js';
import type { WorldMap } from '../../../src/world/map.js';
import { turnTo, type Pose, type Vector } from '../../../src/world/pose.js';
import { blankState, changedFields, FIELDS, VELOCITY_STEP, type State } from '../../../src/world/state.js';

/** The position nearest to a point, in steps. Points outside go to the nearest edge. */
export function quantised(map: WorldMap, point: Vector): Vector {
  const axis = (at: 0 | 1 | 2): number => {
    const last = map.sections[at] * map.sectionSteps[at] - 1;
    return Math.min(Math.max(Math.round(point[at] / map.step), 0), last);
  };
  return [axis(0), axis(1), axis(2)];
}

/** The state of an entity with this pose. */
export function stateOf<S>(map: WorldMap, pose: Pose, shown: S): State<S> {
  const counts = (axis: number): number => Math.min(Math.max(Math.round(axis / VELOCITY_STEP), -0x8000), 0x7fff);
  const [x, y, z] = pose.velocity;
  return {
    position: quantised(map, pose.point),
    velocity: [counts(x), counts(y), counts(z)],
    rotation: pose.rotation,
    leap: pose.leap,
    shown,
  };
}

/** Writes an entry that says an entity is gone. */
export function writeGone(index: number, writer: Writer): void {
  writer.u16(index).u16(0);
}

/** Writes a full entry of a version, which is not reduced yet. */
export function writeFull<S>(
  index: number,
  generation: number,
  version: number,
  state: State<S>,
  writer: Writer,
  type: Struct<S>,
  blank: S = type.blank,
): void {
  const base = blankState(blank);
  const changed = changedFields(state, base, type) | FIELDS.position;
  writer.u16(index).u16((version % 32) | (changed << 10)).u8(generation);
  writeFields(state, base, changed, writer, type);
}

/** Writes a difference of two versions, 1 to 31 apart. */
export function writeDifference<S>(
  index: number,
  version: number,
  state: State<S>,
  baseVersion: number,
  base: State<S>,
  writer: Writer,
  type: Struct<S>,
): void {
  const changed = changedFields(state, base, type);
  writer.u16(index).u16((version % 32) | ((version - baseVersion) << 5) | (changed << 10));
  writeFields(state, base, changed, writer, type);
}

function writeFields<S>(state: State<S>, base: State<S>, changed: number, writer: Writer, type: Struct<S>): void {
  const { position, rotation, velocity } = state;
  if (changed & FIELDS.position) writeAxes(way(position, base.position, (to, from) => (to - from) | 0), writer);
  if (changed & FIELDS.rotation) writeAxes(way(rotation, base.rotation, turnTo), writer);
  if (changed & FIELDS.leap) writer.u8(state.leap);
  if (changed & FIELDS.shown) type.writeDifference(state.shown, base.shown, writer);
  if (changed & FIELDS.velocity) writeAxes(way(velocity, base.velocity, turnTo), writer);
}

function way(to: Vector, from: Vector, along: (to: number, from: number) => number): Vector {
  return [along(to[0], from[0]), along(to[1], from[1]), along(to[2], from[2])];
}

function writeAxes(axes: Vector, writer: Writer): void {
  const [first, second, third] = [widthOf(axes[0]), widthOf(axes[1]), widthOf(axes[2])];
  writer.u8(first | (second << 2) | (third << 4));
  for (const axis of axes) {
    const width = widthOf(axis);
    if (width === 1) writer.i8(axis);
    else if (width === 2) writer.i16(axis);
    else if (width === 3) writer.i32(axis);
  }
}

function widthOf(axis: number): number {
  if (axis === 0) return 0;
  if (axis >= -0x80 && axis <= 0x7f) return 1;
  return axis >= -0x8000 && axis <= 0x7fff ? 2 : 3;
}
