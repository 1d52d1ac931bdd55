/** Others between two snapshots: the pose of an entity at a tick with a fraction. */

import { TICKS_PER_SECOND } from './limits.js';
import type { WorldMap } from './map.js';
import { turnTo, type Pose, type Vector } from './pose.js';
import { poseOf } from './state.js';
import type { Sample, Seen } from './view/seen.js';

/** How others are shown. Times are milliseconds. */
export interface Interpolation {
  /**
   * How poses between two known ones are found: the last known one; on a straight line; or on a curve that has the known
   * velocities at its ends, and on a straight line where the velocities do not fit the way.
   */
  readonly mode: 'hold' | 'linear' | 'hermite';
  /** Others are shown at least so late. */
  readonly delayMin: number;
  /** Others are shown at most so late, however irregularly snapshots arrive. */
  readonly delayMax: number;
  /** Without news, an entity goes on with its velocity for so long, and then stands. */
  readonly extrapolationMax: number;
}

/** Two ticks late at least, 250 ms at most; 250 ms of extrapolation. */
export const INTERPOLATION_DEFAULT: Interpolation = {
  mode: 'hermite',
  delayMin: 2000 / TICKS_PER_SECOND,
  delayMax: 250,
  extrapolationMax: 250,
};

/** A glide takes at most so many ticks: an entity without news for longer has stood still. */
const GLIDE_TICKS_MAX = 15;

/** What an entity was at `tick`: the newest version that is not younger, or the oldest known one. */
export function sampleAt<S>(seen: Seen<S>, tick: number): Sample<S> {
  return seen.samples[indexAt(seen, tick)]!;
}

/** The pose of an entity at `tick`. */
export function poseAt<S>(seen: Seen<S>, tick: number, map: WorldMap, settings: Interpolation): Pose {
  const at = indexAt(seen, tick);
  const from = seen.samples[at]!;
  // From `since` to `tick`, it was the same.
  if (tick <= from.tick || settings.mode === 'hold') return poseOf(from.state, map);
  const to = seen.samples[at + 1];
  return to ? glided(from, to, tick, map, settings.mode) : extrapolated(from, tick, map, settings.extrapolationMax);
}

/** The pose on the straight line from `a` (share 0) to `b` (share 1); `b` if it leaps there. */
export function poseBetween(a: Pose, b: Pose, share: number): Pose {
  if (a.leap !== b.leap) return b;
  return {
    point: along((axis) => between(a.point[axis], b.point[axis], share)),
    velocity: along((axis) => between(a.velocity[axis], b.velocity[axis], share)),
    rotation: along((axis) => turned(a.rotation[axis], b.rotation[axis], share)),
    leap: a.leap,
  };
}

type Axis = 0 | 1 | 2;

function along(value: (axis: Axis) => number): Vector {
  return [value(0), value(1), value(2)];
}

function indexAt(seen: Seen<unknown>, tick: number): number {
  const { samples } = seen;
  let at = samples.length - 1;
  while (at > 0 && samples[at]!.since > tick) at -= 1;
  return at;
}

/** The pose at `tick`, which lies after the last tick of `from` and not after the first tick of `to`. */
function glided(
  from: Sample<unknown>,
  to: Sample<unknown>,
  tick: number,
  map: WorldMap,
  mode: Interpolation['mode'],
): Pose {
  const start = Math.max(from.tick, to.since - GLIDE_TICKS_MAX);
  const [a, b] = [poseOf(from.state, map), poseOf(to.state, map)];
  if (a.leap !== b.leap || to.since <= start || tick <= start) return a;
  const ticks = to.since - start;
  const share = Math.min((tick - start) / ticks, 1);
  const seconds = ticks / TICKS_PER_SECOND;
  const pose = poseBetween(a, b, share);
  if (mode !== 'hermite' || !fits(a, b, seconds, map.step)) return pose;
  return { ...pose, point: along((axis) => hermite(a, b, axis, share, seconds)) };
}

/** The pose at `tick`, which lies after all that is known. */
function extrapolated(last: Sample<unknown>, tick: number, map: WorldMap, most: number): Pose {
  const pose = poseOf(last.state, map);
  // A state that was the same in several snapshots moves nowhere, whatever its velocity says.
  if (last.since !== last.tick) return pose;
  const seconds = Math.min((tick - last.tick) / TICKS_PER_SECOND, most / 1000);
  return { ...pose, point: along((axis) => pose.point[axis] + pose.velocity[axis] * seconds) };
}

function between(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** A part of the shorter turn. */
function turned(a: number, b: number, share: number): number {
  return (a + Math.round(turnTo(b, a) * share)) & 0xffff;
}

/** Whether the velocities lead about to where the way leads. Games may leave velocities out, or stop at walls. */
function fits(a: Pose, b: Pose, seconds: number, step: number): boolean {
  let [miss, way] = [0, 0];
  for (const axis of [0, 1, 2] as const) {
    const moved = b.point[axis] - a.point[axis];
    const expected = ((a.velocity[axis] + b.velocity[axis]) / 2) * seconds;
    miss += (moved - expected) ** 2;
    way += moved ** 2;
  }
  return Math.sqrt(miss) <= Math.sqrt(way) / 2 + 2 * step;
}

/** A cubic Hermite curve. */
function hermite(a: Pose, b: Pose, axis: Axis, share: number, seconds: number): number {
  const [square, cube] = [share * share, share * share * share];
  const [from, way] = [a.point[axis], b.point[axis] - a.point[axis]];
  const [out, into] = [a.velocity[axis] * seconds, b.velocity[axis] * seconds];
  return from + way * (3 * square - 2 * cube) + out * (cube - 2 * square + share) + into * (cube - square);
}
