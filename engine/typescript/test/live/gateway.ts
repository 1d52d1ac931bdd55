/**
 * Sessions over a gateway's WebSockets: `node --experimental-websocket dist/test/live/gateway.js`.
 *
 * GATEWAY names the origin of a real gateway before an echoing server; SERVER, the server's name there. Without it, a
 * small gateway and a real server are started here.
 */

import assert from 'node:assert/strict';

import { Session } from '../../src/session/session.js';
import { Seeded } from '../seeded.js';
import { toHex } from '../vectors.js';
import { MiniGateway } from './minigateway.js';
import { LiveServer } from './server.js';
import { until } from './waiting.js';

async function scenario(origin: string, server: string | undefined, cut: (() => void) | undefined): Promise<void> {
  const random = new Seeded(3);
  const news: string[] = [];
  const inbox: { channel: number; bytes: Uint8Array }[] = [];
  const session = await Session.connect(origin, {
    server,
    connected: (_, resumed) => news.push(resumed ? 'resumed' : 'connected'),
    message: ({ channel, bytes }) => inbox.push({ channel, bytes: bytes.slice() }),
    transport: (kind) => news.push(kind ?? 'no carrier'),
    reconnecting: (reason) => news.push(`reconnecting: ${reason}`),
    transportFailed: (kind, why) => console.log(`${kind}: ${why}`),
  });
  await until('connected', () => news.includes('connected'));
  for (let channel = 0; channel < 16; channel += 1) {
    for (const bytes of [random.bytes(0), random.bytes(1100), random.bytes(channel < 4 ? 65536 : 4000)]) {
      inbox.length = 0;
      session.send(channel, bytes);
      await until(`an echo on channel ${channel}`, () => inbox.length > 0);
      assert.deepEqual([inbox[0]!.channel, toHex(inbox[0]!.bytes)], [channel, toHex(bytes)]);
    }
  }
  if (cut) {
    inbox.length = 0;
    for (let at = 0; at < 200; at += 1) session.send(1, Uint8Array.of(at));
    cut();
    await until('all echoes', () => inbox.length === 200);
    assert.deepEqual(inbox.map(({ bytes }) => bytes[0]), Array.from({ length: 200 }, (_, at) => at));
  }
  console.log(news.join(', '), `${session.roundTrip.toFixed(1)} ms`);
  assert.ok(!news.some((line) => line.startsWith('reconnecting')));
  session.close();
  await until('closed', () => session.state === 'closed');
}

const given = process.env['GATEWAY'];
if (given) {
  await scenario(given, process.env['SERVER'], undefined);
} else {
  const server = await LiveServer.start();
  const gateway = await MiniGateway.start('main', server.port, server.key);
  try {
    await scenario(gateway.origin, undefined, () => gateway.cut());
  } finally {
    gateway.stop();
    await server.stop();
  }
}
process.exit(0);
