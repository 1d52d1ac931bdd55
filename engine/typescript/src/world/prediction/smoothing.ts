/** What a correction changed of the own pose fades, so that the player does not see a jump. */

import { turnTo, type Pose, type Vector } from '../pose.js';

/** How corrections of the own pose are shown. */
export interface Smoothing {
  /** In so many milliseconds, a correction fades to 37 %. 0: corrections show at once. */
  readonly time: number;
  /** A correction by more units shows at once. */
  readonly snap: number;
  /** Shows the own pose between the last two ticks, so that it moves smoothly at any frame rate, up to a tick later. */
  readonly betweenTicks: boolean;
}

/** 100 ms; 500 units; at the newest tick. */
export const SMOOTHING_DEFAULT: Smoothing = { time: 100, snap: 500, betweenTicks: false };

const NOTHING: Vector = [0, 0, 0];

/** What is left of corrections. */
export class Smoother {
  /** In units. */
  private offset: Vector = NOTHING;
  /** In 65,536ths of a turn. */
  private turn: Vector = NOTHING;

  /** Shows the newest pose as it is. */
  clear(): void {
    this.offset = this.turn = NOTHING;
  }

  /** The pose `before` was corrected to `after`. Gives how far the point moved. Nothing fades if the pose leaps or is far. */
  corrected(before: Pose, after: Pose, settings: Smoothing): number {
    const moved = combined(before.point, after.point, (a, b) => a - b);
    this.offset = combined(this.offset, moved, (a, b) => a + b);
    this.turn = combined(this.turn, combined(before.rotation, after.rotation, turnTo), (a, b) => a + b);
    const far = length(this.offset);
    if (settings.time <= 0 || before.leap !== after.leap || !(far <= settings.snap)) this.clear();
    return length(moved);
  }

  /** Lets so many milliseconds pass. */
  fade(time: number, settings: Smoothing): void {
    if (settings.time <= 0) return this.clear();
    const left = Math.exp(-time / settings.time);
    this.offset = scaled(this.offset, left);
    this.turn = scaled(this.turn, left);
  }

  /** The pose with what is left of corrections. */
  shown(pose: Pose): Pose {
    return {
      ...pose,
      point: combined(pose.point, this.offset, (a, b) => a + b),
      rotation: combined(pose.rotation, this.turn, (a, b) => (a + Math.round(b)) & 0xffff),
    };
  }
}

function combined(a: Vector, b: Vector, of: (a: number, b: number) => number): Vector {
  return [of(a[0], b[0]), of(a[1], b[1]), of(a[2], b[2])];
}

function scaled(vector: Vector, by: number): Vector {
  return [vector[0] * by, vector[1] * by, vector[2] * by];
}

function length(vector: Vector): number {
  return Math.hypot(vector[0], vector[1], vector[2]);
}
