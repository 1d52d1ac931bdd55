/** A client against a server's world over a simulated network and clock. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { demoContract, demoRules, KEYS, LEVEL_GROUND, type DemoContract, type DemoInput } from '../../src/demo/index.js';
import type { OtherServer } from '../../src/connection/types.js';
import { WorldClient, WorldMap, type News, type Scene, type WorldOptions } from '../../src/world/index.js';
import { ASKS_OPEN_MAX } from '../../src/world/limits.js';
import { Seeded } from '../seeded.js';
import { field, vector } from '../vectors.js';
import { GameServer, Link, type Network, type ServerGame } from './server/game.js';
import { stateOf } from './server/states.js';
import { idOf, type Truth } from './server/world.js';

const MAP = WorldMap.of(25_600, 6_400, [32, 32, 4])!;
const TICK = 1000 / 60;
const NPC = { index: 300, generation: 9 };

/** Where the other entity is at a tick: it goes in a circle. */
function npcAt(tick: number): Truth<Parameters<typeof demoContract.shown.write>[0]> {
  const turn = tick / 90;
  const point = [50_000 + 600 * Math.cos(turn), 50_000 + 600 * Math.sin(turn), 0] as const;
  const speed = (600 * 60) / 90;
  const velocity = [-speed * Math.sin(turn), speed * Math.cos(turn), 0] as const;
  const rotation = [Math.round((turn / (2 * Math.PI)) * 65536) & 0xffff, 0, 0] as const;
  const state = stateOf(MAP, { point, velocity, rotation, leap: 0 }, { ...demoContract.shown.blank, kind: 1, health: 255 });
  return { ...NPC, version: 1, state, isInView: true };
}

interface SetUp {
  readonly network?: Partial<Network>;
  readonly seed?: number;
  readonly options?: WorldOptions<DemoContract>;
  readonly level?: number;
  readonly game?: Partial<ServerGame<DemoContract>>;
}

class Play {
  readonly clock = { now: 5000 };
  readonly random: Seeded;
  readonly server: GameServer<DemoContract>;
  readonly client: WorldClient<DemoContract>;
  readonly up: Link;
  readonly down: Link;
  readonly news: News<DemoContract>[] = [];
  input: (scene: Scene<DemoContract>) => DemoInput = () => demoContract.input.blank;
  /** Called with each frame. */
  onFrame: () => void = () => {};
  isStalled = false;
  private tickAt = 5000;
  private frameAt = 5003;

  constructor({ network, seed = 1, options, level = LEVEL_GROUND, game }: SetUp = {}) {
    this.random = new Seeded(seed);
    const rules = demoRules(LEVEL_GROUND);
    const own = { ...demoContract.own.blank, point: [60_000, 60_000], potions: 3 };
    this.server = new GameServer({ rules, map: MAP, own, shown: demoContract.shown.blank, ...game }, this.random);
    const full = { delay: 40, jitter: 4, loss: 0, ...network };
    [this.up, this.down] = [new Link(full, this.random, this.clock), new Link(full, this.random, this.clock)];
    this.client = new WorldClient(demoRules(level), { ...options, onNews: (news) => this.news.push(news) });
  }

  /** Lets so many milliseconds pass. */
  pass(time: number): this {
    const until = this.clock.now + time;
    while (this.clock.now < until) {
      this.clock.now += 1;
      const { now } = this.clock;
      for (const message of this.up.arrive()) this.server.receive(message);
      for (; this.tickAt <= now; this.tickAt += TICK) this.server.step([npcAt(this.server.tick + 1)]);
      for (const { channel, bytes } of this.server.out.splice(0)) this.down.send(channel, bytes);
      for (const message of this.down.arrive()) assert.ok(this.client.received(message, now));
      if (this.frameAt > now) continue;
      this.frameAt = now + 14 + this.random.below(5);
      if (this.isStalled) continue;
      this.client.update(now, this.up, this.input);
      this.onFrame();
    }
    return this;
  }

  enter(): this {
    this.client.connected(false);
    return this.pass(1500);
  }

  count(is: News<DemoContract>['is']): number {
    return this.news.filter((news) => news.is === is).length;
  }
}

/** Runs, turns and jumps, differently every so often. */
function roaming({ tick }: Scene<DemoContract>): DemoInput {
  const stretch = Math.floor(tick / 40);
  const dice = Math.imul(stretch, 0x9e3779b9) >>> 0;
  return {
    forward: 127,
    left: ((dice >>> 8) % 3) * 60 - 60,
    yaw: (dice >>> 12) & 0xffff,
    keys: KEYS.run | ((dice & 3) === 0 ? KEYS.jump : 0),
    actions: dice & 1,
  };
}

test('on a steady path every tick is predicted, and no input is missed', () => {
  const play = new Play().enter();
  const { client, server } = play;
  assert.ok(client.isInWorld);
  assert.deepEqual(play.news[0], { is: 'Entered', map: client.map });
  play.input = roaming;
  play.pass(3000);
  const [before, missed] = [{ ...client.stats }, server.counts.missed];
  const start = server.own.point[0]!;
  play.pass(20_000);
  const { predicted, mispredicted } = client.stats;
  assert.equal(mispredicted - before.mispredicted, 0);
  assert.ok(predicted - before.predicted > 1150, `${predicted}`);
  assert.ok(server.counts.missed - missed <= 2, `${server.counts.missed - missed} missed`);
  assert.notEqual(server.own.point[0], start);
  assert.equal(server.counts.malformed, 0);
  assert.ok(server.counts.digests >= 15 && server.counts.digestsWrong === 0, JSON.stringify(server.counts));
  const ahead = client.clocks!.ahead;
  assert.ok(ahead > 40 / TICK && ahead < 40 / TICK + 5, `${ahead} ticks ahead`);
});

test('over a network that loses 5 % and scatters, few inputs are missed and the view is right', () => {
  const play = new Play({ network: { loss: 0.05, jitter: 25 }, seed: 3 }).enter();
  play.input = roaming;
  play.pass(5000);
  const { client, server } = play;
  const [before, missed] = [{ ...client.stats }, server.counts.missed];
  play.pass(30_000);
  const corrected = client.stats.mispredicted - before.mispredicted;
  assert.ok(server.counts.missed - missed < 20, `${server.counts.missed - missed} missed`);
  assert.ok(corrected <= 3 * (server.counts.missed - missed), `${corrected} corrected`);
  assert.ok(server.counts.digests > 10 && server.counts.digestsWrong === 0, JSON.stringify(server.counts));
  assert.equal(client.stats.snapshotsRefused, 0);
});

test('others are shown on their way, smoothly, a little late', () => {
  const play = new Play({ network: { loss: 0.02, jitter: 10 }, seed: 5 }).enter().pass(2000);
  let [worst, last, frames, jump] = [0, 0, 0, 0];
  let former: readonly number[] | undefined;
  play.onFrame = () => {
    const scene = play.client.scene();
    const [other] = scene.others();
    assert.ok(other && other.entity === idOf(NPC));
    const is = npcAt(scene.shownTick).state.position.map((axis) => axis * MAP.step);
    worst = Math.max(worst, Math.hypot(is[0]! - other.pose.point[0], is[1]! - other.pose.point[1]));
    const way = former ? Math.hypot(other.pose.point[0] - former[0]!, other.pose.point[1] - former[1]!) : 0;
    jump = Math.max(jump, way);
    former = other.pose.point;
    assert.ok(scene.shownTick > last);
    last = scene.shownTick;
    frames += 1;
  };
  play.pass(10_000);
  assert.ok(frames > 500);
  assert.ok(worst < 4, `${worst} units off the way of 6.7 units per tick`);
  assert.ok(jump < 14, `${jump} units in a frame`);
  const late = play.client.clocks!.server - play.client.clocks!.shown;
  assert.ok(late > 2 && late < 12, `${late} ticks late`);
});

test('a correction moves the own state at once, and the own pose smoothly', () => {
  const play = new Play().enter().pass(2000);
  const { client, server } = play;
  const before = client.scene().ownPose!.point;
  server.own = { ...server.own, point: [server.own.point[0]! + 200, server.own.point[1]!] };
  let farthest = 0;
  let former = before;
  play.onFrame = () => {
    const { point } = client.scene().ownPose!;
    farthest = Math.max(farthest, Math.abs(point[0] - former[0]));
    former = point;
  };
  play.pass(1500);
  assert.equal(play.count('Corrected'), 1);
  assert.ok(farthest < 45, `${farthest} units in a frame`);
  assert.ok(Math.abs(former[0] - before[0] - 200) < 0.1);
  server.own = { ...server.own, point: [90_000, 90_000], leap: 1 };
  play.pass(300);
  assert.equal(former[0], 90_000, 'a leap shows at once');
});

test('a client with another level is refused with the name of the part, and enters with none', () => {
  const play = new Play({ level: 77 }).enter();
  assert.deepEqual(play.news, [{ is: 'WrongSchema', part: 'Level' }]);
  assert.equal(play.client.presence, 'outside');
  assert.ok(play.client.enter(undefined, 0));
  assert.ok(!play.client.enter());
  play.pass(500);
  assert.ok(play.client.isInWorld);
});

test('a client that is put out forgets the world, and enters again', () => {
  const play = new Play({ game: { answer: () => 'later' } }).enter();
  const { client, server } = play;
  const ask = client.ask({ is: 'Drink' }, play.up);
  assert.equal(ask, 0);
  play.pass(200);
  server.putOut(252);
  play.pass(300);
  assert.deepEqual(play.news.slice(-2), [
    { is: 'Unanswered', ask: 0, why: 'PutOut' },
    { is: 'PutOut', reason: 252 },
  ]);
  assert.deepEqual([...client.view.entities()], []);
  assert.equal(client.scene().own, undefined);
  assert.equal(client.ask({ is: 'Drink' }, play.up), undefined);
  client.enter();
  play.pass(1000);
  assert.ok(client.isInWorld && client.view.size === 2);
  assert.equal(client.stats.snapshotsRefused, 0);
});

/** The message of the document, from another server's host. */
const CHANGE_SERVER = field(vector('world-change-server'), 'message');

test('a client in the world hands each change of its server to the port, once', () => {
  const play = new Play();
  const { client, server } = play;
  const asked: OtherServer[] = [];
  Object.assign(play.up, { changeServer: (other: OtherServer) => asked.push(other) });
  server.out.push({ channel: 1, bytes: CHANGE_SERVER });
  play.pass(500);
  assert.deepEqual(asked, [], 'it is outside');
  play.enter();
  server.out.push({ channel: 1, bytes: CHANGE_SERVER }, { channel: 1, bytes: CHANGE_SERVER.subarray(0, 51) });
  play.pass(500);
  assert.deepEqual(asked.map(({ address, port, core }) => [address, port, core]), [['203.0.113.7', 3565, 3]]);
  assert.equal(client.stats.malformed, 1);
});

test('a port that reaches no other server leaves the player where it is', () => {
  const play = new Play().enter();
  play.server.out.push({ channel: 1, bytes: CHANGE_SERVER });
  play.pass(500);
  assert.ok(play.client.isInWorld && play.client.stats.malformed === 0);
});

test('a client that has moved begins a new presence, keeps its asks and its pose, and predicts again', () => {
  const play = new Play({ game: { answer: () => 'later' } }).enter();
  const { client, server } = play;
  play.input = roaming;
  const ask = client.ask({ is: 'Hide' }, play.up)!;
  play.pass(2000);
  play.news.length = 0;
  const presences = client.presences;
  const pose = client.scene().ownPose!;
  // Datagrams of the former server are not taken any more.
  play.down.clear();
  play.up.clear();
  server.arrive(77);
  for (const { bytes } of server.out.splice(0)) client.received(bytes, play.clock.now);
  assert.deepEqual([client.scene().own, client.scene().body, client.scene().ownPose], [undefined, null, pose]);
  play.pass(3000);
  assert.ok(client.scene().own, 'the other server has sent a snapshot');
  const is = play.news.map((news) => news.is);
  assert.deepEqual([is[0], is.includes('Unanswered'), is.includes('PutOut')], ['Moved', false, false]);
  assert.deepEqual([client.presences - presences, client.stats.moves, client.view.size], [1, 1, 2]);
  server.answer(ask, 1);
  const [before, missed] = [{ ...client.stats }, server.counts.missed];
  play.pass(3000);
  assert.deepEqual(play.news.filter(({ is }) => is === 'Unanswered'), [{ is: 'Unanswered', ask, why: 'TooMany' }]);
  assert.ok(client.stats.predicted - before.predicted > 100);
  const corrected = client.stats.mispredicted - before.mispredicted;
  assert.ok(corrected <= 3 * (server.counts.missed - missed), `${corrected} corrected`);
  assert.equal(client.stats.snapshotsRefused, 0);
  assert.equal(server.counts.digestsWrong, 0);
});

test('a client outside of the world ignores that it has moved', () => {
  const play = new Play();
  play.server.arrive(77);
  play.pass(200);
  assert.deepEqual([play.client.isInWorld, play.news], [false, []]);
});

test('asks are answered once each, and a bounded number is open', () => {
  const drunk = { is: 'Drunk', health: 200, potions: 2 } as const;
  const play = new Play({ game: { answer: (ask) => (ask.is === 'Drink' ? drunk : 'later') } }).enter();
  const { client, server, up } = play;
  const first = client.ask({ is: 'Drink' }, up)!;
  play.pass(200);
  assert.deepEqual(play.news.at(-1), { is: 'Answer', ask: first, answer: drunk });
  for (let at = 0; at < ASKS_OPEN_MAX; at += 1) assert.notEqual(client.ask({ is: 'Hide' }, up), undefined);
  assert.equal(client.ask({ is: 'Hide' }, up), undefined);
  play.pass(200);
  const [number] = server.asks;
  server.answer(number!, 1);
  server.answer(number!, 1);
  play.pass(200);
  const unanswered = play.news.filter((news) => news.is === 'Unanswered');
  assert.deepEqual(unanswered, [{ is: 'Unanswered', ask: number, why: 'TooMany' }]);
  up.isFull = true;
  assert.equal(client.ask({ is: 'Hide' }, up), undefined);
});

test('a resumed session goes on; a new one begins again', () => {
  const play = new Play().enter();
  const { client, server, up, down } = play;
  play.input = roaming;
  client.ask({ is: 'Hide' }, up);
  play.pass(1000);
  const cut = (resumed: boolean): void => {
    up.isDown = down.isDown = true;
    client.reconnecting();
    play.pass(3000);
    up.isDown = down.isDown = false;
    if (!resumed) {
      for (const link of [up, down]) link.clear();
      server.end();
    }
    client.connected(resumed);
    play.pass(3000);
  };
  cut(true);
  assert.equal(play.count('Entered'), 1);
  assert.equal(play.count('Unanswered'), 0);
  const before = client.stats.mispredicted;
  play.pass(2000);
  assert.equal(client.stats.mispredicted, before);
  cut(false);
  assert.equal(play.count('Renewed'), 1);
  assert.equal(play.count('Entered'), 2);
  assert.deepEqual(play.news.filter((news) => news.is === 'Unanswered').length, 1);
  assert.ok(client.isInWorld && client.stats.snapshotsRefused === 0);
  client.closed();
  assert.equal(client.presence, 'outside');
});

test('an overloaded server gets fewer messages and every input', () => {
  const play = new Play().enter();
  play.input = roaming;
  play.server.inputInterval = 4;
  play.pass(3000);
  const { counts } = play.server;
  const [messages, missed, late] = [counts.inputMessages, counts.missed, counts.late];
  play.pass(4000);
  assert.ok(Math.abs(counts.inputMessages - messages - 60) <= 3, `${counts.inputMessages - messages}`);
  assert.ok(counts.missed - missed <= 4 && counts.late - late <= 4, JSON.stringify(counts));
});

test('after a frame that took long, only inputs that can be in time are made', () => {
  const play = new Play().enter();
  play.input = roaming;
  play.pass(2000);
  play.isStalled = true;
  play.pass(700);
  play.isStalled = false;
  const made = play.client.stats.inputsMade;
  play.pass(20);
  assert.ok(play.client.stats.inputsMade - made <= 9);
  play.pass(2000);
  const before = play.client.stats.mispredicted;
  play.pass(2000);
  assert.equal(play.client.stats.mispredicted, before);
  play.isStalled = true;
  play.pass(6000);
  play.isStalled = false;
  play.pass(3000);
  assert.ok(play.client.isInWorld && play.client.clocks !== undefined);
});

test('what the game is told may use the client', () => {
  const told: string[] = [];
  const play: Play = new Play();
  const client: WorldClient<DemoContract> = new WorldClient(demoRules(0), {
    onNews: (news) => {
      told.push(news.is);
      if (news.is === 'Entered') assert.notEqual(client.ask({ is: 'Drink' }, play.up), undefined);
      if (news.is === 'WrongSchema') client.enter(undefined, 0);
    },
  });
  client.connected(false);
  client.update(0, play.up, () => demoContract.input.blank);
  client.received(Uint8Array.from([3, 2, 6]), 1);
  client.update(2, play.up, () => demoContract.input.blank);
  assert.equal(client.presence, 'asking');
  assert.ok(!client.received(Uint8Array.from([26, 1]), 3), 'a notice is none of a world');
  assert.ok(!client.received(new Uint8Array(0), 3));
  assert.deepEqual(told, ['WrongSchema']);
  assert.throws(() => new WorldClient(demoRules(0), { ticket: new Uint8Array(1025) }), RangeError);
});
