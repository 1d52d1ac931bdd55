import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { OtherServer } from '../../src/connection/types.js';
import { Session, type SessionOptions } from '../../src/session/session.js';
import { Seeded } from '../seeded.js';
import { TestServer } from '../server/server.js';
import { type Behaviour, FakeCarrier, FakeNetwork, FakeTimers } from '../transports/fake.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

interface Scene {
  timers: FakeTimers;
  server: TestServer;
  webtransport: FakeCarrier;
  webrtc: FakeCarrier;
  websocket: FakeCarrier;
  session: Session;
  news: string[];
  inbox: string[];
}

function scene(
  behaviours: { webtransport?: Behaviour; webrtc?: Behaviour; websocket?: Behaviour } = {},
  options: Partial<SessionOptions> = {},
): Scene {
  const timers = new FakeTimers();
  const server = new TestServer({ heartbeat: 5000, timeout: 15000 }, new Seeded(1));
  server.onMessage = (client, channel, bytes) => server.send(client, channel, bytes.slice());
  const network = new FakeNetwork(timers, server);
  const webtransport = new FakeCarrier('webtransport', timers, network, behaviours.webtransport);
  const webrtc = new FakeCarrier('webrtc', timers, network, behaviours.webrtc);
  const websocket = new FakeCarrier('websocket', timers, network, behaviours.websocket);
  const news: string[] = [];
  const inbox: string[] = [];
  const random = new Seeded(2);
  const session = new Session([webtransport, webrtc, websocket], {
    serverKey: server.key,
    timers,
    random: (length) => random.bytes(length),
    connected: (_, resumed) => news.push(resumed ? 'resumed' : 'connected'),
    message: ({ bytes }) => inbox.push(new TextDecoder().decode(bytes)),
    reconnecting: (reason) => news.push(`reconnecting: ${reason}`),
    closed: (reason) => news.push(`closed: ${reason}`),
    transport: (kind) => news.push(kind ?? 'no carrier'),
    transportFailed: (kind) => news.push(`${kind} failed`),
    ...options,
  });
  return { timers, server, webtransport, webrtc, websocket, session, news, inbox };
}

test('the best carrier is used, and no other is opened', async () => {
  const { timers, webrtc, websocket, session, news, inbox } = scene();
  await timers.run(1000);
  assert.deepEqual(news, ['webtransport', 'connected']);
  assert.equal(session.transport, 'webtransport');
  session.send(1, text('hello'));
  await timers.run(100000);
  assert.deepEqual(inbox, ['hello']);
  assert.equal(webrtc.opens + websocket.opens, 0);
});

test('a refused carrier gives way at once', async () => {
  const { timers, news, webrtc } = scene({ webtransport: { refusesAfter: 20 } });
  await timers.run(100);
  assert.deepEqual(news, ['webtransport failed', 'webrtc', 'connected']);
  assert.ok(webrtc.openAt[0]! <= 1021);
});

for (const how of ['does not open', 'carries nothing'] as const) {
  test(`a carrier that ${how} gives way within 3 s`, async () => {
    const dead: Behaviour = how === 'carries nothing' ? { isSilent: true } : { opensAfter: 1e9 };
    const { timers, news, webrtc, websocket } = scene({ webtransport: dead, webrtc: dead });
    await timers.run(5500);
    assert.deepEqual(news, ['webtransport failed', 'webrtc failed', 'websocket', 'connected']);
    assert.ok(webrtc.openAt[0]! - 1000 <= 3000);
    assert.ok(websocket.openAt[0]! - webrtc.openAt[0]! <= 3000);
  });
}

test('when all fail, they are tried again, and nothing stays open', async () => {
  const silent: Behaviour = { isSilent: true };
  const { timers, news, webtransport, webrtc, websocket } = scene({ webtransport: silent, webrtc: silent, websocket: silent });
  await timers.run(40000);
  assert.ok(webtransport.opens >= 4 && websocket.opens >= 3, `${webtransport.opens}`);
  assert.ok(webtransport.live.size + webrtc.live.size + websocket.live.size <= 1);
  websocket.behaviour.isSilent = false;
  await timers.run(15000);
  assert.ok(news.includes('connected'));
});

test('a session moves up to a better carrier when one works, without a new connection', async () => {
  const { timers, session, news, inbox, webtransport, webrtc, websocket, server } = scene({
    webtransport: { refusesAfter: 10 },
    webrtc: { isSilent: true },
  });
  await timers.run(4000);
  assert.equal(session.transport, 'websocket');
  const { id } = server.client;
  // The first upgrade fails, at no cost to what is under way.
  for (let at = 0; at < 100; at += 1) {
    session.send(1, text(`${at}`));
    await timers.run(100);
  }
  assert.ok(webtransport.opens === 2 && webrtc.opens === 2, 'tried after 5 s');
  assert.equal(session.transport, 'websocket');
  webrtc.behaviour.isSilent = false;
  for (let at = 100; at < 500; at += 1) {
    session.send(1, text(`${at}`));
    await timers.run(100);
  }
  assert.equal(session.transport, 'webrtc');
  delete webtransport.behaviour.refusesAfter;
  for (let at = 500; at < 900; at += 1) {
    session.send(1, text(`${at}`));
    await timers.run(100);
  }
  assert.equal(session.transport, 'webtransport');
  await timers.run(2000);
  assert.deepEqual(inbox, Array.from({ length: 900 }, (_, at) => `${at}`));
  assert.deepEqual(news.filter((line) => !line.endsWith('failed')), ['websocket', 'connected', 'webrtc', 'webtransport']);
  assert.equal(server.client.id, id, 'the same connection');
  assert.ok(server.client.address.startsWith('webtransport'));
  assert.deepEqual([webrtc.live.size, websocket.live.size], [0, 0]);
});

test('a carrier that breaks is replaced, and the connection goes on', async () => {
  const { timers, session, news, inbox, webtransport, server } = scene();
  await timers.run(1000);
  session.send(1, text('one'));
  await timers.run(100);
  webtransport.behaviour.refusesAfter = 10;
  webtransport.breaks();
  session.send(1, text('two'));
  await timers.run(1000);
  assert.equal(session.transport, 'webrtc');
  assert.deepEqual(inbox, ['one', 'two']);
  const expected = ['webtransport', 'connected', 'webtransport failed', 'no carrier', 'webtransport failed', 'webrtc'];
  assert.deepEqual(news, expected);
  assert.equal(server.clients.size, 1);
});

test('a restarted server is found again over the same carrier', async () => {
  const { timers, server, session, news } = scene();
  await timers.run(1000);
  server.restart();
  await timers.run(20000);
  assert.deepEqual(news, ['webtransport', 'connected', 'connected']);
  assert.equal(session.state, 'connected');
});

test('closing tells the server, then closes the carrier and leaves no timer', async () => {
  const { timers, server, session, news, webtransport } = scene();
  await timers.run(1000);
  session.close();
  await timers.run(1000);
  assert.equal(news[news.length - 1], 'closed: closed here');
  assert.equal(server.clients.size, 0);
  assert.equal(webtransport.live.size, 0);
  assert.equal(session.state, 'closed');
});

test('a carrier that breaks while the session ends is not replaced', async () => {
  const { timers, session, news, webtransport, webrtc } = scene();
  await timers.run(1000);
  session.close();
  webtransport.breaks();
  await timers.run(5000);
  assert.equal(webtransport.opens + webrtc.opens, 1);
  assert.deepEqual(news, ['webtransport', 'connected', 'closed: closed here', 'no carrier']);
});

test('a handler may send and close', async () => {
  const timers = new FakeTimers();
  const server = new TestServer({ heartbeat: 5000, timeout: 15000 }, new Seeded(1));
  server.onMessage = (client, channel, bytes) => server.send(client, channel, bytes.slice());
  const carrier = new FakeCarrier('websocket', timers, new FakeNetwork(timers, server));
  const news: string[] = [];
  const session: Session = new Session([carrier], {
    serverKey: server.key,
    timers,
    connected: () => news.push(session.send(1, text('at once'))),
    message: () => session.close(),
    closed: (reason) => news.push(reason),
  });
  await timers.run(2000);
  assert.deepEqual(news, ['queued', 'closed here']);
});

test('a handler that throws does not stop the session, and the next events are told', async () => {
  const timers = new FakeTimers();
  const server = new TestServer({ heartbeat: 5000, timeout: 15000 }, new Seeded(1));
  server.onMessage = (client, channel, bytes) => server.send(client, channel, bytes.slice());
  const carrier = new FakeCarrier('websocket', timers, new FakeNetwork(timers, server));
  const inbox: number[] = [];
  const session: Session = new Session([carrier], {
    serverKey: server.key,
    timers,
    connected: () => session.send(1, text('')),
    message: ({ bytes }) => {
      inbox.push(bytes.length);
      throw new Error('a fault of the page');
    },
  });
  for (let at = 1; at < 5; at += 1) {
    await timers.run(1000).catch(() => undefined);
    session.send(1, new Uint8Array(at));
  }
  await timers.run(1000).catch(() => undefined);
  await timers.run(1000);
  assert.deepEqual(inbox, [0, 1, 2, 3, 4]);
});

/** A scene whose session is to move to another server, over a carrier of its own. */
function travel(behaviour: Behaviour = {}, options: Partial<SessionOptions> = {}) {
  const other = new TestServer({ heartbeat: 5000, timeout: 15000 }, new Seeded(3));
  other.onMessage = (client, channel, bytes) => other.send(client, channel, bytes.slice());
  const first = scene({}, { openersTo: () => [carrier], ...options });
  const carrier = new FakeCarrier('websocket', first.timers, new FakeNetwork(first.timers, other), behaviour);
  const changeServer = (): void => {
    const target: OtherServer = { key: other.key, core: 3, address: '192.0.2.1', port: 3565 };
    first.session.changeServer(target);
  };
  return { ...first, other, carrier, changeServer };
}

test('a session moves to another server over carriers of its own, and closes the former ones', async () => {
  const { timers, server, other, session, news, inbox, webtransport, carrier, changeServer } = travel();
  await timers.run(1000);
  session.send(1, text('one'));
  await timers.run(100);
  other.expect(server.client);
  session.send(1, text('two'));
  changeServer();
  session.send(1, text('three'));
  await timers.run(1000);
  session.send(1, text('four'));
  await timers.run(1000);
  assert.deepEqual(inbox, ['one', 'two', 'three', 'four']);
  assert.deepEqual(news, ['webtransport', 'connected', 'websocket', 'resumed']);
  assert.deepEqual([server.clients.size, other.clients.size], [0, 1]);
  assert.deepEqual([webtransport.live.size, carrier.live.size, session.transport], [0, 1, 'websocket']);
  session.close();
  await timers.run(1000);
  assert.deepEqual([other.clients.size, carrier.live.size], [0, 0]);
});

test('a session stays, and leaves no carrier open, if the other server is not reached', async () => {
  const nothing = (): never => {
    throw new Error('the gateway is gone');
  };
  const ways: [string, Behaviour, Partial<SessionOptions>][] = [
    ['no carrier opens', { refusesAfter: 10 }, {}],
    ['the carrier is silent', { isSilent: true }, {}],
    ['there is no carrier', {}, { openersTo: () => [] }],
    ['the gateway cannot be asked', {}, { openersTo: nothing }],
    ['nobody knows how', {}, { openersTo: undefined }],
  ];
  for (const [name, behaviour, options] of ways) {
    const { timers, server, session, news, inbox, webtransport, carrier, changeServer } = travel(behaviour, options);
    await timers.run(1000);
    changeServer();
    changeServer();
    await timers.run(20_000);
    session.send(1, text('here'));
    await timers.run(100);
    assert.deepEqual(inbox, ['here'], name);
    assert.deepEqual(news.filter((line) => !line.endsWith('failed')), ['webtransport', 'connected'], name);
    assert.deepEqual([server.clients.size, webtransport.live.size, carrier.live.size], [1, 1, 0], name);
    session.close();
    await timers.run(1000);
  }
});

test('a session that closes while it moves leaves no carrier open', async () => {
  const { timers, server, other, session, webtransport, carrier, changeServer } = travel({ opensAfter: 500 });
  await timers.run(1000);
  other.expect(server.client);
  changeServer();
  await timers.run(100);
  session.close();
  await timers.run(2000);
  assert.deepEqual([server.clients.size, webtransport.live.size, carrier.live.size], [0, 0, 0]);
});
