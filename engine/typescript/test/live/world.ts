/** Two players in the real demonstration: `node dist/test/live/world.js`. Its exit status says whether all is well. */

import assert from 'node:assert/strict';

import { KEYS, demoContract, demoRules, LEVEL_GROUND, type DemoContract, type DemoInput } from '../../src/demo/index.js';
import { connectUdp } from '../../src/node.js';
import type { Session } from '../../src/session/session.js';
import { WorldClient, type EntityId, type News, type Scene } from '../../src/world/index.js';
import { Seeded } from '../seeded.js';
import { Relay } from './relay.js';
import { LiveServer } from './server.js';

const FRAME = 1000 / 60;

class Player {
  readonly client: WorldClient<DemoContract>;
  readonly session: Session;
  readonly news: News<DemoContract>[] = [];
  walks = true;
  private readonly timer: NodeJS.Timeout;

  constructor(
    server: LiveServer,
    private readonly number: number,
    level = LEVEL_GROUND,
    port = server.port,
  ) {
    this.client = new WorldClient(demoRules(level), { onNews: (news) => this.news.push(news) });
    const { client } = this;
    this.session = connectUdp('127.0.0.1', port, {
      serverKey: server.key,
      connected: (_id, resumed) => client.connected(resumed),
      message: ({ bytes }) => void client.received(bytes, performance.now()),
      reconnecting: () => client.reconnecting(),
      closed: () => client.closed(),
    });
    this.timer = setInterval(() => this.frame(), FRAME);
  }


  count(is: News<DemoContract>['is']): number {
    return this.news.filter((news) => news.is === is).length;
  }

  leave(): void {
    clearInterval(this.timer);
    this.session.close();
  }

  private frame(): void {
    this.client.update(performance.now(), this.session, (scene) => this.input(scene));
  }

  /** Runs in turns, and jumps now and then. */
  private input({ tick }: Scene<DemoContract>): DemoInput {
    if (!this.walks) return demoContract.input.blank;
    const stretch = Math.floor(tick / 45) + this.number;
    const yaw = Math.imul(stretch, 0x9e3779b9) >>> 16;
    return { forward: 127, left: (stretch % 3) * 40, yaw, keys: KEYS.run | (stretch % 4 === 0 ? KEYS.jump : 0), actions: 0 };
  }
}

async function until(what: string, condition: () => boolean, seconds = 10): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const pass = (seconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/** How far each entity has moved since `before`. */
function positions({ client }: Player): Map<EntityId, readonly number[]> {
  return new Map(Array.from(client.scene().others(), ({ entity, pose }) => [entity, pose.point]));
}

async function plays(server: LiveServer): Promise<void> {
  const [one, two] = [new Player(server, 0), new Player(server, 7)];
  await until('both are in the world', () => one.client.isInWorld && two.client.isInWorld);
  await until('they have a state', () => one.client.scene().own !== undefined && two.client.scene().own !== undefined);
  await pass(2);
  const [start, others, before] = [one.client.scene().ownPose!.point, positions(one), { ...one.client.stats }];
  await pass(5);
  const { client } = one;
  const now = client.scene().ownPose!.point;
  assert.ok(Math.hypot(now[0] - start[0], now[1] - start[1]) > 100, 'it has walked');
  let moved = 0;
  for (const [entity, point] of positions(one)) {
    const former = others.get(entity);
    if (former && Math.hypot(point[0]! - former[0]!, point[1]! - former[1]!) > 10) moved += 1;
  }
  assert.ok(moved >= 5, `${moved} others have moved`);
  const body = two.client.body!;
  const seen = client.scene().pose(body);
  const shown = client.scene().shown(body);
  assert.ok(seen && shown, 'the other player is in view');
  assert.equal(shown.kind, 0);
  const is = two.client.scene().ownPose!.point;
  const apart = Math.hypot(seen.point[0] - is[0], seen.point[1] - is[1]);
  assert.ok(apart < 300, `the other player is ${apart} units from where it is`);
  const stats = client.stats;
  const [predicted, mispredicted] = [stats.predicted - before.predicted, stats.mispredicted - before.mispredicted];
  const missed = stats.inputsMissed - before.inputsMissed;
  console.log(`predicted ${predicted}, mispredicted ${mispredicted}, inputs missed ${missed}, in view ${client.view.size}`);
  console.log('clocks', client.clocks, 'round trip', one.session.roundTrip.toFixed(2));
  assert.ok(predicted > 200 && mispredicted <= 2 + 3 * missed);
  assert.equal(stats.snapshotsRefused + stats.malformed, 0);
  await asks(one, two);
  one.leave();
  two.leave();
}

async function asks(one: Player, two: Player): Promise<void> {
  const { client, session } = one;
  const drink = client.ask({ is: 'Drink' }, session);
  const restart = client.ask({ is: 'Restart' }, session);
  await until('two answers', () => one.count('Answer') === 2);
  const answers = one.news.flatMap((news) => (news.is === 'Answer' ? [[news.ask, news.answer.is]] : []));
  assert.deepEqual(answers, [[drink, 'Refused'], [restart, 'Restarted']], 'an unhurt player does not drink');
  await until('the restart leaps', () => client.scene().own!.leap > 0);
  assert.ok(two.client.tell({ is: 'Say', text: 'grüß Gott' }, two.session));
  const heard = (): boolean => two.news.some((news) => news.is === 'Event' && news.event.is === 'Said');
  await until('the speaker hears itself', heard);
  const said = two.news.find((news) => news.is === 'Event' && news.event.is === 'Said');
  assert.deepEqual(said, { is: 'Event', event: { is: 'Said', by: two.client.body, text: 'grüß Gott' } });
}

async function otherLevel(server: LiveServer): Promise<void> {
  const player = new Player(server, 3, 77);
  await until('an answer', () => player.news.length > 0);
  assert.deepEqual(player.news, [{ is: 'WrongSchema', part: 'Level' }]);
  player.client.enter(undefined, 0);
  await until('in the world', () => player.client.isInWorld);
  player.leave();
}

async function survivesARestart(server: LiveServer): Promise<void> {
  const player = new Player(server, 1);
  await until('in the world', () => player.client.isInWorld);
  await server.restart();
  await until('in the world again', () => player.count('Entered') === 2, 20);
  assert.equal(player.count('Renewed'), 1);
  await pass(1);
  assert.ok(player.client.view.size > 0);
  player.leave();
}

/** 2 % loss, and datagrams that overtake each other; then a cut, and another address. */
async function endures(server: LiveServer, relay: Relay): Promise<void> {
  relay.badness = { loss: 0.02, duplicates: 0.01, delay: [20, 30] };
  const player = new Player(server, 2, LEVEL_GROUND, relay.port);
  await until('in the world', () => player.client.isInWorld);
  await pass(3);
  const { client } = player;
  const before = { ...client.stats };
  await pass(10);
  const [mispredicted, missed] = (['mispredicted', 'inputsMissed'] as const).map((of) => client.stats[of] - before[of]);
  console.log(`with 2 % loss: mispredicted ${mispredicted}, inputs missed ${missed}, late ${client.stats.snapshotsLate}`);
  assert.ok(mispredicted! <= 2 + 3 * missed! && missed! < 60);
  relay.isCut = true;
  await pass(3);
  relay.changeAddresses();
  relay.isCut = false;
  await pass(5);
  assert.deepEqual([player.count('Entered'), player.count('Renewed')], [1, 0], 'the presence goes on');
  const { snapshots } = client.stats;
  await pass(1);
  assert.ok(client.stats.snapshots > snapshots + 30);
  assert.equal(client.stats.snapshotsRefused + client.stats.malformed, 0);
  player.leave();
  const [agreed, differ] = [await server.events('world_digests_agreed'), await server.events('world_digests_differ')];
  console.log(`digests: ${agreed} agreed, ${differ} differ`);
  assert.ok(agreed >= 10 && differ === 0);
}

const server = await LiveServer.start('--game', 'demo', '--npcs', '50', '--layout', 'crowd');
const relay = await Relay.start(server.port, new Seeded(1));
try {
  await plays(server);
  await endures(server, relay);
  await otherLevel(server);
  await survivesARestart(server);
  console.log('all is well');
} finally {
  relay.stop();
  await server.stop();
}
process.exit(0);
