import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { type Part, ReliableSender } from '../../src/connection/reliable_sender.js';
import { readFrames } from '../../src/wire/frames.js';
import { Seeded } from '../seeded.js';
import { Simulation } from '../server/simulation.js';

const ROOM = 1170;

/** Fills datagrams until the windows hold. */
function drain(sender: ReliableSender): { parts: Part[]; frames: Uint8Array }[] {
  const datagrams = [];
  for (let count = 0; count < 20000; count += 1) {
    const writer = new Writer(1500);
    const parts = sender.fill(writer, ROOM, ROOM);
    assert.ok(writer.length <= ROOM);
    if (parts.length === 0) return datagrams;
    datagrams.push({ parts, frames: writer.copy() });
  }
  throw new Error('no end');
}

test('at most 4,096 messages of a channel are under way', () => {
  const sender = new ReliableSender();
  for (let at = 0; at < 10000; at += 1) assert.ok(sender.queue(1, false, Uint8Array.of(at & 255)));
  const first = drain(sender);
  assert.equal(first.reduce((sum, { parts }) => sum + parts.length, 0), 4096);
  assert.ok(!sender.hasSendable(ROOM));
  for (const part of first.slice(1).flatMap(({ parts }) => parts)) sender.acknowledged(part);
  assert.equal(drain(sender).length, 0, 'the oldest is not acknowledged');
  for (const part of first[0]!.parts) sender.acknowledged(part);
  assert.equal(drain(sender).reduce((sum, { parts }) => sum + parts.length, 0), 4096);
});

test('at most 2 MiB of all channels are under way, by their cost', () => {
  const sender = new ReliableSender();
  const bytes = new Uint8Array(1000);
  for (let at = 0; at < 1000; at += 1) for (const channel of [1, 2, 5, 6]) assert.ok(sender.queue(channel, false, bytes));
  const sent = drain(sender).reduce((sum, { parts }) => sum + parts.length, 0);
  assert.equal(sent, Math.floor(2097152 / 1064));
});

test('at most eight large messages and 256 KiB of them go in pieces', () => {
  const sender = new ReliableSender();
  for (let at = 0; at < 20; at += 1) sender.queue(1 + (at % 2), false, new Uint8Array(2000));
  const messages = new Set(drain(sender).flatMap(({ parts }) => parts.map((part) => part.message)));
  assert.equal(messages.size, 8);
  const heavy = new ReliableSender();
  for (let at = 0; at < 8; at += 1) heavy.queue(1, false, new Uint8Array(65536));
  heavy.queue(5, false, new Uint8Array(900));
  const datagrams = drain(heavy);
  const large = new Set(datagrams.flatMap(({ parts }) => parts.map((part) => part.message)));
  assert.equal(large.size, 5, 'four of 64 KiB, and a small one of another channel');
});

test('a full window of one channel leaves the others free', () => {
  const sender = new ReliableSender();
  for (let at = 0; at < 5000; at += 1) sender.queue(1, false, Uint8Array.of(1));
  drain(sender);
  sender.queue(5, false, Uint8Array.of(2));
  assert.equal(drain(sender).length, 1);
});

test('whatever is lost leaves again, in any pieces, until all is acknowledged', () => {
  const random = new Seeded(5);
  for (let round = 0; round < 30; round += 1) {
    const sender = new ReliableSender();
    const expected = new Map<string, Uint8Array>();
    const arrived = new Map<string, Uint8Array>();
    const counts = [0, 0];
    for (let at = 0; at < 60; at += 1) {
      const channel = 1 + random.below(2);
      const bytes = random.bytes(random.below(random.chance(0.3) ? 9000 : 400));
      sender.queue(channel, false, bytes);
      expected.set(`${channel}:${counts[channel - 1]!++}`, bytes);
    }
    let inFlight: { parts: Part[]; frames: Uint8Array }[] = [];
    for (let step = 0; !sender.isIdle; step += 1) {
      assert.ok(step < 5000, 'it ends');
      const [room, writer] = [random.chance(0.2) ? 482 : ROOM, new Writer(1500)];
      const parts = sender.fill(writer, random.chance(0.1) ? random.below(room) : room, room);
      if (parts.length > 0) inFlight.push({ parts, frames: writer.copy() });
      inFlight = inFlight.filter(({ parts: sent, frames }) => {
        if (random.chance(0.5)) return true;
        if (random.chance(0.3)) sent.forEach((part) => sender.lost(part));
        else {
          take(frames, arrived);
          sent.forEach((part) => sender.acknowledged(part));
        }
        return false;
      });
      if (random.chance(0.02)) {
        sender.restart();
        inFlight = [];
      }
    }
    for (const [key, bytes] of expected) assert.deepEqual(arrived.get(key) ?? new Uint8Array(0), bytes, key);
  }
});

test('over a new connection, the oldest messages leave first', () => {
  const sender = new ReliableSender();
  for (let at = 0; at < 40; at += 1) sender.queue([2, 1, 6, 5][at % 4]!, false, Uint8Array.of(at));
  const first = drain(sender).flatMap(({ parts }) => parts.map((part) => part.message.bytes[0]!));
  sender.restart();
  const again = drain(sender).flatMap(({ parts }) => parts.map((part) => part.message.bytes[0]!));
  assert.equal(again.length, 40);
  assert.deepEqual(again, first);
});

function take(frames: Uint8Array, arrived: Map<string, Uint8Array>): void {
  for (const frame of readFrames(frames).frames) {
    if (frame.kind === 'message') arrived.set(`${frame.channel}:${frame.number}`, frame.bytes);
    if (frame.kind !== 'fragment') continue;
    const { channel, number, size, offset, piece } = frame.fragment;
    const key = `${channel}:${number}`;
    const whole = arrived.get(key) ?? new Uint8Array(size);
    whole.set(piece, offset);
    arrived.set(key, whole);
  }
}

test('before the first acknowledgment, at most ten full datagrams are in flight', () => {
  const simulation = new Simulation(1);
  simulation.connect();
  simulation.run(100);
  simulation.isCut = true;
  let bytes = 0;
  simulation.onSent = (datagram) => (bytes += datagram.length);
  for (let at = 0; at < 100; at += 1) simulation.client.send(1, simulation.random.bytes(1100));
  simulation.run(200);
  assert.ok(bytes > 9000 && bytes <= 12000 + 1200, `${bytes}`);
});

test('nothing gets through: what leaves is what probe timeouts allow', () => {
  const simulation = new Simulation(2, { timeout: 60000, heartbeat: 20000 }, { reconnect: false });
  simulation.connect();
  for (let at = 0; at < 3000; at += 1) simulation.client.send(1, simulation.random.bytes(1000));
  simulation.run(100);
  simulation.isCut = true;
  simulation.run(3000);
  let bytes = 0;
  simulation.onSent = (datagram) => (bytes += datagram.length);
  simulation.run(20000);
  assert.ok(bytes > 2000 && bytes < 40000, `${bytes}`);
  simulation.isCut = false;
  simulation.until('all', () => simulation.server.client.inbox.length === 3000, 60000);
});

test('a link of 2 % loss and 40 ms carries more than 150 KB a second', () => {
  const simulation = new Simulation(3, {}, {}, { loss: 0.02, duplicates: 0, delay: [20, 21] });
  simulation.connect();
  const start = simulation.now;
  for (let at = 0; at < 60; at += 1) simulation.client.send(1, simulation.random.bytes(60000));
  simulation.until('all', () => simulation.server.client.inbox.length === 60, 60000);
  const perSecond = (60 * 60000) / ((simulation.now - start) / 1000);
  assert.ok(perSecond > 150000, `${Math.round(perSecond)}`);
});

test('no datagram has another size than those of the document', () => {
  const sizes = [46, 62, 78, 94, 110, 126, 158, 190, 222, 254, 318, 382, 446, 512, 638, 766, 894, 1022, 1200];
  const simulation = new Simulation(4, {}, {}, { loss: 0.1, duplicates: 0, delay: [5, 20] });
  const seen = new Set<number>();
  simulation.connect();
  simulation.onSent = (datagram) => seen.add(datagram.length);
  for (let at = 0; at < 600; at += 1) {
    simulation.client.send(simulation.random.below(16), simulation.random.bytes(simulation.random.below(3000)));
    simulation.run(2);
  }
  simulation.run(3000);
  for (const size of seen) assert.ok(sizes.includes(size), `${size}`);
});

test('a carrier with small datagrams gets none that is larger', () => {
  const simulation = new Simulation(5, {}, { largestDatagram: 1000 });
  simulation.connect();
  let largest = 0;
  simulation.onSent = (datagram) => (largest = Math.max(largest, datagram.length));
  for (const channel of [0, 1, 2, 3]) simulation.client.send(channel, simulation.random.bytes(5000));
  simulation.until('all', () => simulation.server.client.inbox.length === 4);
  assert.ok(largest <= 1000 && largest > 800, `${largest}`);
});
