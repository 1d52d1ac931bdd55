/** Calls over sessions that lose datagrams, are cut, resumed, and begun anew. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { serviceAction, ServiceError, Services, values as v } from '../../src/services/index.js';
import { Simulation } from '../server/simulation.js';
import { ServicesServer } from './server.js';

const note = serviceAction('/v1/note', v.record({ number: v.u32 }));
/** The bytes of the request with a number, in hexadecimal: its schema, and the number. */
const bytesOf = (number: number): string => {
  const data = Buffer.alloc(4);
  data.writeUInt32LE(number);
  return `1101066e756d62657205${data.toString('hex')}`;
};

class Bench {
  readonly simulation: Simulation;
  readonly services: Services;
  readonly server: ServicesServer;
  readonly client = { presences: 0, isInWorld: false, isConnected: false };
  private seen = 0;
  private heard = 0;

  constructor(seed: number) {
    const simulation = new Simulation(seed);
    this.simulation = simulation;
    this.server = new ServicesServer(simulation.random, () => ({ status: 200, value: new Uint8Array(0), takes: 40 }));
    this.services = new Services(this.client, { clock: () => simulation.now });
    simulation.server.onMessage = (_client, channel, bytes) => {
      assert.equal(channel % 4, 2);
      this.server.receive(bytes.slice(), simulation.now);
    };
  }

  async pass(time: number): Promise<void> {
    const { simulation, client } = this;
    for (const until = simulation.now + time; simulation.now < until; ) {
      simulation.run(15);
      for (const event of simulation.events.slice(this.seen)) {
        if (event.kind === 'reconnecting') client.isConnected = false;
        if (event.kind !== 'connected') continue;
        client.isConnected = true;
        if (event.resumed) continue;
        // The world lets the client in at once.
        client.presences += 1;
        client.isInWorld = true;
        this.server.entered();
      }
      this.seen = simulation.events.length;
      for (const { bytes } of simulation.inbox.slice(this.heard)) assert.ok(this.services.received(bytes));
      this.heard = simulation.inbox.length;
      this.services.update(simulation.client);
      this.server.step(simulation.now);
      if (simulation.server.clients.size === 0) continue;
      for (const bytes of this.server.out.splice(0)) simulation.server.send(simulation.server.client, 2, bytes);
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('calls are executed once over losses, a cut and a resumed session', async () => {
  const bench = new Bench(5);
  const { simulation } = bench;
  simulation.quality = { loss: 0.1, duplicates: 0.1, delay: [10, 60] };
  await bench.pass(3000);
  assert.equal(bench.client.presences, 1);
  const ends: Promise<null>[] = [];
  for (let number = 0; number < 20; number += 1) {
    ends.push(bench.services.call(note, { number }, { deadline: 40_000 }));
    await bench.pass(60);
  }
  simulation.isCut = true;
  for (let number = 20; number < 30; number += 1) ends.push(bench.services.call(note, { number }, { deadline: 40_000 }));
  await bench.pass(18_000);
  simulation.isCut = false;
  await bench.pass(10_000);
  assert.deepEqual(await Promise.all(ends), Array(30).fill(null));
  assert.ok(simulation.news.includes('resumed'), simulation.news.filter((line) => line !== 'message').join());
  for (let number = 0; number < 30; number += 1) assert.equal(bench.server.executed.get(bytesOf(number)), 1, `${number}`);
});

test('after a restart of the server, what was sent before is unknown, and what was not is executed', async () => {
  const bench = new Bench(6);
  const { simulation } = bench;
  await bench.pass(1000);
  simulation.isCut = true;
  const sent = bench.services.call(note, { number: 1 }, { deadline: 40_000 });
  const why = sent.then(() => 'answered', (error: unknown) => (error instanceof ServiceError ? error.why : String(error)));
  await bench.pass(100);
  simulation.server.restart();
  bench.server.restart();
  simulation.isCut = false;
  await bench.pass(20_000);
  assert.equal(bench.client.presences, 2, simulation.news.join());
  assert.equal(await why, 'unknown');
  const after = bench.services.call(note, { number: 2 });
  await bench.pass(1000);
  assert.equal(await after, null);
  assert.deepEqual([bench.server.executed.get(bytesOf(1)), bench.server.executed.get(bytesOf(2))], [undefined, 1]);
});
