import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { compress } from '../../src/compression/lz4.js';
import { writeFragment } from '../../src/wire/fragment.js';
import { FrameKind, writeFrame, writeFrameHead, writeWhole } from '../../src/wire/frames.js';
import type { Seeded } from '../seeded.js';
import { Simulation } from '../server/simulation.js';

/** Rounds can be raised by the environment for a long run. */
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1);

function mutated(random: Seeded, datagram: Uint8Array): Uint8Array {
  const bytes = datagram.slice();
  switch (random.below(4)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length + 1));
    case 1: {
      const longer = new Uint8Array(bytes.length + random.below(200));
      longer.set(bytes);
      return longer;
    }
    default:
      for (let flips = 1 + random.below(4); flips > 0; flips -= 1) bytes[random.below(bytes.length)] = random.below(256);
      return bytes;
  }
}

/** Frames that look right, with values that may not be. */
function wildFrames(random: Seeded): Uint8Array {
  const writer = new Writer(1500);
  for (let count = 1 + random.below(8); count > 0; count -= 1) {
    switch (random.below(7)) {
      case 0:
        writeFrame(writer, random.below(32), random.bytes(random.below(60)));
        break;
      case 1:
        writeWhole(writer, random.below(16), random.below(random.chance(0.5) ? 50 : 65536), random.chance(0.3), random.bytes(random.below(100)));
        break;
      case 2: {
        const body = new Writer();
        const size = 1 + random.below(random.chance(0.5) ? 1000 : 65536);
        const offset = 128 * random.below(Math.ceil(size / 128));
        const piece = random.bytes(Math.min(128, size - offset));
        const channel = random.below(16);
        writeFragment(body, { channel, number: random.below(20), offset, size, compressed: random.chance(0.2), piece });
        writeFrame(writer, FrameKind.Fragment, body.written());
        break;
      }
      case 3: {
        const body = new Writer().u53(random.below(random.chance(0.9) ? 20 : 1e9)).u16(random.below(65536));
        writeFrame(writer, FrameKind.Ack, body.bytes(random.bytes(random.below(4))).written());
        break;
      }
      case 4: {
        const compressed = compress(new Uint8Array(random.below(65536)).fill(random.below(256)));
        if (compressed && compressed.length < 500) writeWhole(writer, random.below(16), random.below(10), true, compressed);
        break;
      }
      case 5:
        writeFrame(writer, random.pick([2, 4, 5, 9, 12, 13, 14]), random.bytes(random.pick([4, 8, 17, 32, 40])));
        break;
      default:
        writeFrameHead(writer, random.below(32), random.below(2048));
    }
  }
  return writer.copy();
}

test('random and mutated datagrams before the handshake neither throw nor keep it from ending well', () => {
  for (let seed = 1; seed <= 4 * ROUNDS; seed += 1) {
    const simulation = new Simulation(seed);
    const seen: Uint8Array[] = [];
    simulation.onSent = (datagram) => seen.push(datagram);
    simulation.onReturn = (datagram) => {
      seen.push(datagram);
      for (let at = 0; at < 200; at += 1) simulation.inject(mutated(simulation.random, simulation.random.pick(seen)));
      return datagram;
    };
    for (let at = 0; at < 500; at += 1) simulation.inject(simulation.random.bytes(simulation.random.below(1600)));
    simulation.connect();
    assert.deepEqual(simulation.news, ['connected']);
  }
});

test('random and mutated datagrams after the handshake change nothing', () => {
  for (let seed = 1; seed <= 2 * ROUNDS; seed += 1) {
    const simulation = new Simulation(seed);
    simulation.connect();
    simulation.server.onMessage = (client, channel, bytes) => simulation.server.send(client, channel, bytes.slice());
    const seen: Uint8Array[] = [];
    simulation.onReturn = (datagram) => {
      seen.push(datagram);
      for (let at = 0; at < 40; at += 1) simulation.inject(mutated(simulation.random, simulation.random.pick(seen)));
      return datagram;
    };
    for (let at = 0; at < 40; at += 1) {
      simulation.client.send(1, Uint8Array.of(at));
      simulation.run(30);
    }
    simulation.until('all echoes', () => simulation.inbox.length === 40);
    assert.deepEqual(simulation.inbox.map(({ bytes }) => bytes[0]), Array.from({ length: 40 }, (_, at) => at));
    assert.deepEqual(simulation.news.filter((line) => line !== 'message'), ['connected']);
  }
});

test('a server with the keys that sends anything can end the connection, but makes nothing throw and fills no memory', () => {
  const memoryBefore = process.memoryUsage();
  const ends = new Map<string, number>();
  for (let seed = 1; seed <= 80 * ROUNDS; seed += 1) {
    const simulation = new Simulation(seed, {}, { reconnect: false });
    simulation.connect();
    simulation.client.send(1, new Uint8Array(3000));
    simulation.run(20);
    const { established } = simulation.server.client;
    for (let at = 0; at < 150 && simulation.client.state === 'connected'; at += 1) {
      const { random } = simulation;
      const frames = random.chance(0.2) ? random.bytes(random.below(1442)) : wildFrames(random);
      simulation.inject(established.sealed(frames.subarray(0, 1442)));
      simulation.client.send(random.below(16), random.bytes(random.below(2000)));
      simulation.client.poll(simulation.now);
      simulation.now += 1;
    }
    const state = simulation.client.state;
    ends.set(state, (ends.get(state) ?? 0) + 1);
  }
  assert.ok((ends.get('closed') ?? 0) > 10, 'violations were met');
  const grown = process.memoryUsage().arrayBuffers - memoryBefore.arrayBuffers;
  assert.ok(grown < 300e6, `${grown}`);
});

test('what a server can make a client keep is bounded', () => {
  const simulation = new Simulation(1, {}, { reconnect: false });
  simulation.connect();
  const { established } = simulation.server.client;
  const fragment = (channel: number, number: number, size: number): Uint8Array => {
    const body = new Writer();
    writeFragment(body, { channel, number, offset: 0, size, compressed: false, piece: new Uint8Array(128) });
    const writer = new Writer();
    writeFrame(writer, FrameKind.Fragment, body.written());
    return writer.copy();
  };
  const before = process.memoryUsage().arrayBuffers;
  for (let number = 0; number < 8000; number += 1) {
    simulation.inject(established.sealed(fragment(4 * (number % 4), number, 65536)));
    simulation.client.poll(simulation.now);
    simulation.now += 0.5;
  }
  for (const channel of [1, 2]) {
    for (let number = 1; number < 4095; number += 1) {
      if (simulation.client.state !== 'connected') break;
      simulation.inject(established.sealed(fragment(channel, number, 1000)));
      simulation.client.poll(simulation.now);
    }
  }
  (globalThis as { gc?: () => void }).gc?.();
  const grown = process.memoryUsage().arrayBuffers - before;
  assert.ok(grown < 64e6, `${grown}`);
});
