/**
 * The step of a player on level ground, with the same bits as the server's: every operation is rounded to 32 bits, in the
 * server's order. The server's is `ringshard_terrain::movement`, without geometry, slopes and water.
 */

import { KEYS, ACTIONS, type DemoInput, type DemoOwn } from './contract.js';
import { direction } from './turn.js';

/** Ticks between two shots of a player. */
export const SHOT_COOLDOWN = 30;

const f = Math.fround;

/** What carries a character. */
const GAITS = { ground: 0, air: 1, slide: 2, swim: 3 } as const;

/** The length of a tick, in seconds. */
const TICK_SECONDS = f(1 / 60);
/** No character goes faster, in units per second along each axis. */
const SPEED_MAX = 20_000;
/** A character in the air that comes so close to the ground touches it, in units. */
const TOUCH = 1;

/** How fast and high a player goes. */
const RADIUS = 35;
const STEP_HEIGHT = 45;
const WALK_SPEED = 250;
const RUN_SPEED = 600;
const JUMP_SPEED = 420;
const FALL_SPEED_MAX = 5_000;
const ACCELERATION = 6_000;
const AIR_ACCELERATION = 900;
const GRAVITY = 980;

type Triple = [number, number, number];

/** A character on its way. */
interface Mover {
  /** The height of the ground, in units. */
  readonly ground: number;
  point: Triple;
  velocity: Triple;
  gait: number;
}

/** The size of the map, in units. */
export type MapSize = readonly [number, number, number];

/** The player's own state one tick later, on level ground at a height, in units. */
export function stepOnLevelGround(own: DemoOwn, input: DemoInput, size: MapSize, ground = 0): DemoOwn {
  const shot = Math.max(0, own.shot - 1);
  const steering = steeringOf(own, input);
  const start: Triple = [own.point[0]!, own.point[1]!, own.height];
  const velocity = [own.velocity[0]!, own.velocity[1]!, own.rise].map(limited) as Triple;
  const mover: Mover = { ...steered(own, velocity, steering), point: start, ground };
  go(mover, size);
  const shoots = (input.actions & ACTIONS.shoot) !== 0 && !own.stunned && shot === 0;
  return {
    ...own,
    point: [mover.point[0], mover.point[1]],
    velocity: [mover.velocity[0], mover.velocity[1]],
    yaw: steering.yaw,
    height: mover.point[2],
    rise: mover.velocity[2],
    shot: shoots ? SHOT_COOLDOWN : shot,
    gait: mover.gait,
  };
}

type Steering = Pick<DemoInput, 'forward' | 'left' | 'yaw' | 'keys'>;

/** What a player can do of what it wants. */
function steeringOf(own: DemoOwn, input: DemoInput): Steering {
  const { forward, left, yaw, keys, actions } = input;
  // The server makes a neutral input for a silent client. Its player does not turn.
  const isNeutral = forward === 0 && left === 0 && yaw === 0 && keys === 0 && actions === 0;
  if (own.stunned || own.frozen || isNeutral) return { forward: 0, left: 0, yaw: own.yaw, keys: 0 };
  return { forward, left, yaw, keys };
}

function limited(axis: number): number {
  return Number.isNaN(axis) ? 0 : Math.min(Math.max(axis, -SPEED_MAX), SPEED_MAX);
}

/** The gait and velocity with which a character begins its way. */
function steered(own: DemoOwn, [x, y, z]: Triple, steering: Steering): Pick<Mover, 'velocity' | 'gait'> {
  const before = own.gait === GAITS.ground || own.gait === GAITS.slide || own.gait === GAITS.swim ? own.gait : GAITS.air;
  const gait = gaitOf(before, steering, z);
  const [wishX, wishY] = wish(steering, own.slowed);
  const jumps = before === GAITS.ground && gait === GAITS.air && z <= 0;
  const change = f(TICK_SECONDS * (gait === GAITS.ground || jumps ? ACCELERATION : AIR_ACCELERATION));
  // In the air, a character that does not steer keeps its velocity.
  const steers = gait === GAITS.ground || wishX !== 0 || wishY !== 0;
  const [alongX, alongY] = steers ? approach(x, y, wishX, wishY, change) : [x, y];
  return { velocity: [alongX, alongY, riseOf(gait, jumps, z)], gait };
}

function gaitOf(before: number, steering: Steering, rise: number): number {
  if (before === GAITS.swim) return GAITS.air;
  // A game that gives a character a velocity upwards launches it.
  const leaves = (steering.keys & KEYS.jump) !== 0 || rise > 0;
  return before === GAITS.ground && leaves ? GAITS.air : before;
}

function riseOf(gait: number, jumps: boolean, rise: number): number {
  if (gait === GAITS.ground) return 0;
  // The gravity of half a tick: so a jump is as high as it is in a calculation without ticks.
  if (jumps) return f(JUMP_SPEED - f(f(GRAVITY * TICK_SECONDS) / 2));
  return Math.max(f(rise - f(GRAVITY * TICK_SECONDS)), -FALL_SPEED_MAX);
}

/** The velocity that the player wants. */
function wish({ forward, left, yaw, keys }: Steering, slowed: boolean): [number, number] {
  if (forward === 0 && left === 0) return [0, 0];
  const full = keys & KEYS.run ? RUN_SPEED : WALK_SPEED;
  const speed = slowed ? full / 2 : full;
  const part = (of: number): number => f(Math.max(of, -127) / 127);
  const [ahead, aside] = [part(forward), part(left)];
  const by = f(speed / Math.max(f(Math.sqrt(f(f(ahead * ahead) + f(aside * aside)))), 1));
  const [x, y] = direction(yaw);
  return [f(f(f(ahead * x) - f(aside * y)) * by), f(f(f(ahead * y) + f(aside * x)) * by)];
}

/** Changes a velocity towards another one, by `most` at most. */
function approach(x: number, y: number, toX: number, toY: number, most: number): [number, number] {
  const [offX, offY] = [f(toX - x), f(toY - y)];
  const offSquared = f(f(offX * offX) + f(offY * offY));
  if (offSquared <= f(most * most)) return [toX, toY];
  const by = f(most / f(Math.sqrt(offSquared)));
  return [f(x + f(offX * by)), f(y + f(offY * by))];
}

/** Goes the way of one tick. */
function go(mover: Mover, size: MapSize): void {
  const start: Triple = [...mover.point];
  const meant = scaled(mover.velocity, TICK_SECONDS);
  advance(mover, size);
  findSupport(mover);
  if (isWedged(mover, start, meant)) fallFrom(mover, start, meant[2], size);
}

/** The edge of the map holds the character: it falls straight down. If it is held without pushing, too, it stands. */
function fallFrom(mover: Mover, start: Triple, down: number, size: MapSize): void {
  const fall: Triple = [0, 0, down];
  mover.point = [...start];
  mover.velocity = scaled(fall, f(1 / TICK_SECONDS));
  advance(mover, size);
  findSupport(mover);
  if (isWedged(mover, start, fall)) land(mover);
}

function advance(mover: Mover, size: MapSize): void {
  const way = scaled(mover.velocity, TICK_SECONDS);
  mover.point = [f(mover.point[0] + way[0]), f(mover.point[1] + way[1]), f(mover.point[2] + way[2])];
  stayOnMap(mover, size);
  if (mover.point[2] >= mover.ground) return;
  mover.point[2] = mover.ground;
  land(mover);
}

function stayOnMap({ point, velocity }: Mover, size: MapSize): void {
  for (const axis of [0, 1] as const) {
    const [low, high] = [RADIUS, f(size[axis] - RADIUS)];
    if (point[axis] >= low && point[axis] <= high) continue;
    point[axis] = point[axis] > high ? high : low;
    velocity[axis] = 0;
  }
  if (!(point[2] <= size[2])) {
    point[2] = size[2];
    velocity[2] = Math.min(velocity[2], 0);
  }
}

function land(mover: Mover): void {
  mover.gait = GAITS.ground;
  mover.velocity[2] = 0;
}

/** What carries the character at the end of the tick: the ground, or nothing. */
function findSupport(mover: Mover): void {
  const { gait, point, velocity, ground } = mover;
  if (gait === GAITS.air && velocity[2] > 0) return;
  if (f(point[2] - ground) <= (gait === GAITS.ground ? STEP_HEIGHT : TOUCH)) {
    point[2] = ground;
    land(mover);
    return;
  }
  // What it has walked up so far does not launch it.
  mover.gait = GAITS.air;
  velocity[2] = Math.min(velocity[2], 0);
}

/** Whether a character that falls or slides does not get on. */
function isWedged({ point, gait }: Mover, start: Triple, meant: Triple): boolean {
  const gone: Triple = [f(point[0] - start[0]), f(point[1] - start[1]), f(point[2] - start[2])];
  const falls = gait !== GAITS.ground && meant[2] < 0;
  return falls && squared(gone) < f(f(0.01) * squared(meant));
}

function squared([x, y, z]: Triple): number {
  return f(f(f(x * x) + f(y * y)) + f(z * z));
}

function scaled([x, y, z]: Triple, by: number): Triple {
  return [f(x * by), f(y * by), f(z * by)];
}
