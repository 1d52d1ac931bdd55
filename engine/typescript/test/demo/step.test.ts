/** The step of the demonstration against steps that the server's own code has made. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { demoContract, demoRules, LEVEL_GROUND, type DemoInput, type DemoOwn, type MapSize } from '../../src/demo/index.js';
import { contractBlock } from '../contract-block.js';

type List = (number | boolean | number[])[];

interface Vectors {
  readonly level: number;
  readonly size: MapSize;
  readonly walks: { readonly own: List; readonly steps: [List, List][] }[];
}

const FILE = new URL('../../../test/demo/step-vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(FILE, 'utf8')) as Vectors;

function rounded(value: number | boolean | number[] | undefined): number | boolean | number[] {
  if (Array.isArray(value)) return value.map(Math.fround);
  return typeof value === 'number' ? Math.fround(value) : (value ?? 0);
}

function named(names: readonly string[], values: List): unknown {
  return Object.fromEntries(names.map((name, at) => [name, rounded(values[at])]));
}

const OWN = Object.keys(demoContract.own.blank);
const INPUT = Object.keys(demoContract.input.blank);

test('a step on level ground gives the bits of the server', () => {
  const rules = demoRules(LEVEL_GROUND, () => ({ size: vectors.size, isLevel: true }));
  assert.equal(vectors.level, LEVEL_GROUND);
  let steps = 0;
  for (const [number, walk] of vectors.walks.entries()) {
    let own = named(OWN, walk.own) as DemoOwn;
    for (const [at, [input, after]] of walk.steps.entries()) {
      own = rules.step(own, named(INPUT, input) as DemoInput);
      const expected = named(OWN, after) as DemoOwn;
      assert.ok(demoContract.own.equals(own, expected), `walk ${number}, step ${at}: ${JSON.stringify([own, expected])}`);
      steps += 1;
    }
  }
  assert.equal(steps, 600);
});

test('on ground that is not known, a player goes on at its height, and falls when it is in the air', () => {
  const rules = demoRules(0, () => ({ size: vectors.size, isLevel: false }));
  const runs = { forward: 127, left: 0, yaw: 1, keys: 0, actions: 0 };
  const stands: DemoOwn = { ...demoContract.own.blank, point: [1000, 1000], height: 700 };
  const went = rules.step(stands, runs);
  assert.deepEqual([went.height, went.gait, went.point[0]! > 1001], [700, 0, true]);
  const falls = rules.step(rules.step({ ...stands, gait: 1 }, runs), runs);
  assert.ok(falls.height < 700 && falls.gait === 1);
});

test('the contract is the one of the document', () => {
  const { Input, Own, Shown, Ask, Answer, Event } = contractBlock('demonstration');
  const { input, own, shown, ask, answer, event } = demoContract;
  const declared = [input, own, shown, ask, answer, event].map((type) => type.schema);
  assert.deepEqual(declared, [Input, Own, Shown, Ask, Answer, Event].map((type) => type?.schema));
});
