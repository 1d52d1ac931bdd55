/** The rules of the demonstration, as far as a client without its map knows them. */

import type { Rules } from '../world/index.js';
import { demoContract, type DemoContract } from './contract.js';
import { stepOnLevelGround, type MapSize } from './step.js';

/** The level of level ground on the default map. A server with another map refuses it; 0 agrees with every map. */
export const LEVEL_GROUND = 4080700121;

/** The size of the default map, in units. */
const SIZE_DEFAULT: MapSize = [819_200, 819_200, 25_600];

/** The rules on level ground. On other ground they predict badly, and the server corrects what they predict. */
export function demoRules(level: number, size: () => MapSize = () => SIZE_DEFAULT): Rules<DemoContract> {
  return {
    contract: demoContract,
    level,
    step: (own, input) => stepOnLevelGround(own, input, size()),
    pose: ({ point, velocity, height, rise, yaw, leap }) => ({
      point: [point[0]!, point[1]!, height],
      velocity: [velocity[0]!, velocity[1]!, rise],
      rotation: [yaw, 0, 0],
      leap,
    }),
  };
}
