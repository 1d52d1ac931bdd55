/** The parts of the page that need no browser, and whether the committed page is the one of the sources. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Camera } from '../../page/camera.js';
import { Controls } from '../../page/controls.js';
import { Effects } from '../../page/effects.js';
import { answerInWords, reasonInWords } from '../../page/words.js';
import { ACTIONS, KEYS } from '../../src/demo/index.js';
import type { EntityId } from '../../src/world/index.js';

const QUARTER = 0x4000;

test('with a mouse the player looks at it, and goes where the keys say', () => {
  const controls = new Controls();
  controls.keys.move = [0, 1];
  controls.keys.run = true;
  assert.deepEqual(controls.input([10, 10], 0, [10, 99]), {
    forward: 127,
    left: 0,
    yaw: QUARTER,
    keys: KEYS.run,
    actions: 0,
  });
  // Looking east, north is to the left.
  const east = controls.input([10, 10], 0, [99, 10]);
  assert.deepEqual([east.forward, east.left, east.yaw], [0, 127, 0]);
  const west = controls.input([10, 10], 0, [-99, 10]);
  assert.deepEqual([west.forward, west.left, west.yaw], [0, -127, 2 * QUARTER]);
});

test('with a stick the player looks where it goes, and goes on looking there', () => {
  const controls = new Controls();
  assert.equal(controls.input([0, 0], 1234, undefined).yaw, 1234, 'at first it looks where it looked');
  controls.touch.move = [0, -0.5];
  const south = controls.input([0, 0], 0, undefined);
  assert.deepEqual([south.forward, south.left, south.yaw, south.keys], [64, 0, 3 * QUARTER, 0]);
  controls.touch.move = [0, 0];
  controls.touch.shoot = controls.touch.jump = true;
  const still = controls.input([0, 0], 0, undefined);
  assert.deepEqual([still.forward, still.left, still.yaw], [0, 0, 3 * QUARTER]);
  assert.deepEqual([still.keys, still.actions], [KEYS.jump, ACTIONS.shoot]);
});

test('north is up, and a pixel is the point that it shows', () => {
  const camera = new Camera();
  for (const [width, height] of [[360, 740], [1920, 1080]] as const) {
    camera.resize(width, height);
    [camera.x, camera.y] = [5000, 7000];
    assert.deepEqual([camera.screenX(5000), camera.screenY(7000)], [width / 2, height / 2]);
    assert.ok(camera.screenY(8000) < height / 2 && camera.screenX(6000) > width / 2);
    assert.ok(camera.screenY(7000, 100) < height / 2, 'who jumps is higher up');
    const [x, y] = camera.worldAt(camera.screenX(5432), camera.screenY(6789));
    assert.ok(Math.abs(x - 5432) < 1e-6 && Math.abs(y - 6789) < 1e-6);
  }
});

test('what is shown for a while ends, and is bounded', () => {
  const effects = new Effects();
  const speaker = 7 as EntityId;
  effects.say(speaker, 'hello', 0);
  assert.equal(effects.wordsOf(speaker, 4000), 'hello');
  assert.equal(effects.wordsOf(speaker, 6000), undefined);
  for (let at = 0; at < 1000; at += 1) effects.rise('own', '-1', true, 10_000);
  const rising = effects.risingAt(10_090);
  assert.ok(rising.length <= 64 && Math.abs(rising[0]!.age - 0.1) < 1e-9);
  assert.deepEqual(effects.risingAt(20_000), []);
});

test('answers and reasons are said in words', () => {
  assert.equal(answerInWords({ is: 'Drunk', health: 255, potions: 2 }), 'You drink a potion: 100 % health, 2 left.');
  assert.equal(answerInWords({ is: 'Refused', why: { is: 'TooEarly', ticks: 61 } }), 'Not yet: wait 2 s.');
  assert.equal(reasonInWords(255), 'this page was silent for too long');
  assert.equal(reasonInWords(7), 'reason 7');
});

test('the page that the gateway contains is the one of these sources', () => {
  const script = fileURLToPath(new URL('../../../scripts/page.mjs', import.meta.url));
  execFileSync(process.execPath, [script, '--check'], { stdio: ['ignore', 'ignore', 'inherit'] });
});
