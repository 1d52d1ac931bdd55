/**
 * A player who walks to and fro across the border of two hosts of one world, and says something all the time:
 * `node --experimental-websocket dist/test/live/wander.js WAY BORDER SECONDS`. WAY is the origin of a gateway, or HOST:PORT=KEY.
 * BORDER is the x of the border, in units. Its exit status says whether the session crossed the border and lost nothing.
 * scripts/fleet.sh --gateway starts all that it needs.
 */

import { KEYS, LEVEL_GROUND, demoRules, type DemoContract, type DemoInput } from '../../src/demo/index.js';
import { connectUdp } from '../../src/node.js';
import { Session, type SessionHandlers } from '../../src/session/session.js';
import { WorldClient, type News, type Scene } from '../../src/world/index.js';
import { fromHex } from '../vectors.js';
import { pass, until } from './waiting.js';

const FRAME = 1000 / 60;
/** How far beyond the border the player turns round, in units. */
const BEYOND = 1500;
/** Milliseconds between two words. */
const WORD_PERIOD = 1000;

const [way = '', borderText = '', secondsText = ''] = process.argv.slice(2);
const [border, seconds] = [Number(borderText), Number(secondsText)];
if (!way || !(border > 0) || !(seconds > 0)) throw new Error('usage: wander.js ORIGIN|HOST:PORT=KEY BORDER SECONDS');

/** What the words of this player begin with. */
const tag = `${process.pid}`;
const news: string[] = [];
const said: string[] = [];
const heard: string[] = [];
const carriers = new Set<string>();
let isEastward = true;
let lastSnapshotAt: number | undefined;
let longestGap = 0;
let lastSnapshots = 0;

const client = new WorldClient<DemoContract>(demoRules(LEVEL_GROUND), { onNews: take });
const handlers: SessionHandlers = {
  connected: (_id, resumed) => client.connected(resumed),
  message: ({ bytes }) => void client.received(bytes, performance.now()),
  reconnecting: (reason) => {
    news.push(`reconnecting: ${reason}`);
    client.reconnecting();
  },
  closed: (reason) => {
    news.push(`closed: ${reason}`);
    client.closed();
  },
  transport: (kind) => carriers.add(kind ?? 'none'),
};
const session = await connect();
const frames = setInterval(frame, FRAME);

await until('in the world', () => client.scene().own !== undefined, 20);
const end = performance.now() + 1000 * seconds;
while (performance.now() < end) {
  say();
  await pass(WORD_PERIOD);
}
await until('all words', () => heard.length >= said.length, 10);
clearInterval(frames);
session.close();
await until('closed', () => session.state === 'closed', 5);

const { moves, mispredicted, predicted } = client.stats;
const isWhole = JSON.stringify(heard) === JSON.stringify(said);
const bad = news.filter((line) => line !== 'closed: closed here');
console.log(
  `${moves} moves over ${[...carriers].join(' ')}; ${said.length} words, ${isWhole ? 'each heard once, in order' : `heard as ${heard.join(' ')}`}; ` +
    `longest time without a snapshot ${longestGap.toFixed(0)} ms; ${mispredicted} of ${predicted} ticks mispredicted${bad.length > 0 ? `; ${bad.join(', ')}` : ''}`,
);
process.exit(moves >= 1 && isWhole && bad.length === 0 ? 0 : 1);

async function connect(): Promise<Session> {
  if (/^https?:/.test(way)) return Session.connect(way, handlers);
  const [, host, port, key] = /^(.*):(\d+)=([0-9a-f]{64})$/.exec(way) ?? [];
  if (!host || !key) throw new Error(`${way} is neither an origin nor HOST:PORT=KEY`);
  return connectUdp(host, Number(port), { serverKey: fromHex(key), ...handlers });
}

function frame(): void {
  const now = performance.now();
  const before = client.stats.snapshots;
  client.update(now, session, walk);
  if (before === lastSnapshots) return;
  if (lastSnapshotAt !== undefined) longestGap = Math.max(longestGap, now - lastSnapshotAt);
  [lastSnapshots, lastSnapshotAt] = [before, now];
}

/** Runs towards a point beyond the border, then back. */
function walk({ own }: Scene<DemoContract>): DemoInput {
  const x = own?.point[0] ?? border;
  if (x > border + BEYOND) isEastward = false;
  if (x < border - BEYOND) isEastward = true;
  return { forward: 127, left: 0, yaw: isEastward ? 0 : 0x8000, keys: KEYS.run, actions: 0 };
}

function say(): void {
  const text = `${tag} ${said.length}`;
  if (client.tell({ is: 'Say', text }, session)) said.push(text);
}

function take(of: News<DemoContract>): void {
  if (of.is === 'Event' && of.event.is === 'Said' && of.event.text.startsWith(tag)) heard.push(of.event.text);
  else if (of.is === 'PutOut' || of.is === 'Refused') news.push(`${of.is} ${of.reason}`);
  else if (of.is === 'Renewed' || of.is === 'WrongSchema') news.push(of.is);
}
