/** A session that moves between two servers, in simulated time: PROTOCOL.md#moves. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Connection } from '../../src/connection/connection.js';
import type { ConnectionOptions, OtherServer } from '../../src/connection/types.js';
import { Seeded } from '../seeded.js';
import { TestServer } from '../server/server.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const DELAY = 5;
/** The core of every connection of a test server. */
const CORE = 3;
/** The core that expects the session. A test server has no cores: it accepts a request for any. */
const EXPECTING = 5;

/** A client and two servers that echo. The way to server n has the number n. */
class Travel {
  now = 1000;
  readonly servers: [TestServer, TestServer];
  readonly client: Connection;
  readonly news: string[] = [];
  readonly inbox: string[] = [];
  /** Servers that nothing reaches, and that reach nobody. */
  readonly cut = new Set<number>();
  /** The ids of Connects to each server. */
  readonly requests: [number[], number[]] = [[], []];
  loss = 0;
  private readonly random: Seeded;
  private flying: { at: number; run: () => void }[] = [];

  constructor(seed: number, options: Partial<ConnectionOptions> = {}) {
    this.random = new Seeded(seed);
    const random = new Seeded(seed + 1);
    this.servers = [2, 3].map((more) => {
      const server = new TestServer({ heartbeat: 1000, timeout: 4000 }, new Seeded(seed + more));
      server.onMessage = (client, channel, bytes) => client.server.send(client, channel, bytes.slice());
      return server;
    }) as [TestServer, TestServer];
    const serverKey = this.servers[0].key;
    this.client = new Connection({ serverKey, random: (length) => random.bytes(length), ...options }, this.now);
  }

  get other(): OtherServer {
    return { key: this.servers[1].key, core: EXPECTING, address: '127.0.0.1', port: 1 };
  }

  run(milliseconds: number): this {
    const end = this.now + milliseconds;
    this.exchange();
    for (; this.now < end; this.now += 1, this.exchange());
    return this;
  }

  /** Connects to the first server. The second expects the session, if `isExpected`, and the client begins to move there. */
  depart(isExpected = true): this {
    this.run(100);
    assert.deepEqual(this.news.splice(0), ['connected']);
    if (isExpected) this.servers[1].expect(this.servers[0].client);
    assert.ok(this.client.moveTo(this.other, 1, this.now));
    return this;
  }

  send(words: string, count = 1): void {
    for (let at = 0; at < count; at += 1) assert.equal(this.client.send(1, text(`${words} ${at}`)), 'queued');
  }

  /** Where the session is: at 0, at 1 or nowhere. */
  get homes(): number[] {
    return [0, 1].filter((at) => this.servers[at]!.clients.size > 0);
  }

  private exchange(): void {
    const due = this.flying.filter(({ at }) => at <= this.now);
    this.flying = this.flying.filter(({ at }) => at > this.now);
    for (const { run } of due) run();
    const { datagrams, connects, events } = this.client.poll(this.now);
    for (const event of events) {
      if (event.kind === 'message') this.inbox.push(new TextDecoder().decode(event.message.bytes));
      else if (event.kind === 'connected') this.news.push(event.resumed ? 'resumed' : 'connected');
      else this.news.push(`${event.kind}: ${event.reason}`);
    }
    for (const datagram of datagrams) this.leave(datagram, this.client.place);
    for (const datagram of connects) this.leave(datagram, 1 - this.client.place);
    this.servers.forEach((server, number) => {
      for (const { datagram } of server.poll(this.now)) {
        this.fly(number, () => this.client.receive(datagram, this.now));
      }
    });
  }

  private leave(datagram: Uint8Array, number: number): void {
    if (datagram[5] === 0) this.requests[number]!.push(datagram[0]!);
    this.fly(number, () => this.servers[number]!.receive(datagram, 'client', this.now));
  }

  private fly(number: number, run: () => void): void {
    if (this.random.chance(this.loss)) return;
    const arrive = (): void => {
      if (!this.cut.has(number)) run();
    };
    this.flying.push({ at: this.now + DELAY, run: arrive });
  }
}

test('a session moves with its reliable messages: each arrives once, in order', () => {
  for (const seed of [1, 2, 3, 4]) {
    const travel = new Travel(seed);
    travel.loss = 0.1;
    travel.run(2000);
    travel.news.length = 0;
    travel.send('before', 40);
    travel.run(3);
    travel.servers[1].expect(travel.servers[0].client);
    assert.ok(travel.client.moveTo(travel.other, 1, travel.now));
    travel.send('meanwhile', 40);
    travel.run(10_000);
    travel.send('after', 40);
    travel.run(10_000);
    const expected = ['before', 'meanwhile', 'after'].flatMap((words) => Array.from({ length: 40 }, (_, at) => `${words} ${at}`));
    assert.deepEqual(travel.inbox, expected);
    assert.deepEqual([travel.news, travel.homes, travel.client.place], [['resumed'], [1], 1]);
    assert.ok(!travel.client.isMoving);
    assert.ok(travel.requests[1].every((core) => core === EXPECTING), 'it requests the core that expects it');
  }
});

test('a session that has moved can move on, and come back', () => {
  const travel = new Travel(5).depart().run(500);
  travel.servers[0].expect(travel.servers[1].client);
  assert.ok(travel.client.moveTo({ ...travel.other, key: travel.servers[0].key }, 0, travel.now));
  travel.send('back');
  travel.run(500);
  assert.deepEqual([travel.news, travel.homes, travel.inbox], [['resumed', 'resumed'], [0], ['back 0']]);
});

test('the session stays if the other server does not answer, and nothing is told', () => {
  const travel = new Travel(6);
  travel.cut.add(1);
  travel.depart();
  travel.send('here');
  travel.run(5000);
  assert.ok(travel.client.isMoving && travel.client.state === 'connected');
  travel.run(7000);
  assert.ok(!travel.client.isMoving);
  assert.deepEqual([travel.news, travel.homes, travel.inbox], [[], [0], ['here 0']]);
  travel.cut.clear();
  travel.servers[1].expect(travel.servers[0].client);
  assert.ok(travel.client.moveTo(travel.other, 1, travel.now), 'it may be asked again');
  assert.deepEqual(travel.run(500).homes, [1]);
});

test('the session stays if the other server does not know it, or has another key', () => {
  const travel = new Travel(7).depart(false);
  travel.run(500);
  assert.ok(!travel.client.isMoving);
  const wrong = travel.servers[1].key.slice();
  wrong[4]! ^= 1;
  assert.ok(travel.client.moveTo({ ...travel.other, key: wrong }, 1, travel.now));
  travel.run(15_000);
  assert.ok(!travel.client.isMoving);
  assert.ok(!travel.client.moveTo({ ...travel.other, key: new Uint8Array(32) }, 1, travel.now), 'no server has that key');
  assert.deepEqual([travel.news, travel.homes, travel.client.state], [[], [0], 'connected']);
});

test('there is one move at a time, and none without a connection', () => {
  const travel = new Travel(8);
  assert.ok(!travel.client.moveTo(travel.other, 1, travel.now));
  travel.depart();
  assert.ok(!travel.client.moveTo(travel.other, 2, travel.now));
  travel.run(500);
  travel.client.close(travel.now);
  assert.ok(!travel.client.moveTo(travel.other, 2, travel.now));
});

test('a server that accepts and dies is left for the one before, which has the session still', () => {
  const travel = new Travel(9).depart();
  travel.send('kept');
  for (; travel.client.place === 0; travel.run(1));
  travel.cut.add(1);
  travel.run(8000);
  assert.deepEqual([travel.homes, travel.client.place, travel.inbox], [[0], 0, ['kept 0']]);
  assert.ok(!travel.client.isMoving);
  assert.equal(travel.news[0], 'resumed');
  assert.equal(travel.news[travel.news.length - 1], 'resumed');
  const back = travel.requests[0].filter((core) => core !== 0);
  assert.ok(back.length > 0 && back.every((core) => core === CORE), 'it requests the core that had it');
});

test('a server that accepts and then says that the session has not moved is left for the one before', () => {
  const travel = new Travel(10).depart();
  travel.send('kept');
  for (; travel.servers[1].connects < 2; travel.run(1));
  travel.servers[1].forgetSessions();
  travel.run(3000);
  assert.deepEqual([travel.homes, travel.client.place, travel.inbox], [[0], 0, ['kept 0']]);
  assert.deepEqual(travel.news, ['resumed', 'reconnecting: not resumable', 'resumed']);
});

test('when neither server has the session any more, a new one begins', () => {
  const travel = new Travel(11).depart();
  for (; travel.client.place === 0; travel.run(1));
  for (const server of travel.servers) server.restart();
  travel.run(20_000);
  assert.equal(travel.news[travel.news.length - 1], 'connected');
  assert.equal(travel.client.state, 'connected');
  assert.ok(!travel.client.isMoving);
  travel.send('anew');
  travel.run(200);
  assert.deepEqual(travel.inbox, ['anew 0']);
});

test('a connection that breaks while the session moves is replaced at the server that has it', () => {
  const travel = new Travel(12);
  travel.cut.add(1);
  travel.depart();
  travel.cut.add(0);
  travel.run(6000);
  travel.cut.clear();
  travel.run(6000);
  assert.equal(travel.client.state, 'connected');
  assert.deepEqual(travel.homes.length, 1);
  assert.ok(travel.news.includes('resumed') && !travel.news.includes('connected'), travel.news.join());
});

test('a way that changes during a move asks for another cookie there, and leaves the present connection alone', () => {
  const travel = new Travel(13).depart();
  travel.run(1);
  const before = travel.requests[1].length;
  travel.client.pathChanged(1200, travel.now, 1);
  travel.run(1);
  assert.ok(travel.requests[1].length > before);
  travel.client.pathChanged(1200, travel.now, 7);
  assert.deepEqual(travel.run(500).homes, [1]);
});
