/** What a page sees of the services: promises, errors and notices. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { serviceAction, ServiceError, Services, valueAs, values as v, type Notice } from '../../src/services/index.js';
import { readValue, valueBytes } from '../../src/services/values/data.js';
import { Seeded } from '../seeded.js';
import { Link } from '../world/server/game.js';
import { writeNotice } from './messages.js';
import { ServicesServer, type Handled } from './server.js';

const useItem = serviceAction('/v1/inventory/use', v.record({ item: v.u32, note: v.optional(v.text) }), v.record({ left: v.u32 }));

function answered(left: number, takes = 10): Handled {
  return { status: 200, value: valueBytes(useItem.answer.schema, { left }), takes };
}

class Bench {
  readonly clock = { now: 1000 };
  readonly client = { presences: 0, isInWorld: false, isConnected: true };
  readonly up: Link;
  readonly server: ServicesServer;
  readonly services: Services;
  readonly notices: Notice[] = [];
  handle: (path: string, value: Uint8Array) => Handled = () => answered(3);

  constructor() {
    const random = new Seeded(1);
    this.up = new Link({ delay: 20, jitter: 0, loss: 0 }, random, this.clock);
    this.server = new ServicesServer(random, (path, value) => this.handle(path, value));
    const onNotice = (notice: Notice): void => void this.notices.push(notice);
    this.services = new Services(this.client, { clock: () => this.clock.now, onNotice });
  }

  enter(): this {
    this.client.presences += 1;
    this.client.isInWorld = true;
    this.server.entered();
    return this;
  }

  leave(): void {
    this.client.isInWorld = false;
    this.server.left();
  }

  async pass(time: number): Promise<this> {
    for (const until = this.clock.now + time; this.clock.now < until; this.clock.now += 5) {
      for (const message of this.up.arrive()) this.server.receive(message, this.clock.now);
      this.server.step(this.clock.now);
      for (const message of this.server.out.splice(0)) assert.ok(this.services.received(message));
      this.services.update(this.up);
    }
    // What a promise calls is called later.
    await new Promise((resolve) => setImmediate(resolve));
    return this;
  }
}

/** What a promise comes to. */
function settled<T>(promise: Promise<T>): { value?: T; error?: unknown } {
  const end: { value?: T; error?: unknown } = {};
  promise.then((value) => (end.value = value), (error: unknown) => (end.error = error));
  return end;
}

function errorOf(end: { error?: unknown }): ServiceError {
  assert.ok(end.error instanceof ServiceError, String(end.error));
  return end.error;
}

test('a call is answered with the type of the action', async () => {
  const bench = new Bench().enter();
  let request: unknown;
  bench.handle = (path, value) => {
    request = { path, ...(readValue(value)!.data as object) };
    return answered(2);
  };
  const end = settled(bench.services.call(useItem, { item: 7 }));
  await bench.pass(300);
  assert.deepEqual(end, { value: { left: 2 } });
  assert.deepEqual(request, { path: '/v1/inventory/use', item: 7, note: null });
  assert.equal(bench.services.open, 0);
});

test('a call that is made outside the world waits for it, and goes on in the next presence', async () => {
  const bench = new Bench();
  bench.handle = () => answered(1, 800);
  const end = settled(bench.services.call(useItem, { item: 7 }, { deadline: 20_000 }));
  await bench.pass(1000);
  assert.equal(bench.up.sent, 0);
  await bench.enter().pass(200);
  bench.leave();
  await bench.pass(1500);
  assert.deepEqual(end, {});
  await bench.enter().pass(500);
  assert.deepEqual(end, { value: { left: 1 } });
  assert.deepEqual([...bench.server.executed.values()], [1]);
});

test('while there is no connection, nothing is sent, and deadlines pass', async () => {
  const bench = new Bench().enter();
  await bench.pass(200);
  bench.client.isConnected = false;
  const { sent } = bench.up;
  const end = settled(bench.services.call(useItem, { item: 7 }, { deadline: 500 }));
  await bench.pass(600);
  assert.equal(bench.up.sent, sent);
  assert.deepEqual([errorOf(end).why, errorOf(end).mayBeExecuted], ['expired', false]);
});

test('an error says what happened, and whether it is safe to call again', async () => {
  const bench = new Bench().enter();
  const message = v.record({ message: v.text });
  const refused = (status: number, words?: string): Handled => ({
    status, value: words === undefined ? Uint8Array.of(9) : valueBytes(message.schema, { message: words }), takes: 0,
  });
  const cases: [Handled, ServiceError['why'], number, boolean, RegExp][] = [
    [refused(409, 'you do not have this item'), 'refused', 409, false, /^you do not have this item$/],
    [refused(429, 'slowly'), 'refused', 429, false, /slowly/],
    [refused(503), 'refused', 503, false, /status 503/],
    [refused(504, 'late'), 'refused', 504, true, /late/],
    [refused(500, 'oh'), 'refused', 500, true, /oh/],
    [refused(408), 'expired', 0, false, /not executed in time/],
    [refused(499), 'cancelled', 0, false, /cancelled/],
    [refused(520), 'unknown', 0, true, /nobody knows/],
    [{ status: 200, value: Uint8Array.of(0xff), takes: 0 }, 'unreadable', 0, true, /no value/],
    [{ status: 200, value: valueBytes(message.schema, { message: '' }), takes: 0 }, 'unreadable', 0, true, /left: the field is absent/],
  ];
  for (const [handled, why, status, mayBeExecuted, words] of cases) {
    bench.handle = () => handled;
    const end = settled(bench.services.call(useItem, { item: 1 }));
    await bench.pass(400);
    const error = errorOf(end);
    assert.deepEqual([error.why, error.status, error.mayBeExecuted], [why, status, mayBeExecuted], `${handled.status}`);
    assert.match(error.message, words);
    assert.equal(error.wait, status === 429 || status === 503 ? 1500 : 0);
  }
});

test('a signal takes a call back', async () => {
  const bench = new Bench().enter();
  bench.handle = () => answered(1, 5000);
  const [early, late, before] = [new AbortController(), new AbortController(), AbortSignal.abort()];
  const ends = [early, late].map(({ signal }) => settled(bench.services.call(useItem, { item: 1 }, { signal })));
  const never = settled(bench.services.call(useItem, { item: 1 }, { signal: before }));
  early.abort();
  await bench.pass(500);
  assert.deepEqual([errorOf(ends[0]!).why, errorOf(never).why], ['cancelled', 'cancelled']);
  late.abort();
  await bench.pass(6000);
  assert.deepEqual(ends[1], { value: { left: 1 } }, 'it was executed already');
});

test('a request that does not fit is a RangeError, too many calls are an error, and an end ends all', async () => {
  const bench = new Bench().enter();
  const wrong = settled(bench.services.call(useItem, { item: -1 }));
  await bench.pass(5);
  assert.ok(wrong.error instanceof RangeError && /^item: expected u32, got -1/.test(wrong.error.message));
  bench.handle = () => answered(1, 5000);
  const ends = Array.from({ length: 101 }, () => settled(bench.services.call(useItem, { item: 1 })));
  await bench.pass(200);
  assert.equal(errorOf(ends[100]!).why, 'full');
  bench.services.close();
  await bench.pass(5);
  assert.deepEqual(new Set(ends.slice(0, 100).map((end) => errorOf(end).why)), new Set(['unknown']));
});

test('notices arrive with their topics, and messages of others are left to them', async () => {
  const bench = new Bench().enter();
  const line = v.record({ room: v.text, text: v.text });
  const writer = new Writer();
  writeNotice('chat', valueBytes(line.schema, { room: 'hall', text: 'hi' }), writer);
  assert.ok(bench.services.received(writer.copy()));
  const [notice] = bench.notices;
  assert.deepEqual([notice!.topic, valueAs(line, notice!.value)], ['chat', { room: 'hall', text: 'hi' }]);
  assert.ok(bench.services.received(Uint8Array.of(26, 0, 1)));
  assert.equal(bench.services.stats.malformed, 1);
  for (const kind of [1, 3, 6, 7, 9, 16, 18, 20, 21, 27]) assert.ok(!bench.services.received(Uint8Array.of(kind)), `${kind}`);
  assert.ok(!bench.services.received(new Uint8Array(0)));
  assert.throws(() => serviceAction('no path'), RangeError);
});

test('a new presence begins with the message that brings it', async () => {
  const bench = new Bench().enter();
  await bench.pass(100);
  const end = settled(bench.services.call(useItem, { item: 1 }));
  bench.handle = () => answered(1, 60_000);
  await bench.pass(100);
  // Out of the world and in again between two frames: an outcome that comes before the Greeting is of another presence.
  bench.client.presences += 1;
  const { outdated } = bench.services.stats;
  assert.ok(bench.services.received(Uint8Array.of(19, 1, 0, 0, 0, 0xf3, 0x01, 0, 0, 0, 0)));
  assert.equal(bench.services.stats.outdated, outdated + 1);
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(end, {});
});
