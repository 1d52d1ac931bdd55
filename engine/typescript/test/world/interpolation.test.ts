/** Others between two snapshots. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { contract, struct, u8, View, WorldMap, type Interpolation, type Pose } from '../../src/world/index.js';
import { INTERPOLATION_DEFAULT, poseAt, sampleAt } from '../../src/world/interpolation.js';
import type { State } from '../../src/world/state.js';
import { writeSnapshotHead } from './server/messages.js';
import { stateOf, writeDifference, writeFull } from './server/states.js';
import { idOf } from './server/world.js';

const nothing = struct({});
const still = contract({
  input: nothing,
  own: nothing,
  shown: struct({ health: u8 }),
  ask: nothing,
  answer: nothing,
  event: nothing,
});
const { shown } = still;
const MAP = WorldMap.of(25_600, 6_400, [32, 32, 4])!;
const ENTITY = { index: 4, generation: 1 };
const LINEAR: Interpolation = { ...INTERPOLATION_DEFAULT, mode: 'linear' };

class Feed {
  readonly view = new View(still, { own: {}, shown: shown.blank });
  private readonly sent: State<{ readonly health: number }>[] = [];
  private number = 0;

  constructor(history: number) {
    this.view.begin(0);
    this.view.keepHistory(history);
  }

  /** A snapshot of `tick`, with a difference from the version before the newest, or with the newest version again. */
  snapshot(tick: number, pose?: Pose): void {
    const writer = new Writer();
    const owner = { body: null, own: {} };
    const head = { number: this.number++ & 0xffff, tick, lead: 0, inputAge: 0, inputInterval: 1, baseline: 0 };
    writeSnapshotHead(head, owner, owner, writer, nothing);
    if (pose) this.sent.push(stateOf(MAP, pose, { health: this.sent.length & 0xff }));
    const version = this.sent.length;
    const [state, base] = [this.sent[version - 1]!, this.sent[version - 2]];
    if (base) writeDifference(ENTITY.index, version, state, version - 1, base, writer, shown);
    else writeFull(ENTITY.index, ENTITY.generation, version, state, writer, shown);
    assert.equal(this.view.take(writer.copy(), () => {}), 'applied');
  }

  get seen() {
    return this.view.entity(idOf(ENTITY))!;
  }

  pose(tick: number, settings: Interpolation): Pose {
    return poseAt(this.seen, tick, MAP, settings);
  }

  near(tick: number, expected: number, settings = LINEAR): void {
    const x = this.pose(tick, settings).point[0];
    assert.ok(Math.abs(x - expected) < 0.4, `tick ${tick}: ${x}, not ${expected}`);
  }
}

function moving(x: number, velocity: number, more: Partial<Pose> = {}): Pose {
  return { point: [x, 0, 0], velocity: [velocity, 0, 0], rotation: [0, 0, 0], leap: 0, ...more };
}

test('between two versions there is a straight line', () => {
  const feed = new Feed(10);
  feed.snapshot(100, moving(1000, 600));
  feed.snapshot(104, moving(1040, 600));
  for (const [tick, x] of [[90, 1000], [100, 1000], [101.5, 1015], [103.999, 1040], [104, 1040]] as const) feed.near(tick, x);
  feed.near(103.9, 1000, { ...LINEAR, mode: 'hold' });
  assert.equal(sampleAt(feed.seen, 103.9).state.shown.health, 0, 'what is shown is of the shown tick');
  assert.equal(sampleAt(feed.seen, 104).state.shown.health, 1);
});

test('an entity that stood until a tick does not begin to glide before it', () => {
  const feed = new Feed(100);
  feed.snapshot(100, moving(1000, 0));
  for (let tick = 101; tick <= 140; tick += 1) feed.snapshot(tick);
  feed.snapshot(142, moving(1100, 0));
  feed.near(139.9, 1000);
  feed.near(141, 1050);
  const other = new Feed(100);
  other.snapshot(100, moving(1000, 0));
  other.snapshot(200, moving(1100, 0));
  other.near(180, 1000);
  other.near(199.99, 1100);
});

test('a leap does not glide, and a turn takes the shorter way', () => {
  const feed = new Feed(10);
  feed.snapshot(100, moving(1000, 600, { rotation: [65_000, 0, 0] }));
  feed.snapshot(102, moving(1020, 600, { rotation: [1000, 0, 0] }));
  assert.equal(feed.pose(101, LINEAR).rotation[0], 65_000 + 768 - 65_536);
  feed.snapshot(104, moving(9000, 600, { leap: 1 }));
  feed.near(103.99, 1020, INTERPOLATION_DEFAULT);
  feed.near(104, 9000, INTERPOLATION_DEFAULT);
});

test('curves follow velocities that fit, and only those', () => {
  const at = (seconds: number): Pose => moving(50_000 + 30_000 * seconds * seconds, 60_000 * seconds);
  const feed = new Feed(30);
  feed.snapshot(60, at(0.1));
  feed.snapshot(70, at(0.1 + 10 / 60));
  const middle = at(0.1 + 5 / 60).point[0];
  assert.ok(Math.abs(feed.pose(65, INTERPOLATION_DEFAULT).point[0] - middle) < 1);
  assert.ok(Math.abs(feed.pose(65, LINEAR).point[0] - middle) > 100);
  const without = new Feed(30);
  without.snapshot(60, moving(1000, 0));
  without.snapshot(70, moving(1100, 0));
  without.near(62, 1020, INTERPOLATION_DEFAULT);
});

test('without news an entity goes on for a bounded time', () => {
  const feed = new Feed(30);
  feed.snapshot(90, moving(940, 600));
  feed.snapshot(96, moving(1000, 600));
  const settings = { ...INTERPOLATION_DEFAULT, extrapolationMax: 100 };
  feed.near(99, 1030, settings);
  feed.near(102, 1060, settings);
  feed.near(1e9, 1060, settings);
  feed.snapshot(97);
  feed.near(99, 1000, settings);
});

test('versions stay as long as they are shown, and no longer', () => {
  const [kept, few] = [new Feed(6), new Feed(0)];
  for (let tick = 1000; tick < 1400; tick += 1) {
    for (const feed of [kept, few]) feed.snapshot(tick, moving(10_000 + tick * 10, 600));
    if (tick > 1010) kept.near(tick - 5.5, 10_000 + (tick - 5.5) * 10);
  }
  assert.ok(kept.seen.samples.length <= 8, `${kept.seen.samples.length}`);
  assert.equal(few.seen.samples.length, 2);
  assert.equal(kept.view.digest(), few.view.digest());
});
