/** The rules of the demonstration, as far as a client without its map knows them. */

import type { Rules } from '../world/index.js';
import { demoContract, type DemoContract } from './contract.js';
import { stepOnLevelGround, type MapSize } from './step.js';

/** The level of level ground on the default map. A server with another map refuses it; 0 agrees with every map. */
export const LEVEL_GROUND = 4080700121;

/** The gait of a player that jumps or falls. */
const AIR = 1;

/** What the rules know of the ground of a world. */
export interface Ground {
  /** The size of the map, in units. */
  readonly size: MapSize;
  /** Whether it is level, at height 0. Of other ground nothing is known: it counts as level where the player stands. */
  readonly isLevel: boolean;
}

const GROUND_DEFAULT: Ground = { size: [819_200, 819_200, 25_600], isLevel: true };

/** The rules on level ground. On other ground they predict badly, and the server corrects what they predict. */
export function demoRules(level: number, ground: () => Ground = () => GROUND_DEFAULT): Rules<DemoContract> {
  return {
    contract: demoContract,
    level,
    step: (own, input) => {
      const { size, isLevel } = ground();
      return stepOnLevelGround(own, input, size, isLevel ? 0 : own.gait === AIR ? -Infinity : own.height);
    },
    pose: ({ point, velocity, height, rise, yaw, leap }) => ({
      point: [point[0]!, point[1]!, height],
      velocity: [velocity[0]!, velocity[1]!, rise],
      rotation: [yaw, 0, 0],
      leap,
    }),
  };
}
