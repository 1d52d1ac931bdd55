/** Where something is, how it moves and where it looks, as a game calculates with it. */

/** Three numbers, along x, y and z. */
export type Vector = readonly [number, number, number];

export interface Pose {
  /** In units of the map. */
  readonly point: Vector;
  /** In units per second. */
  readonly velocity: Vector;
  /** Yaw, pitch and roll, in 65,536ths of a turn. */
  readonly rotation: Vector;
  /** Counts teleports. Between two poses that differ in it, nothing is interpolated. */
  readonly leap: number;
}

/** The shorter way from one angle to another, in 65,536ths of a turn: -32,768 to 32,767. */
export function turnTo(to: number, from: number): number {
  return ((to - from) << 16) >> 16;
}
