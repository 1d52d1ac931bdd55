/** Positions on a grid that both ends share, and the map that gives the grid its size: PROTOCOL.md#map. */

import { WORLD_SECTIONS_MAX } from './limits.js';
import type { Vector } from './pose.js';

/** Steps of a section along x and y. */
const SECTION_STEPS = 65_536;
/** The smallest f32 that is not subnormal. */
const NORMAL_MIN = 2 ** -126;

/** The shape of a map: sections side by side. */
export class WorldMap {
  private constructor(
    /** Length of a step, in units. */
    readonly step: number,
    /** Sections along x, y and z. */
    readonly sections: Vector,
    /** Steps of a section along x, y and z. */
    readonly sectionSteps: Vector,
  ) {}

  /**
   * A map whose sections have this edge and height, in units, both f32.
   *
   * Gives undefined if it is none: a length is not positive or not finite, a section is higher than wide, a step is
   * subnormal, or there are too few or too many sections.
   */
  static of(edge: number, height: number, sections: Vector): WorldMap | undefined {
    const step = edge / SECTION_STEPS;
    const isPossible = Number.isFinite(edge) && height > 0 && height <= edge && step >= NORMAL_MIN;
    if (!isPossible || sections.some((count) => !(count >= 1 && count <= WORLD_SECTIONS_MAX))) return undefined;
    const map = new WorldMap(step, sections, [SECTION_STEPS, SECTION_STEPS, Math.max(1, Math.round(height / step))]);
    return map.size.every((length) => Number.isFinite(length)) ? map : undefined;
  }

  /** The far corner, in units. The other one is at 0. */
  get size(): Vector {
    return [0, 1, 2].map((axis) => this.units(this.sections[axis]! * this.sectionSteps[axis]!)) as unknown as Vector;
  }

  /** So many steps in units, as an f32. */
  units(steps: number): number {
    return Math.fround(steps * this.step);
  }
}
