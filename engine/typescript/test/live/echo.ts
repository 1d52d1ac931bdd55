/** Sessions with a real server that echoes: `node dist/test/live/echo.js`. Its exit status says whether all is well. */

import assert from 'node:assert/strict';

import { connectUdp } from '../../src/node.js';
import type { Session, SessionOptions } from '../../src/session/session.js';
import { Seeded } from '../seeded.js';
import { toHex } from '../vectors.js';
import { Relay } from './relay.js';
import { LiveServer } from './server.js';

const random = new Seeded(1);

interface Peer {
  session: Session;
  messages: { channel: number; bytes: Uint8Array }[];
  news: string[];
}

function open(port: number, options: SessionOptions): Peer {
  const messages: Peer['messages'] = [];
  const news: string[] = [];
  const session = connectUdp('127.0.0.1', port, {
    ...options,
    connected: (_id, resumed) => news.push(resumed ? 'resumed' : 'connected'),
    message: ({ channel, bytes }) => messages.push({ channel, bytes: bytes.slice() }),
    reconnecting: (reason) => news.push(`reconnecting: ${reason}`),
    closed: (reason) => news.push(`closed: ${reason}`),
  });
  return { session, messages, news };
}

async function until(what: string, condition: () => boolean, seconds = 10): Promise<void> {
  const end = performance.now() + seconds * 1000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited ${seconds} s in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

async function echoes(server: LiveServer): Promise<void> {
  const { session, messages, news } = open(server.port, { serverKey: server.key });
  await until('connected', () => news.length > 0);
  for (let channel = 0; channel < 16; channel += 1) {
    for (const bytes of [text(''), text(`channel ${channel}`), random.bytes(1100), text('again and '.repeat(500))]) {
      messages.length = 0;
      assert.equal(session.send(channel, bytes), 'queued');
      await until(`echo on channel ${channel}`, () => messages.length > 0);
      assert.equal(messages[0]!.channel, channel);
      assert.equal(toHex(messages[0]!.bytes), toHex(bytes));
    }
  }
  for (let channel = 0; channel < 4; channel += 1) {
    const bytes = random.bytes(65536);
    messages.length = 0;
    session.send(channel, bytes);
    await until(`the echo of 65,536 bytes on channel ${channel}`, () => messages.length > 0);
    assert.equal(toHex(messages[0]!.bytes), toHex(bytes));
  }
  assert.ok(session.roundTrip > 0 && session.roundTrip < 1000, `${session.roundTrip}`);
  session.close();
  await until('closed', () => news.includes('closed: closed here'));
}

async function wrongKey(server: LiveServer): Promise<void> {
  const serverKey = server.key.slice();
  serverKey[0]! ^= 1;
  const { news } = open(server.port, { serverKey, reconnect: false });
  await until('a failure', () => news.length > 0, 15);
  assert.deepEqual(news, ['closed: wrong key']);
}

async function resumes(server: LiveServer, relay: Relay): Promise<void> {
  relay.badness = { loss: 0.1, duplicates: 0.05, delay: [1, 20] };
  const { session, messages, news } = open(relay.port, { serverKey: server.key });
  await until('connected', () => news.length > 0);
  const sent: string[] = [];
  const send = (count: number): void => {
    for (let at = 0; at < count; at += 1) {
      const channel = 1 + random.below(2);
      const line = `${channel}:${sent.length}:${'x'.repeat(random.below(3000))}`;
      sent.push(line);
      assert.equal(session.send(channel, text(line)), 'queued');
    }
  };
  send(300);
  await until('a part of the echoes', () => messages.length > 50, 20);
  relay.isCut = true;
  send(300);
  await until('the timeout', () => news.some((line) => line === 'reconnecting: timeout'), 20);
  send(300);
  relay.isCut = false;
  await until('the resumption', () => news.includes('resumed'), 20);
  relay.changeAddresses();
  send(300);
  await until('all echoes', () => messages.length >= sent.length, 30);
  await until('all acknowledgments', () => session.isIdle);
  const lines = messages.map(({ bytes }) => new TextDecoder().decode(bytes));
  assert.deepEqual([...lines].sort(), [...sent].sort(), 'each exactly once');
  const ordered = (all: string[]): string[] => all.filter((line) => line.startsWith('1:'));
  assert.deepEqual(ordered(lines), ordered(sent), 'channel 1 in order');
  session.close();
}

async function survivesRestart(server: LiveServer): Promise<void> {
  const { session, messages, news } = open(server.port, { serverKey: server.key });
  await until('connected', () => news.length > 0);
  await server.restart();
  await until('connected again', () => news.filter((line) => line === 'connected').length === 2, 20);
  session.send(1, text('after the restart'));
  await until('an echo', () => messages.length > 0);
  session.close();
}

async function rekeys(server: LiveServer): Promise<void> {
  const { session, messages, news } = open(server.port, { serverKey: server.key });
  await until('connected', () => news.length > 0);
  session.rekey();
  await until('new keys', () => session.rekeys === 1);
  for (let at = 0; at < 20; at += 1) session.send(1, text(`${at}`));
  await until('echoes under new keys', () => messages.length === 20);
  session.close();
}

async function run(name: string, scenario: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await scenario();
  console.log(`ok: ${name} (${Math.round(performance.now() - start)} ms)`);
}

const server = await LiveServer.start('--heartbeat-ms', '400', '--timeout-ms', '1200');
const relay = await Relay.start(server.port, random);
try {
  await run('echoes on all channels', () => echoes(server));
  await run('resumes after a cut, over a bad link', () => resumes(server, relay));
  await run('new keys', () => rekeys(server));
  await run('connects again after a restart', () => survivesRestart(server));
  await run('a wrong key is told', () => wrongKey(server));
} finally {
  relay.stop();
  await server.stop();
}
process.exit(0);
