import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { fetchGateway, gatewayOpeners, openersByKey, readGateway } from '../../src/transports/gateway.js';
import type { Transport, TransportEvents } from '../../src/transports/transport.js';
import { Session } from '../../src/session/session.js';
import { fromHex, toHex } from '../vectors.js';

const KEY = 'ab'.repeat(32);
const INFO = {
  name: 'test',
  servers: [{ name: 'a b', key: KEY }],
  webtransport: { port: 4433, certificateHashes: ['cd'.repeat(32)] },
  webrtc: true,
  websocket: true,
};

const GLOBALS = ['WebSocket', 'WebTransport', 'RTCPeerConnection', 'fetch'] as const;
const originals = GLOBALS.map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)] as const);

function replace(name: (typeof GLOBALS)[number], value: unknown): void {
  Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
}

afterEach(() => {
  for (const [name, descriptor] of originals) {
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    else Reflect.deleteProperty(globalThis, name);
  }
});

function recorder(): { events: TransportEvents; received: Uint8Array[]; closed: string[] } {
  const received: Uint8Array[] = [];
  const closed: string[] = [];
  return { events: { received: (datagram) => received.push(datagram), closed: (why) => closed.push(why) }, received, closed };
}

function event(type: string, values: object): Event {
  return Object.assign(new Event(type), values);
}

class FakeWebSocket extends EventTarget {
  static last: FakeWebSocket;
  binaryType = 'blob';
  readyState = 0;
  bufferedAmount = 0;
  sent: Uint8Array[] = [];
  isClosed = false;
  constructor(readonly url: string, readonly protocol: string) {
    super();
    FakeWebSocket.last = this;
  }
  opens(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }
  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }
  close(): void {
    this.isClosed = true;
    this.readyState = 3;
  }
}

function openerOf(kind: 'webtransport' | 'webrtc' | 'websocket', origin = 'https://play.example:8443') {
  const info = readGateway(INFO);
  assert.ok(info);
  const [opener] = gatewayOpeners(origin, 'a b', info, [kind]);
  assert.ok(opener);
  return opener;
}

test('WebSocket: address, subprotocol, datagrams both ways, a bound on what waits, and the end', async () => {
  replace('WebSocket', FakeWebSocket);
  const { events, received, closed } = recorder();
  const opening = openerOf('websocket').open(events, new AbortController().signal);
  const socket = FakeWebSocket.last;
  assert.equal(socket.url, 'wss://play.example:8443/v1/servers/a%20b/websocket');
  assert.equal(socket.protocol, 'ringshard.1');
  assert.equal(socket.binaryType, 'arraybuffer');
  socket.opens();
  const transport = await opening;
  transport.send(Uint8Array.of(1, 2));
  socket.bufferedAmount = 1e6;
  transport.send(Uint8Array.of(3));
  assert.deepEqual(socket.sent, [Uint8Array.of(1, 2)]);
  socket.dispatchEvent(event('message', { data: Uint8Array.of(7).buffer }));
  socket.dispatchEvent(event('message', { data: 'text is ignored' }));
  assert.deepEqual(received, [Uint8Array.of(7)]);
  socket.dispatchEvent(event('close', { code: 1001, reason: 'drain' }));
  assert.deepEqual(closed, ['the WebSocket closed with code 1001: drain']);
});

test('WebSocket: one that does not open rejects; an aborted one is closed and says nothing', async () => {
  replace('WebSocket', FakeWebSocket);
  const first = openerOf('websocket', 'http://localhost:3568').open(recorder().events, new AbortController().signal);
  assert.equal(FakeWebSocket.last.url, 'ws://localhost:3568/v1/servers/a%20b/websocket');
  FakeWebSocket.last.dispatchEvent(event('close', { code: 1006, reason: '' }));
  await assert.rejects(first, /code 1006/);
  const { events, closed } = recorder();
  const abort = new AbortController();
  const second = openerOf('websocket').open(events, abort.signal);
  FakeWebSocket.last.opens();
  await second;
  abort.abort();
  assert.ok(FakeWebSocket.last.isClosed);
  FakeWebSocket.last.dispatchEvent(event('close', { code: 1005, reason: '' }));
  assert.deepEqual(closed, []);
});

class FakeWebTransport {
  static last: FakeWebTransport;
  static largest = 1211;
  ready = Promise.resolve();
  written: Uint8Array[] = [];
  isClosed = false;
  end!: () => void;
  fail!: (error: Error) => void;
  arrives!: (datagram: Uint8Array) => void;
  closed = new Promise<void>((resolve, reject) => {
    this.end = resolve;
    this.fail = reject;
  });
  datagrams = {
    maxDatagramSize: FakeWebTransport.largest,
    readable: new ReadableStream<Uint8Array>({ start: (controller) => (this.arrives = (datagram) => controller.enqueue(datagram)) }),
    writable: new WritableStream<Uint8Array>({ write: (datagram) => void this.written.push(datagram) }),
  };
  constructor(readonly url: string, readonly options: WebTransportOptions) {
    FakeWebTransport.last = this;
  }
  close(): void {
    this.isClosed = true;
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5));
}

test('WebTransport: address, certificate hashes, datagrams both ways, and the end', async () => {
  replace('WebTransport', FakeWebTransport);
  const { events, received, closed } = recorder();
  const transport = await openerOf('webtransport').open(events, new AbortController().signal);
  const session = FakeWebTransport.last;
  assert.equal(session.url, 'https://play.example:4433/v1/servers/a%20b/webtransport');
  const [hash] = session.options.serverCertificateHashes ?? [];
  assert.equal(hash?.algorithm, 'sha-256');
  assert.equal(toHex(hash?.value as Uint8Array), 'cd'.repeat(32));
  assert.equal(transport.largestDatagram, 1200);
  transport.send(Uint8Array.of(1));
  session.arrives(Uint8Array.of(2));
  await settle();
  assert.deepEqual(session.written, [Uint8Array.of(1)]);
  assert.deepEqual(received, [Uint8Array.of(2)]);
  session.fail(new Error('lost'));
  await settle();
  assert.match(closed.join(), /lost/);
});

test('WebTransport: localhost is addressed by its number, small datagrams are refused, an abort closes', async () => {
  replace('WebTransport', FakeWebTransport);
  const abort = new AbortController();
  const { events, closed } = recorder();
  await openerOf('webtransport', 'http://localhost:3568').open(events, abort.signal);
  assert.equal(FakeWebTransport.last.url, 'https://127.0.0.1:4433/v1/servers/a%20b/webtransport');
  abort.abort();
  assert.ok(FakeWebTransport.last.isClosed);
  FakeWebTransport.last.end();
  await settle();
  assert.deepEqual(closed, []);
  FakeWebTransport.largest = 500;
  await assert.rejects(openerOf('webtransport').open(recorder().events, new AbortController().signal), /500 bytes/);
  FakeWebTransport.largest = 1211;
});

class FakeChannel extends EventTarget {
  readyState = 'connecting';
  binaryType = 'blob';
  bufferedAmount = 0;
  sent: Uint8Array[] = [];
  constructor(readonly label: string, readonly options: RTCDataChannelInit) {
    super();
  }
  send(bytes: Uint8Array): void {
    this.sent.push(bytes);
  }
}

class FakePeer extends EventTarget {
  static last: FakePeer;
  connectionState = 'new';
  localDescription: { sdp: string } | undefined;
  remoteDescription: unknown;
  channel!: FakeChannel;
  isClosed = false;
  constructor() {
    super();
    FakePeer.last = this;
  }
  createDataChannel(label: string, options: RTCDataChannelInit): FakeChannel {
    this.channel = new FakeChannel(label, options);
    return this.channel;
  }
  createOffer(): Promise<{ sdp: string }> {
    return Promise.resolve({ sdp: 'offer' });
  }
  setLocalDescription(description: { sdp: string }): Promise<void> {
    this.localDescription = description;
    return Promise.resolve();
  }
  setRemoteDescription(description: unknown): Promise<void> {
    this.remoteDescription = description;
    return Promise.resolve();
  }
  close(): void {
    this.isClosed = true;
  }
}

test('WebRTC: offer and answer over HTTP, one channel without order and retransmission, datagrams both ways', async () => {
  replace('RTCPeerConnection', FakePeer);
  const requests: [string, RequestInit][] = [];
  replace('fetch', (url: string, init: RequestInit) => {
    requests.push([url, init]);
    return Promise.resolve(new Response('answer'));
  });
  const { events, received, closed } = recorder();
  const opening = openerOf('webrtc').open(events, new AbortController().signal);
  await settle();
  const peer = FakePeer.last;
  const [url, init] = requests[0]!;
  assert.equal(url, 'https://play.example:8443/v1/servers/a%20b/webrtc');
  assert.deepEqual([init.method, init.body], ['POST', 'offer']);
  assert.deepEqual(init.headers, { 'content-type': 'application/sdp' });
  assert.deepEqual(peer.remoteDescription, { type: 'answer', sdp: 'answer' });
  assert.equal(peer.channel.label, 'ringshard');
  assert.deepEqual(peer.channel.options, { ordered: false, maxRetransmits: 0 });
  assert.equal(peer.channel.binaryType, 'arraybuffer');
  peer.channel.readyState = 'open';
  peer.channel.dispatchEvent(new Event('open'));
  const transport: Transport = await opening;
  transport.send(Uint8Array.of(1));
  peer.channel.bufferedAmount = 1e6;
  transport.send(Uint8Array.of(2));
  assert.deepEqual(peer.channel.sent, [Uint8Array.of(1)]);
  peer.channel.dispatchEvent(event('message', { data: Uint8Array.of(9).buffer }));
  assert.deepEqual(received, [Uint8Array.of(9)]);
  peer.connectionState = 'failed';
  peer.dispatchEvent(new Event('connectionstatechange'));
  assert.deepEqual(closed, ['no pair of addresses works']);
  assert.ok(peer.isClosed);
});

test('WebRTC: a refused offer rejects and closes', async () => {
  replace('RTCPeerConnection', FakePeer);
  replace('fetch', () => Promise.resolve(new Response('no', { status: 429 })));
  await assert.rejects(openerOf('webrtc').open(recorder().events, new AbortController().signal), /429/);
  assert.ok(FakePeer.last.isClosed);
});

test('carriers that the platform lacks reject', async () => {
  for (const name of ['WebSocket', 'WebTransport', 'RTCPeerConnection'] as const) replace(name, undefined);
  for (const kind of ['webtransport', 'webrtc', 'websocket'] as const) {
    await assert.rejects(openerOf(kind).open(recorder().events, new AbortController().signal), /there is no/);
  }
});

test('the description of a gateway is read, and nothing else is taken for one', () => {
  const info = readGateway(INFO);
  assert.equal(info?.servers[0]?.name, 'a b');
  assert.equal(toHex(info!.servers[0]!.key), KEY);
  assert.equal(info?.webtransport?.port, 4433);
  const none = readGateway({ ...INFO, webtransport: null, webrtc: 'yes', websocket: 1 });
  assert.deepEqual(gatewayOpeners('https://a', 'a b', none!), []);
  const order = gatewayOpeners('https://a', 'a b', info!, ['websocket', 'webtransport', 'webrtc']);
  assert.deepEqual(order.map(({ kind }) => kind), ['webtransport', 'webrtc', 'websocket']);
  const bad = [null, 1, 'x', [], {}, { servers: 1 }, { servers: [null] }, { servers: [{ name: 'a', key: 'zz'.repeat(32) }] }, { servers: [{ name: 1, key: KEY }] }];
  for (const value of bad) assert.equal(readGateway(value), undefined, JSON.stringify(value));
  for (const webtransport of [{}, { port: 0 }, { port: 70000 }, { port: '1' }, 5]) {
    assert.equal(readGateway({ ...INFO, webtransport })?.webtransport, undefined);
  }
});

test('another server is found at the gateway by its key, if exactly one has it', async () => {
  const other = 'cd'.repeat(32);
  const servers = [...INFO.servers, { name: 'west', key: other }];
  replace('fetch', () => Promise.resolve(new Response(JSON.stringify({ ...INFO, servers }))));
  const kinds = async (key: Uint8Array) => (await openersByKey('https://a', key)).map(({ kind }) => kind);
  assert.deepEqual(await kinds(fromHex(other)), ['webtransport', 'webrtc', 'websocket']);
  assert.deepEqual(await kinds(fromHex('ef'.repeat(32))), []);
  servers.push({ name: 'east', key: other });
  assert.deepEqual(await kinds(fromHex(other)), []);
});

test('what is wrong with a gateway is said', async () => {
  replace('fetch', () => Promise.resolve(new Response('', { status: 404 })));
  await assert.rejects(fetchGateway('https://play.example'), /status 404: is this a gateway/);
  replace('fetch', () => Promise.resolve(new Response('{}')));
  await assert.rejects(fetchGateway('https://play.example'), /does not describe a gateway/);
  replace('fetch', () => Promise.resolve(new Response(JSON.stringify(INFO))));
  await assert.rejects(Session.connect('https://play.example', { server: 'c' }), /no server c; it has: a b/);
  await assert.rejects(Session.connect('https://play.example', { transports: ['udp'] }), /none of the carriers/);
});
