/**
 * The page over a simulated server, to look at it without a gateway: `npm run preview`, then open target/preview/index.html.
 * With `#lost` behind the address the connection is lost after a while, with `#refused` the server refuses.
 */

import { BUFFS, demoContract, demoRules, LEVEL_GROUND, STATES, type DemoContract } from '../../src/demo/index.js';
import { Play, type Carrier, type Happened } from '../../page/play.js';
import { inspect } from '../../page/inspect.js';
import { WorldMap, type ShownOf } from '../../src/world/index.js';
import { Writer } from '../../src/bytes/writer.js';
import { Seeded } from '../seeded.js';
import { GameServer, Link } from '../world/server/game.js';
import { writeEnterAnswer } from '../world/server/messages.js';
import { stateOf } from '../world/server/states.js';
import { idOf, type Truth } from '../world/server/world.js';

const MAP = WorldMap.of(25_600, 6_400, [32, 32, 4])!;
const START = 400_000;
const [KINDS, PROJECTILE] = [[1, 1, 0, 2, 1, 0, 1, 2, 1, 6, 7, 1], 3] as const;

type Shown = ShownOf<DemoContract>;

/** What walks around at a tick. */
function others(tick: number): Truth<Shown>[] {
  const walkers = KINDS.map((kind, at): Truth<Shown> => {
    const [turn, radius] = [tick / (110 + 9 * at) + at, 350 + 130 * at];
    const speed = (radius * 60) / (110 + 9 * at);
    const point = [START + radius * Math.cos(turn), START + radius * Math.sin(turn) * 0.8, 0] as const;
    const velocity = [-speed * Math.sin(turn), speed * Math.cos(turn) * 0.8, 0] as const;
    const yaw = Math.round((Math.atan2(velocity[1], velocity[0]) / (2 * Math.PI)) * 65536) & 0xffff;
    const shown: Shown = {
      ...demoContract.shown.blank,
      kind,
      faction: 1 + (at % 2),
      states: STATES.alive | (at === 5 ? STATES.invisible : 0),
      buffs: at === 3 ? BUFFS.burning : at === 7 ? BUFFS.slowed | BUFFS.stunned : 0,
      health: 255 - ((at * 53) % 230),
      mana: 200,
    };
    const state = stateOf(MAP, { point, velocity, rotation: [yaw, 0, 0], leap: 0 }, shown);
    return { index: 100 + at, generation: 1, version: 1, state, isInView: true };
  });
  const shots = [0, 1].map((at): Truth<Shown> => {
    const way = ((tick * 25 + at * 700) % 1500) - 500;
    const pose = { point: [START + way, START + 200 - 300 * at + way / 3, 120], velocity: [1500, 500, 0] } as const;
    const state = stateOf(MAP, { ...pose, rotation: [0, 0, 0], leap: 0 }, { ...demoContract.shown.blank, kind: PROJECTILE });
    return { index: 200 + at, generation: 1, version: 1, state, isInView: true };
  });
  return [...walkers, ...shots];
}

function simulated({ event: happened }: Happened): Carrier {
  const random = new Seeded(1);
  const own = { ...demoContract.own.blank, point: [START, START], potions: 3 };
  const shown = { ...demoContract.shown.blank, faction: 1, states: STATES.alive, health: 190, mana: 120 };
  const rules = demoRules(LEVEL_GROUND);
  const server = new GameServer<DemoContract>({ rules, map: MAP, own, shown, answer: () => ({ is: 'Restarted' }) }, random);
  const clock = { now: performance.now() };
  const network = { delay: 22, jitter: 14, loss: 0.02 };
  const [up, down] = [new Link(network, random, clock), new Link(network, random, clock)];
  const say = (text: string, by: number): void => {
    const writer = new Writer();
    writer.u8(7);
    demoContract.event.write({ is: 'Said', by: idOf({ index: by, generation: 1 }), text }, writer);
    server.out.push({ channel: 1, bytes: writer.copy() });
  };
  let tickAt = clock.now;
  const pass = (): void => {
    clock.now = performance.now();
    for (const message of up.arrive()) server.receive(message);
    for (; tickAt <= clock.now; tickAt += 1000 / 60) server.step(others(server.tick + 1));
    for (const { channel, bytes } of server.out.splice(0)) down.send(channel, bytes);
    for (const bytes of down.arrive()) happened({ kind: 'message', message: { channel: 0, bytes } });
  };
  setTimeout(() => happened({ kind: 'connected', id: 1, resumed: false }), 150);
  setInterval(pass, 4);
  setTimeout(() => say('Hello! The lake is frozen, come and see.', 102), 1500);
  setTimeout(() => say('Watch out', 7), 2500);
  if (location.hash === '#lost') setTimeout(() => happened({ kind: 'reconnecting', reason: 'timeout' }), 2600);
  if (location.hash === '#refused') {
    setTimeout(() => {
      const writer = new Writer();
      writeEnterAnswer(3, 255, writer);
      happened({ kind: 'message', message: { channel: 1, bytes: writer.copy() } });
    }, 2600);
  }
  return {
    transport: 'udp',
    get roundTrip() {
      return up.roundTrip + 12 * Math.sin(performance.now() / 900) + 12;
    },
    send: (channel, bytes) => up.send(channel, bytes),
  };
}

inspect(new Play(simulated));
