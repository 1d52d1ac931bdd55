/** A round map of what is around the player, beyond the edges of the screen. */

import { ENTITY_KINDS, type DemoContract } from '../src/demo/index.js';
import type { Scene } from '../src/world/index.js';
import type { Palette } from './palette.js';

/** How far it reaches, in units. */
const REACH = 8000;
/** Where its middle is below the top of the window: under the panel with the graph. */
const TOP = 116;
const MARGIN = 12;

/** Draws it at the right edge of a canvas of this width. */
export function drawRadar(
  context: CanvasRenderingContext2D,
  width: number,
  scene: Scene<DemoContract>,
  colours: Palette,
): void {
  const own = scene.ownPose;
  if (!own) return;
  const radius = width < 640 ? 40 : 58;
  const [x, y] = [width - MARGIN - radius, TOP + radius];
  context.save();
  context.translate(x, y);
  context.beginPath();
  context.arc(0, 0, radius, 0, 2 * Math.PI);
  context.fillStyle = colours.panel;
  context.globalAlpha = 0.72;
  context.fill();
  context.globalAlpha = 1;
  context.strokeStyle = colours.edge;
  context.stroke();
  context.clip();
  for (const { pose, shown } of scene.others()) {
    const [east, north] = [pose.point[0] - own.point[0], pose.point[1] - own.point[1]];
    const isPlayer = ENTITY_KINDS[shown.kind] === 'player';
    const share = Math.min(1, REACH / Math.max(1, Math.hypot(east, north)));
    const by = (radius / REACH) * Math.min(1, share * 0.98);
    context.fillStyle = colours.factions[shown.faction % colours.factions.length] ?? colours.faint;
    dot(context, east * by, -north * by, ENTITY_KINDS[shown.kind] === 'projectile' ? 1 : isPlayer ? 3 : 2);
  }
  context.fillStyle = colours.ink;
  dot(context, 0, 0, 2.5);
  context.restore();
}

function dot(context: CanvasRenderingContext2D, x: number, y: number, radius: number): void {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}
