/** What the player wants, from keys, mouse and fingers, as the input of a tick. */

import { ACTIONS, demoContract, KEYS, type DemoInput } from '../src/demo/index.js';

const TURN = (2 * Math.PI) / 65_536;
const FULL = 127;

/** What one kind of device wants. */
interface Wants {
  /** East and north, each −1 to 1. */
  move: readonly [number, number];
  run: boolean;
  jump: boolean;
  shoot: boolean;
}

function nothing(): Wants {
  return { move: [0, 0], run: false, jump: false, shoot: false };
}

export class Controls {
  readonly keys = nothing();
  readonly touch = nothing();
  /** Where the mouse points, in pixels; undefined before it moves, and while fingers play. */
  pointer: readonly [number, number] | undefined;
  /** Where the player looks without a mouse, in radians. */
  private angle: number | undefined;

  /** The input of a player at `point` who looks at `yaw`, and aims at `aim` if there is a mouse. */
  input(point: readonly number[], yaw: number, aim: readonly [number, number] | undefined): DemoInput {
    const { keys, touch } = this;
    const [east, north] = [keys.move[0] + touch.move[0], keys.move[1] + touch.move[1]];
    if (aim) this.angle = Math.atan2(aim[1] - point[1]!, aim[0] - point[0]!);
    else if (east !== 0 || north !== 0) this.angle = Math.atan2(north, east);
    const angle = this.angle ?? yaw * TURN;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    return {
      ...demoContract.input.blank,
      forward: speed(east * cos + north * sin),
      left: speed(north * cos - east * sin),
      yaw: Math.round(angle / TURN) & 0xffff,
      keys: (keys.run || touch.run ? KEYS.run : 0) | (keys.jump || touch.jump ? KEYS.jump : 0),
      actions: keys.shoot || touch.shoot ? ACTIONS.shoot : 0,
    };
  }
}

function speed(share: number): number {
  // Never -0.
  return Math.round(Math.min(Math.max(share, -1), 1) * FULL) || 0;
}
