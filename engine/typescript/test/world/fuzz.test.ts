/** Whatever a server sends, a client throws nothing, and what it keeps is bounded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { WorldClient, WorldMap, type Contract, type Rules } from '../../src/world/index.js';
import { PREDICTED_TICKS_MAX } from '../../src/world/prediction/prediction.js';
import { Seeded } from '../seeded.js';
import { fromHex, vector, vectorNames } from '../vectors.js';
import { example, type Example } from './example.js';
import { writeWelcome } from './server/messages.js';

const MAP = WorldMap.of(25_600, 6_400, [32, 32, 4])!;

const rules: Rules<Example> = {
  contract: example,
  level: 0,
  step: (own, input) => ({ ...own, speed: Math.fround(own.speed + input.forward) }),
  pose: ({ spot, speed }) => ({ point: [spot[0]!, spot[1]!, 0], velocity: [speed, 0, 0], rotation: [0, 0, 0], leap: 0 }),
};

/** Every message of a server in the document, good and bad. */
function corpus(): Uint8Array[] {
  const names = vectorNames('world-').filter((name) => /enter|owner|snapshot|answer|event/.test(name));
  return names.flatMap((name) => [...vector(name).values()].map(fromHex)).filter((bytes) => [3, 6, 7, 9].includes(bytes[0]!));
}

function mutated(random: Seeded, from: Uint8Array): Uint8Array {
  const bytes = [...from];
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const at = random.below(bytes.length + 1);
    const kind = random.below(4);
    if (kind === 0) bytes.splice(at, random.below(6));
    else if (kind === 1) bytes.splice(at, 0, ...random.bytes(random.below(6)));
    else if (kind === 2 && bytes.length > 0) bytes[at % bytes.length]! ^= 1 << random.below(8);
    else bytes.splice(at, 0, ...bytes.slice(random.below(bytes.length + 1), random.below(bytes.length + 1)));
  }
  return Uint8Array.from(bytes.slice(0, 2000));
}

function retained<C extends Contract>(client: WorldClient<C>): number {
  let samples = 0;
  for (const seen of client.view.entities()) samples += seen.samples.length;
  assert.ok(samples <= client.view.size * 32);
  assert.ok(client.prediction.length <= PREDICTED_TICKS_MAX);
  return samples;
}

test('random and mutated messages throw nothing, and what is kept is bounded', () => {
  const random = new Seeded(11);
  const good = corpus();
  assert.ok(good.length > 80);
  let [told, applied] = [0, 0];
  for (let round = 0; round < 20; round += 1) {
    const client = new WorldClient<Example>(rules, { onNews: () => (told += 1) });
    const port = { roundTrip: random.pick([0, 40, NaN]), send: () => random.pick(['queued', 'full'] as const) };
    client.connected(false);
    const welcome = new Writer();
    writeWelcome(5, random.pick([0xfffe, 0, 7]), MAP, welcome);
    for (let at = 0, now = 0; at < 2000; at += 1, now += random.next() * 10) {
      const number = random.below(0x1_0000);
      const snapshot = Uint8Array.from([6, number & 255, number >> 8, ...random.bytes(7), ...random.bytes(random.below(60))]);
      const message = random.pick([welcome.copy(), random.pick(good), mutated(random, random.pick(good)), snapshot]);
      client.received(message, now);
      client.update(now, port, () => example.input.blank);
      for (const other of client.scene().others()) assert.ok(other.pose.point.length === 3);
      if (random.chance(0.01)) client.ask({ is: 'Surrender' }, port);
      if (random.chance(0.002)) client.connected(random.chance(0.5));
    }
    retained(client);
    applied += client.stats.snapshots;
    assert.ok(client.stats.snapshotsRefused > 0 || client.stats.snapshotsOutside > 0);
  }
  assert.ok(told > 100 && applied > 100, `${told} told, ${applied} applied`);
});

test('a server that fills the view with entities fills it with at most one per index, and 32 versions of each', () => {
  const client = new WorldClient<Example>(rules);
  const welcome = new Writer();
  writeWelcome(5, 0, MAP, welcome);
  client.received(welcome.copy(), 0);
  for (let number = 0; number < 40 * 8; number += 1) {
    const writer = new Writer();
    writer.u8(6).u16(number).u32(number).i8(0).u8(0).u8(0);
    for (let index = 0; index < 500; index += 1) {
      writer.u16((number % 8) * 500 + index).u16((Math.floor(number / 8) % 32) | (1 << 10)).u8(1).u8(0x3f);
      writer.u32(number).u32(index).u32(7);
    }
    client.received(writer.copy(), number);
  }
  assert.equal(client.stats.snapshots, 320);
  assert.equal(client.view.size, 4000);
  assert.equal(retained(client), 4000 * 32);
});

