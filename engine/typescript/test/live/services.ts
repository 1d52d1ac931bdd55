/**
 * Services of a real server: login, tickets, calls over both doors, chat, downloads, and a restart:
 * `node dist/test/live/services.js`. Its exit status says whether all is well.
 */

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { demoContract, demoRules, LEVEL_GROUND, type DemoContract } from '../../src/demo/index.js';
import { connectUdp } from '../../src/node.js';
import { Door, Downloads, serviceAction, ServiceError, Services, valueAs, values as v, type Notice } from '../../src/services/index.js';
import type { Session } from '../../src/session/session.js';
import { SERVER_REASONS, WorldClient, type News, type TicketSource } from '../../src/world/index.js';
import { Seeded } from '../seeded.js';
import { fromHex, toHex } from '../vectors.js';
import { Relay } from './relay.js';
import { freePort, LiveServer, ringshard } from './server.js';

const FRAME = 1000 / 60;

const place = v.record({ name: v.text, latitude: v.f64, key: v.u64 });
const complete = serviceAction('/v1/places/complete', v.record({ text: v.text }), v.record({ places: v.list(place), cut: v.bool }));
const join_ = serviceAction('/v1/chat/join', v.record({ room: v.text }));
const say = serviceAction('/v1/chat/say', v.record({ room: v.text, text: v.text }), v.record({ number: v.u64 }));
const line = v.record({ room: v.text, number: v.u64, name: v.text, text: v.text });
const history = serviceAction('/v1/chat/history', v.record({ room: v.text }), v.record({ lines: v.list(line) }));

class Player {
  readonly client: WorldClient<DemoContract>;
  readonly services: Services;
  readonly downloads: Downloads;
  readonly session: Session;
  readonly news: News<DemoContract>[] = [];
  readonly notices: Notice[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(server: LiveServer, ticket: TicketSource, port = server.port, operatorKey?: Uint8Array) {
    const client = new WorldClient(demoRules(LEVEL_GROUND), { ticket, onNews: (news) => this.news.push(news) });
    const services = new Services(client, { onNotice: (notice) => this.notices.push(notice) });
    const downloads = new Downloads(client, { operatorKey });
    this.session = connectUdp('127.0.0.1', port, {
      serverKey: server.key,
      connected: (_id, resumed) => client.connected(resumed),
      message: ({ bytes }) => {
        if (!services.received(bytes) && !downloads.received(bytes)) client.received(bytes, performance.now());
      },
      reconnecting: () => client.reconnecting(),
      closed: () => client.closed(),
    });
    [this.client, this.services, this.downloads] = [client, services, downloads];
    this.timer = setInterval(() => {
      client.update(performance.now(), this.session, () => demoContract.input.blank);
      services.update(this.session);
      downloads.update(this.session);
    }, FRAME);
  }

  count(is: News<DemoContract>['is']): number {
    return this.news.filter((news) => news.is === is).length;
  }

  leave(): void {
    clearInterval(this.timer);
    this.session.close();
    assert.deepEqual([this.services.stats.malformed, this.downloads.stats.malformed], [0, 0]);
  }
}

async function until(what: string, condition: () => boolean, seconds = 15): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function errorOf(promise: Promise<unknown>): Promise<ServiceError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ServiceError, String(error));
    return error;
  }
  return assert.fail('it was answered');
}

/** A `fetch` that trusts one certificate. That of Node trusts what its environment says when it starts. */
function fetchTrusting(certificate: string): (url: string, init: RequestInit) => Promise<Response> {
  return (url, { method, headers, body, signal }) =>
    new Promise((resolve, reject) => {
      const options = { method, headers: headers as Record<string, string>, ca: readFileSync(certificate), signal: signal ?? undefined };
      const sent = request(url, options as object, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const status = response.statusCode ?? 500;
          resolve(new Response(status === 204 ? null : Buffer.concat(chunks), { status }));
        });
        response.on('error', reject);
      });
      sent.on('error', reject);
      sent.end(body ?? undefined);
    });
}

const files = mkdtempSync(join(tmpdir(), 'ringshard-services-'));
const folder = join(files, 'services');
mkdirSync(folder);
writeFileSync(join(files, 'cities.csv'), 'name,lat,lon,population\nParis,48.85,2.35,2100000\nSuva,-18.14,178.44,93000\n');
ringshard('places', 'import', join(files, 'cities.csv'), '--dir', folder);
const map = new Seeded(9).bytes(3_000_000);
writeFileSync(join(files, 'north.ringmap'), map);
const operatorKey = fromHex(/[0-9a-f]{64}/.exec(ringshard('resources', 'keygen', '--out', join(files, 'resources.key')))![0]);
ringshard('resources', 'add', join(files, 'north.ringmap'), '--key', join(files, 'resources.key'), '--dir', folder);

const doorPort = await freePort();
const server = await LiveServer.start('--game', 'demo', '--services', folder, '--login', `127.0.0.1:${doorPort}`);
const relay = await Relay.start(server.port, new Seeded(1));
const newDoor = (): Door => new Door(`https://localhost:${doorPort}`, { fetch: fetchTrusting(join(folder, 'tls', 'development.pem')) });
const ticketOf = (door: Door) => async (): Promise<Uint8Array> => (await door.ticket()).bytes;

async function logins(ann: Door, bob: Door): Promise<void> {
  const password = 'correct horse';
  const login = await ann.register({ email: 'ann@example.org', name: 'Ann', password });
  assert.equal(login.name, 'Ann');
  await bob.register({ email: 'bob@example.org', name: 'Bob', password });
  assert.equal((await errorOf(newDoor().logIn({ email: 'ann@example.org', password: 'wrong horse' }))).status, 401);
  assert.equal((await errorOf(newDoor().register({ email: 'ann@example.org', name: 'Eve', password }))).status, 409);
  assert.equal((await errorOf(newDoor().ticket())).status, 401);
  const again = newDoor();
  assert.deepEqual(await again.resume(login.token), { account: login.account, name: 'Ann' });
  const second = await newDoor().logIn({ email: 'ann@example.org', password });
  assert.ok((await again.sessions()).some(({ id }) => id === second.session));
  await again.revoke(second.session);
  assert.equal((await errorOf(newDoor().resume(second.token))).status, 401);
  const key = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
  assert.equal((await errorOf(newDoor().logInByDevice(key))).status, 401);
  const device = await ann.addDevice(key, 'laptop');
  assert.deepEqual(await ann.devices(), [device]);
  const third = await newDoor().logInByDevice(key);
  assert.deepEqual([third.account, third.name], [login.account, 'Ann']);
  await ann.removeDevice(device.id);
  assert.equal((await errorOf(newDoor().resume(third.token))).status, 401);
  const ticket = await ann.ticket(server.key);
  assert.equal(toHex(ticket.serverKey), toHex(server.key));
  console.log('logins: as they must be');
}

async function calls(ann: Player, door: Door): Promise<void> {
  const [there, here] = [await ann.services.call(complete, { text: 'par' }), await door.call(complete, { text: 'par' })];
  assert.deepEqual(there, here, 'both doors answer alike');
  assert.deepEqual([there.places[0]!.name, there.places[0]!.latitude], ['Paris', 48.85]);
  const none = await errorOf(ann.services.call(serviceAction('/v1/none'), null));
  assert.deepEqual([none.why, none.status], ['refused', 404]);
  const otherField = serviceAction('/v1/places/complete', v.record({ txt: v.text }));
  for (const error of [await errorOf(ann.services.call(otherField, { txt: 'par' })), await errorOf(door.call(otherField, { txt: 'par' }))]) {
    assert.deepEqual([error.status, error.mayBeExecuted], [400, false]);
    assert.match(error.message, /te?xt/);
  }
  const unlike = serviceAction('/v1/places/complete', v.record({ text: v.text }), v.record({ places: v.u8 }));
  assert.equal((await errorOf(ann.services.call(unlike, { text: 'par' }))).why, 'unreadable');
  console.log('calls: as they must be');
}

async function chat(ann: Player, bob: Player): Promise<void> {
  await ann.services.call(join_, { room: 'hall' });
  await bob.services.call(join_, { room: 'hall' });
  const heard = (): Notice | undefined => ann.notices.find(({ topic }) => topic === 'chat');
  const { number } = await bob.services.call(say, { room: 'hall', text: 'grüß Gott' });
  await until('the notice', () => heard() !== undefined);
  assert.deepEqual(valueAs(line, heard()!.value), { room: 'hall', number, name: 'Bob', text: 'grüß Gott' });
  console.log('chat: as it must be');
}

async function downloads(ann: Player): Promise<void> {
  const [begun, progress] = [performance.now(), [] as number[]];
  const content = await ann.downloads.get('north.ringmap', { onProgress: (arrived) => progress.push(arrived) });
  assert.equal(toHex(content.subarray(0, 64)), toHex(map.subarray(0, 64)));
  assert.ok(Buffer.compare(content, map) === 0 && progress.at(-1) === map.length);
  console.log(`downloads: 3 MB, signed, in ${((performance.now() - begun) / 1000).toFixed(1)} s`, ann.downloads.stats);
  assert.equal((await errorOf(ann.downloads.get('south'))).status, 404);
}

/** Datagrams are lost, and the connection is cut and resumed under way. Each line is said once. */
async function onceOverABadPath(bob: Player): Promise<void> {
  relay.badness = { loss: 0.1, duplicates: 0.05, delay: [20, 60] };
  const texts = ['one', 'two', 'three'];
  const said = texts.map((text) => bob.services.call(say, { room: 'hall', text }, { deadline: 30_000 }));
  await new Promise((resolve) => setTimeout(resolve, 30));
  relay.isCut = true;
  await new Promise((resolve) => setTimeout(resolve, 2500));
  relay.changeAddresses();
  relay.isCut = false;
  const numbers = (await Promise.all(said)).map(({ number }) => number);
  assert.equal(new Set(numbers).size, texts.length);
  const { lines } = await bob.services.call(history, { room: 'hall' });
  assert.deepEqual(lines.slice(1).map(({ text }) => text).sort(), [...texts].sort());
  assert.deepEqual([bob.count('Entered'), bob.count('Renewed')], [1, 0], 'the presence went on');
  relay.badness = { loss: 0, duplicates: 0, delay: [0, 0] };
  console.log('at most once: as it must be');
}

/** The server is killed. The players enter again by themselves, each with a new ticket. */
async function restart(ann: Player): Promise<void> {
  const lost = errorOf(ann.services.call(history, { room: 'hall' }, { deadline: 40_000 }));
  await server.kill();
  await server.launch();
  await until('in the world again', () => ann.count('Entered') === 2, 30);
  const after = await ann.services.call(complete, { text: 'suv' }, { deadline: 20_000 });
  assert.equal(after.places[0]!.name, 'Suva');
  const { why } = await lost;
  // It was answered with a refusal before, or nobody knows.
  assert.ok(why === 'unknown' || why === 'refused', why);
  console.log('restart: as it must be');
}

async function withoutATicket(): Promise<void> {
  const stranger = new Player(server, new Uint8Array(0));
  await until('an answer', () => stranger.news.length > 0);
  assert.deepEqual(stranger.news, [{ is: 'Refused', reason: SERVER_REASONS.ticket }]);
  stranger.leave();
  const shut = new Player(server, ticketOf(newDoor()));
  await until('an answer', () => shut.news.length > 0);
  const [news] = shut.news;
  assert.ok(news?.is === 'NoTicket' && news.why instanceof ServiceError && news.why.status === 401);
  shut.leave();
}

try {
  const [annsDoor, bobsDoor] = [newDoor(), newDoor()];
  await logins(annsDoor, bobsDoor);
  await withoutATicket();
  const ann = new Player(server, ticketOf(annsDoor), server.port, operatorKey);
  const bob = new Player(server, ticketOf(bobsDoor), relay.port);
  await until('both are in the world', () => ann.client.isInWorld && bob.client.isInWorld);
  await calls(ann, annsDoor);
  await chat(ann, bob);
  await downloads(ann);
  await onceOverABadPath(bob);
  bob.leave();
  await restart(ann);
  ann.leave();
  await annsDoor.logOut();
  assert.equal((await errorOf(annsDoor.ticket())).status, 401);
  console.log('all is well');
} finally {
  relay.stop();
  await server.stop();
  rmSync(files, { recursive: true });
}
process.exit(0);
