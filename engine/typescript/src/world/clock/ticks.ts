/** Time in ticks of the world. */

import { TICKS_PER_SECOND } from '../limits.js';

/** How many ticks pass in so many milliseconds. */
export function ticksIn(milliseconds: number): number {
  return (milliseconds * TICKS_PER_SECOND) / 1000;
}

/** How many milliseconds so many ticks take. */
export function timeOf(ticks: number): number {
  return (ticks * 1000) / TICKS_PER_SECOND;
}

/** The number in a range. */
export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
