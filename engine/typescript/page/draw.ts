/** Draws the world from above. */

import { BUFFS, ENTITY_KINDS, SHOT_COOLDOWN, STATES, type DemoContract, type DemoOwn } from '../src/demo/index.js';
import { indexOf, type EntityId, type Pose, type Scene, type ShownOf, type WorldMap } from '../src/world/index.js';
import { Camera } from './camera.js';
import type { Effects } from './effects.js';
import { palette, type Palette } from './palette.js';
import { drawRadar } from './radar.js';

type Shown = ShownOf<DemoContract>;

/** An entity as it is drawn. */
interface Figure {
  readonly entity: EntityId | null;
  readonly pose: Pose;
  readonly shown: Shown | undefined;
  readonly own: DemoOwn | undefined;
}

const TURN = (2 * Math.PI) / 65_536;
const FONT = '"Inter", "Segoe UI", system-ui, -apple-system, sans-serif';
/** Half of a body's width, in units. */
const BODY = 42;
const TILE = 1000;
const LINES = 200;
const WORDS_WIDTH_MAX = 220;

export class Drawing {
  readonly camera = new Camera();
  private readonly context: CanvasRenderingContext2D;

  constructor(private readonly canvas: HTMLCanvasElement) {
    const context = canvas.getContext('2d', { alpha: false });
    if (!context) throw new Error('this browser has no canvas');
    this.context = context;
    canvas.addEventListener('wheel', (event) => this.camera.zoomBy(event.deltaY), { passive: true });
    const fit = (): void => this.fit();
    window.addEventListener('resize', fit);
    fit();
  }

  /** Draws what the client shows now. `aim`: the point of the ground that the player aims at. */
  draw(
    scene: Scene<DemoContract>,
    map: WorldMap | undefined,
    effects: Effects,
    aim: readonly [number, number] | undefined,
    now: number,
  ): void {
    const colours = palette();
    const { camera } = this;
    const ownPose = scene.ownPose;
    if (ownPose) [camera.x, camera.y] = [ownPose.point[0], ownPose.point[1]];
    this.ground(colours, map);
    if (!ownPose) return;
    if (aim) this.aim(ownPose, aim, colours);
    const figures = this.figures(scene, ownPose);
    for (const figure of figures) this.shadow(figure, colours);
    for (const figure of figures) this.figure(figure, colours);
    for (const figure of figures) this.label(figure, colours);
    this.words(figures, effects, colours, now);
    this.rising(scene, effects, colours, now);
    drawRadar(this.context, camera.width, scene, colours);
  }

  private fit(): void {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [window.innerWidth, window.innerHeight];
    [this.canvas.width, this.canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.camera.resize(width, height);
  }

  /** All entities on the screen, from the back to the front; the own body last. */
  private figures(scene: Scene<DemoContract>, ownPose: Pose): Figure[] {
    const { camera } = this;
    const figures: Figure[] = [];
    for (const { entity, pose, shown } of scene.others()) {
      const [x, y] = [camera.screenX(pose.point[0]), camera.screenY(pose.point[1])];
      if (x < -80 || y < -80 || x > camera.width + 80 || y > camera.height + 120) continue;
      figures.push({ entity, pose, shown, own: undefined });
    }
    figures.sort((a, b) => b.pose.point[1] - a.pose.point[1]);
    const shown = scene.body === null ? undefined : scene.shown(scene.body);
    figures.push({ entity: scene.body, pose: ownPose, shown, own: scene.own });
    return figures;
  }

  private ground(colours: Palette, map: WorldMap | undefined): void {
    const { context, camera } = this;
    context.fillStyle = colours.ground;
    context.fillRect(0, 0, camera.width, camera.height);
    const [left, top] = camera.worldAt(0, 0);
    const [right, bottom] = camera.worldAt(camera.width, camera.height);
    context.fillStyle = colours.tile;
    const side = TILE * camera.scale;
    for (let x = Math.floor(left / TILE); x * TILE < right; x += 1) {
      for (let y = Math.floor(bottom / TILE); y * TILE < top; y += 1) {
        if ((x + y) % 2 === 0) context.fillRect(camera.screenX(x * TILE), camera.screenY((y + 1) * TILE), side, side);
      }
    }
    this.lines(left, right, bottom, top, colours);
    if (map) this.outside(map, colours);
  }

  private lines(left: number, right: number, bottom: number, top: number, colours: Palette): void {
    const { context, camera } = this;
    for (const [spacing, colour] of [
      [LINES, colours.line],
      [TILE, colours.edge],
    ] as const) {
      context.strokeStyle = colour;
      context.lineWidth = 1;
      context.beginPath();
      for (let x = Math.ceil(left / spacing) * spacing; x < right; x += spacing) {
        const at = Math.round(camera.screenX(x)) + 0.5;
        context.moveTo(at, 0);
        context.lineTo(at, camera.height);
      }
      for (let y = Math.ceil(bottom / spacing) * spacing; y < top; y += spacing) {
        const at = Math.round(camera.screenY(y)) + 0.5;
        context.moveTo(0, at);
        context.lineTo(camera.width, at);
      }
      context.stroke();
    }
  }

  private outside(map: WorldMap, colours: Palette): void {
    const { context, camera } = this;
    const [width, length] = map.size;
    const [west, east] = [camera.screenX(0), camera.screenX(width)];
    const [north, south] = [camera.screenY(length), camera.screenY(0)];
    context.fillStyle = colours.outside;
    if (west > 0) context.fillRect(0, 0, west, camera.height);
    if (east < camera.width) context.fillRect(east, 0, camera.width - east, camera.height);
    if (north > 0) context.fillRect(0, 0, camera.width, north);
    if (south < camera.height) context.fillRect(0, south, camera.width, camera.height - south);
  }

  private aim(pose: Pose, [x, y]: readonly [number, number], colours: Palette): void {
    const { context, camera } = this;
    context.save();
    context.strokeStyle = colours.faint;
    context.globalAlpha = 0.35;
    context.setLineDash([3, 7]);
    context.beginPath();
    context.moveTo(camera.screenX(pose.point[0]), camera.screenY(pose.point[1]));
    context.lineTo(camera.screenX(x), camera.screenY(y));
    context.stroke();
    context.restore();
  }

  private shadow({ pose, shown }: Figure, colours: Palette): void {
    const { context, camera } = this;
    const radius = BODY * camera.scale * (kindOf(shown) === 'projectile' ? 0.4 : 1);
    context.fillStyle = colours.shadow;
    context.beginPath();
    const y = camera.screenY(pose.point[1]) + radius * 0.45;
    context.ellipse(camera.screenX(pose.point[0]), y, radius * 1.05, radius * 0.6, 0, 0, 2 * Math.PI);
    context.fill();
  }

  private figure(figure: Figure, colours: Palette): void {
    const { context, camera } = this;
    const { pose, shown, own } = figure;
    const kind = kindOf(shown);
    context.save();
    context.translate(camera.screenX(pose.point[0]), camera.screenY(pose.point[1], pose.point[2]));
    if (kind === 'projectile') {
      this.projectile(pose, colours);
    } else {
      const isInvisible = has(shown, STATES.invisible, BUFFS.invisible);
      const isAlive = !shown || (shown.states & STATES.alive) !== 0;
      context.globalAlpha = isInvisible ? 0.4 : isAlive ? 1 : 0.35;
      if (own) this.ownRing(own, colours);
      this.body(kind, pose, factionColour(shown, colours), colours);
      this.buffs(shown, colours);
    }
    context.restore();
  }

  private projectile(pose: Pose, colours: Palette): void {
    const { context, camera } = this;
    const speed = Math.hypot(pose.velocity[0], pose.velocity[1]);
    const [x, y] = speed > 1 ? [pose.velocity[0] / speed, -pose.velocity[1] / speed] : [1, 0];
    const length = 70 * camera.scale;
    context.lineCap = 'round';
    context.strokeStyle = colours.projectile;
    for (const [width, alpha, back] of [
      [7, 0.25, 1.8],
      [3, 1, 1],
    ] as const) {
      context.lineWidth = Math.max(1.5, width * camera.scale * 2.5);
      context.globalAlpha = alpha;
      context.beginPath();
      context.moveTo(-x * length * back, -y * length * back);
      context.lineTo(0, 0);
      context.stroke();
    }
  }

  /** A ring around the own body, which closes while the player cannot shoot. */
  private ownRing(own: DemoOwn, colours: Palette): void {
    const { context, camera } = this;
    const radius = BODY * camera.scale * 1.85;
    context.lineWidth = 2;
    context.strokeStyle = colours.accent;
    context.save();
    context.globalAlpha *= 0.35;
    context.beginPath();
    context.arc(0, 0, radius, 0, 2 * Math.PI);
    context.stroke();
    context.restore();
    const ready = 1 - own.shot / SHOT_COOLDOWN;
    context.beginPath();
    context.arc(0, 0, radius, -Math.PI / 2, -Math.PI / 2 + ready * 2 * Math.PI);
    context.stroke();
  }

  /** A body looks along the x axis until it is turned. */
  private body(kind: string, pose: Pose, colour: string, colours: Palette): void {
    const { context, camera } = this;
    const radius = BODY * camera.scale;
    context.rotate(-pose.rotation[0] * TURN);
    context.fillStyle = colour;
    context.strokeStyle = colours.outline;
    context.lineWidth = Math.max(1.5, radius * 0.14);
    context.lineJoin = 'round';
    // The nose.
    context.beginPath();
    context.moveTo(radius * 1.6, 0);
    context.lineTo(radius * 0.6, radius * 0.72);
    context.lineTo(radius * 0.6, -radius * 0.72);
    context.closePath();
    context.fill();
    context.stroke();
    context.beginPath();
    shape(context, kind, radius);
    context.closePath();
    context.fill();
    context.stroke();
    context.fillStyle = 'rgba(255, 255, 255, 0.22)';
    context.beginPath();
    context.arc(radius * 0.1, 0, radius * 0.45, 0, 2 * Math.PI);
    context.fill();
  }

  private buffs(shown: Shown | undefined, colours: Palette): void {
    if (!shown) return;
    const { context, camera } = this;
    const rings: [boolean, string][] = [
      [(shown.buffs & BUFFS.burning) !== 0, colours.bad],
      [(shown.buffs & BUFFS.poisoned) !== 0, colours.good],
      [(shown.buffs & (BUFFS.frozen | BUFFS.slowed)) !== 0, colours.accent],
      [has(shown, STATES.stunned, BUFFS.stunned), colours.warning],
    ];
    let radius = BODY * camera.scale * 1.2;
    for (const [is, colour] of rings) {
      if (!is) continue;
      context.strokeStyle = colour;
      context.lineWidth = 2;
      context.setLineDash([4, 3]);
      context.beginPath();
      context.arc(0, 0, (radius += 3), 0, 2 * Math.PI);
      context.stroke();
    }
  }

  /** What it is, and how healthy. */
  private label({ entity, pose, shown, own }: Figure, colours: Palette): void {
    const kind = kindOf(shown);
    if (kind === 'projectile') return;
    const { context, camera } = this;
    const [x, y] = [camera.screenX(pose.point[0]), camera.screenY(pose.point[1], pose.point[2])];
    const reach = BODY * camera.scale * 2.1;
    context.font = `600 11px ${FONT}`;
    context.textAlign = 'center';
    context.textBaseline = 'top';
    context.fillStyle = own ? colours.ink : colours.faint;
    const name = own ? 'you' : entity === null ? kind : `${kind} ${indexOf(entity)}`;
    context.fillText(name, x, y + reach);
    if (!shown) return;
    const [width, share] = [Math.max(26, reach * 1.6), shown.health / 255];
    const [left, top] = [Math.round(x - width / 2), Math.round(y - reach - 5)];
    context.fillStyle = colours.shadow;
    context.fillRect(left - 1, top - 1, width + 2, 6);
    context.fillStyle = share > 0.5 ? colours.good : share > 0.25 ? colours.warning : colours.bad;
    context.fillRect(left, top, width * share, 4);
  }

  private words(figures: readonly Figure[], effects: Effects, colours: Palette, now: number): void {
    const { context, camera } = this;
    context.font = `500 13px ${FONT}`;
    context.textAlign = 'left';
    context.textBaseline = 'middle';
    for (const { entity, pose } of figures) {
      const text = entity === null ? undefined : effects.wordsOf(entity, now);
      if (text === undefined) continue;
      const lines = wrapped(context, text);
      const width = Math.max(...lines.map((line) => context.measureText(line).width));
      const height = lines.length * 17;
      const x = clamp(camera.screenX(pose.point[0]) - width / 2, 14, Math.max(14, camera.width - width - 14));
      const y = camera.screenY(pose.point[1], pose.point[2]) - BODY * camera.scale * 1.8 - 16 - height;
      context.fillStyle = colours.panel;
      context.beginPath();
      context.roundRect(x - 10, y - 6, width + 20, height + 10, 9);
      context.fill();
      context.fillStyle = colours.ink;
      lines.forEach((line, at) => context.fillText(line, x, y + 8 + at * 17));
    }
  }

  private rising(scene: Scene<DemoContract>, effects: Effects, colours: Palette, now: number): void {
    const { context, camera } = this;
    context.font = `700 15px ${FONT}`;
    context.textAlign = 'center';
    for (const { entity, text, isBad, age } of effects.risingAt(now)) {
      const pose = entity === 'own' ? scene.ownPose : scene.pose(entity);
      if (!pose) continue;
      context.globalAlpha = 1 - age * age;
      context.fillStyle = isBad ? colours.bad : colours.good;
      const y = camera.screenY(pose.point[1], pose.point[2]) - BODY * camera.scale * 2 - 14 - age * 26;
      context.fillText(text, camera.screenX(pose.point[0]), y);
    }
    context.globalAlpha = 1;
  }
}

function kindOf(shown: Shown | undefined): string {
  return shown === undefined ? 'player' : (ENTITY_KINDS[shown.kind] ?? 'thing');
}

function has(shown: Shown | undefined, state: number, buff: number): boolean {
  return shown !== undefined && ((shown.states & state) !== 0 || (shown.buffs & buff) !== 0);
}

function factionColour(shown: Shown | undefined, { factions }: Palette): string {
  return factions[(shown?.faction ?? 0) % factions.length] ?? '#888888';
}

/** The outline of a body: round for players, with corners for the others. */
function shape(context: CanvasRenderingContext2D, kind: string, radius: number): void {
  if (kind === 'player') {
    context.arc(0, 0, radius, 0, 2 * Math.PI);
    return;
  }
  const corners = kind === 'npc' ? 6 : kind === 'monster' ? 5 : 4;
  for (let corner = 0; corner < corners; corner += 1) {
    const angle = ((corner + 0.5) / corners) * 2 * Math.PI;
    context.lineTo(Math.cos(angle) * radius * 1.08, Math.sin(angle) * radius * 1.08);
  }
}

function wrapped(context: CanvasRenderingContext2D, text: string): string[] {
  const lines: string[] = [''];
  for (const word of text.slice(0, 200).split(/\s+/)) {
    const last = lines[lines.length - 1]!;
    const longer = last === '' ? word : `${last} ${word}`;
    if (last === '' || context.measureText(longer).width <= WORDS_WIDTH_MAX) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
