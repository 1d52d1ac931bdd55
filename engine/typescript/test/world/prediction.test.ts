/** Predictions, what is left of corrections, and acknowledgments. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { contract, i32, struct, u16, u32, type OwnOf, type Pose, type Rules } from '../../src/world/index.js';
import { INPUT_REPEAT_TICKS } from '../../src/world/limits.js';
import { Prediction, PREDICTED_TICKS_MAX } from '../../src/world/prediction/prediction.js';
import { Smoother } from '../../src/world/prediction/smoothing.js';
import { Received } from '../../src/world/received.js';
import { Seeded } from '../seeded.js';

const nothing = struct({});
const mixing = contract({
  input: struct({ way: i32 }),
  own: struct({ mixed: u32, steps: u16 }),
  shown: nothing,
  ask: nothing,
  answer: nothing,
  event: nothing,
});
type Own = OwnOf<typeof mixing>;

const NOWHERE: Pose = { point: [0, 0, 0], velocity: [0, 0, 0], rotation: [0, 0, 0], leap: 0 };

/** Each step depends on all before. */
const rules: Rules<typeof mixing> = {
  contract: mixing,
  level: 0,
  step: ({ mixed, steps }, { way }) => ({ mixed: (Math.imul(mixed, 31) + way) >>> 0, steps: (steps + 1) & 0xffff }),
  pose: () => NOWHERE,
};

function predicted(first: number, ways: readonly number[]): Prediction<typeof mixing> {
  const prediction = new Prediction(rules);
  assert.deepEqual(prediction.reconcile(first, mixing.own.blank), { is: 'Agreed' });
  for (const way of ways) prediction.step({ input: { way }, viewDelay: 0 });
  return prediction;
}

function stepped(ways: readonly number[]): Own {
  return ways.reduce((own, way) => rules.step(own, { way }), mixing.own.blank);
}

test('a state that was predicted right changes nothing, and what is older is forgotten', () => {
  const prediction = predicted(100, [1, 2, 3, 4]);
  assert.deepEqual(prediction.reconcile(102, stepped([1, 2])), { is: 'Agreed' });
  assert.deepEqual([prediction.newest, prediction.length], [104, 3]);
  assert.deepEqual(prediction.own, stepped([1, 2, 3, 4]));
  assert.deepEqual(prediction.ownBefore, stepped([1, 2, 3]));
  assert.deepEqual(prediction.reconcile(101, stepped([1])), { is: 'Forgotten' });
});

test('a state that was not is taken, and all later inputs are stepped again', () => {
  const prediction = predicted(100, [1, 2, 3, 4]);
  const former = stepped([1, 2, 3, 4]);
  assert.deepEqual(prediction.reconcile(102, stepped([1, 1])), { is: 'Corrected', former });
  assert.deepEqual(prediction.own, stepped([1, 1, 3, 4]));
  assert.deepEqual(prediction.reconcile(103, stepped([1, 1, 3])), { is: 'Agreed' }, 'it is corrected once');
});

test('a state at or ahead of the newest one is compared, too', () => {
  const prediction = predicted(100, [5]);
  assert.deepEqual(prediction.reconcile(103, stepped([5, 5, 5])), { is: 'Agreed' });
  assert.equal(prediction.step({ input: { way: 6 }, viewDelay: 0 }), 104);
  assert.deepEqual(prediction.own, stepped([5, 5, 5, 6]));
  assert.equal(prediction.reconcile(106, stepped([8])).is, 'Corrected');
  assert.deepEqual([prediction.newest, prediction.own], [106, stepped([8])]);
  assert.equal(prediction.reconcile(9000, stepped([9])).is, 'Corrected');
  assert.deepEqual([prediction.newest, prediction.length], [9000, 1]);
});

test('skipped ticks repeat the last input as long as the server does', () => {
  const prediction = predicted(2 ** 32 - 4, [3]);
  for (let skipped = 0; skipped < INPUT_REPEAT_TICKS + 2; skipped += 1) prediction.skip();
  const ways = [...Array<number>(1 + INPUT_REPEAT_TICKS).fill(3), 0, 0];
  assert.deepEqual(prediction.own, stepped(ways));
  const other = predicted(0, []);
  other.skip();
  assert.deepEqual(other.own, stepped([0]), 'there is nothing to repeat');
});

test('messages repeat the last inputs, but none that the game did not make', () => {
  const prediction = predicted(10, [1, 2]);
  prediction.skip();
  assert.deepEqual(prediction.lastInputs(5), []);
  for (let way = 3; way <= 40; way += 1) {
    prediction.step({ input: { way }, viewDelay: way });
    const ways = prediction.lastInputs(5).map(({ input }) => input.way);
    assert.deepEqual(ways, [way - 4, way - 3, way - 2, way - 1, way].filter((made) => made >= 3));
  }
});

test('a server that is silent does not fill the memory', () => {
  const prediction = predicted(0, []);
  for (let way = 0; way < 1000; way += 1) prediction.step({ input: { way }, viewDelay: 0 });
  assert.equal(prediction.length, PREDICTED_TICKS_MAX);
  assert.deepEqual(prediction.reconcile(500, stepped([1])), { is: 'Forgotten' });
  prediction.clear();
  assert.ok(prediction.isEmpty && prediction.own === undefined);
});

const SETTINGS = { time: 100, snap: 50, betweenTicks: false };

function pose(x: number, yaw = 0, leap = 0): Pose {
  return { ...NOWHERE, point: [x, 0, 0], rotation: [yaw, 0, 0], leap };
}

test('the shown pose does not jump, and comes to the true one', () => {
  const smoother = new Smoother();
  const [before, after] = [pose(10, 65_000), pose(14, 100)];
  assert.equal(smoother.corrected(before, after, SETTINGS), 4);
  assert.deepEqual(smoother.shown(after), before);
  smoother.fade(100, SETTINGS);
  assert.ok(Math.abs(smoother.shown(after).point[0] - (14 - 4 * 0.368)) < 0.01);
  for (let at = 0; at < 100; at += 1) smoother.fade(10, SETTINGS);
  assert.ok(Math.abs(smoother.shown(after).point[0] - 14) < 0.001);
  assert.deepEqual(smoother.shown(after).rotation, after.rotation);
});

test('corrections add up, snap beyond the bound, and do not glide over a leap', () => {
  const smoother = new Smoother();
  smoother.corrected(pose(0), pose(30), SETTINGS);
  smoother.corrected(pose(30), pose(15), SETTINGS);
  assert.equal(smoother.shown(pose(15)).point[0], 0);
  smoother.corrected(pose(15), pose(60), SETTINGS);
  assert.deepEqual(smoother.shown(pose(60)), pose(60), 'too far to glide');
  smoother.corrected(pose(0), pose(NaN), SETTINGS);
  assert.deepEqual(smoother.shown(pose(1)), pose(1));
  smoother.corrected(pose(0), pose(10, 0, 1), SETTINGS);
  assert.deepEqual(smoother.shown(pose(10)), pose(10));
  smoother.corrected(pose(0), pose(10), { ...SETTINGS, time: 0 });
  assert.deepEqual(smoother.shown(pose(10)), pose(10));
});

test('an acknowledgment names the snapshots that were applied', () => {
  const random = new Seeded(4);
  for (let round = 0; round < 300; round += 1) {
    const first = random.below(0x1_0000);
    const received = new Received(first);
    assert.equal(received.acknowledgment(), undefined);
    let newest = first + 2 ** 20 - 1;
    const all = new Set<number>();
    for (let times = random.below(80); times > 0; times -= 1) {
      assert.ok(!received.isNews(newest & 0xffff) && !received.isNews((newest + 0x8000) & 0xffff));
      newest += 1 + random.pick([random.below(3), 59 + random.below(10), 30 + random.below(5), random.below(32767)]);
      assert.ok(received.isNews(newest & 0xffff));
      received.note(newest & 0xffff);
      all.add(newest);
      const bits = (from: number): number =>
        Array.from({ length: 32 }, (_, bit) => (all.has(newest - 1 - from - bit) ? 2 ** bit : 0)).reduce((a, b) => a + b);
      assert.deepEqual(received.acknowledgment(), { newest: newest & 0xffff, low: bits(0), high: bits(32) });
    }
  }
});
