/** Tickets that are got for each attempt to enter. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { MessagePort, SendResult } from '../../src/connection/types.js';
import { demoContract, demoRules, type DemoContract } from '../../src/demo/index.js';
import { WorldClient, type News } from '../../src/world/index.js';

class Bench implements MessagePort {
  readonly roundTrip = 0;
  /** The tickets of the requests that were sent. */
  readonly tickets: string[] = [];
  readonly news: News<DemoContract>[] = [];
  readonly asked: { resolve: (ticket: Uint8Array) => void; reject: (why: unknown) => void }[] = [];
  isFull = false;
  readonly client = new WorldClient(demoRules(0), {
    ticket: () => new Promise((resolve, reject) => this.asked.push({ resolve, reject })),
    onNews: (news) => this.news.push(news),
  });

  send(_channel: number, bytes: Uint8Array): SendResult {
    if (this.isFull) return 'full';
    assert.equal(bytes[0], 3);
    this.tickets.push(Buffer.from(bytes.subarray(29)).toString());
    return 'queued';
  }

  async update(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.client.update(0, this, () => demoContract.input.blank);
  }

  async give(at: number, ticket: string): Promise<void> {
    this.asked[at]!.resolve(new TextEncoder().encode(ticket));
    await this.update();
  }
}

test('a client asks for a ticket once per attempt to enter, and sends it when it is there', async () => {
  const bench = new Bench();
  await bench.update();
  assert.equal(bench.asked.length, 0, 'a ticket is not good for long: without a connection none is asked for');
  bench.client.connected(false);
  for (let times = 0; times < 3; times += 1) await bench.update();
  assert.deepEqual([bench.asked.length, bench.tickets], [1, []]);
  bench.isFull = true;
  await bench.give(0, 'one');
  bench.isFull = false;
  await bench.update();
  await bench.update();
  assert.deepEqual([bench.tickets, bench.client.presence], [['one'], 'asking']);
  bench.client.received(Uint8Array.of(3, 0, 254), 0);
  assert.deepEqual(bench.news, [{ is: 'Refused', reason: 254 }]);
  bench.client.enter();
  await bench.update();
  await bench.give(1, 'two');
  assert.deepEqual(bench.tickets, ['one', 'two']);
});

test('a client without a ticket stays outside, and says why', async () => {
  const bench = new Bench();
  bench.client.connected(false);
  await bench.update();
  bench.asked[0]!.reject('the door is shut');
  await bench.update();
  assert.deepEqual([bench.news, bench.client.presence], [[{ is: 'NoTicket', why: 'the door is shut' }], 'outside']);
  bench.client.enter();
  await bench.update();
  bench.asked[1]!.resolve(new Uint8Array(1025));
  await bench.update();
  assert.equal(bench.news.length, 2, 'what is too long is no ticket');
  assert.deepEqual(bench.tickets, []);
});

test('a ticket for an attempt that is over is for nobody', async () => {
  const bench = new Bench();
  bench.client.connected(false);
  await bench.update();
  bench.client.reconnecting();
  bench.client.connected(false);
  await bench.update();
  assert.equal(bench.asked.length, 2);
  await bench.give(0, 'old');
  assert.deepEqual(bench.tickets, []);
  bench.asked[0]!.reject('late');
  await bench.give(1, 'new');
  assert.deepEqual(bench.tickets, ['new']);
  bench.client.closed();
  assert.deepEqual(bench.news, [{ is: 'Renewed' }]);
});
