import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { writeFragment } from '../../src/wire/fragment.js';
import { FrameKind, writeFrame, writeWhole } from '../../src/wire/frames.js';
import { Simulation } from '../server/simulation.js';
import { fromHex, vector } from '../vectors.js';

function connected(seed: number): Simulation {
  const simulation = new Simulation(seed);
  simulation.connect();
  simulation.run(100);
  return simulation;
}

function message(channel: number, number: number, bytes: Uint8Array, compressed = false): Uint8Array {
  const writer = new Writer();
  writeWhole(writer, channel, number, compressed, bytes);
  return writer.copy();
}

function fragment(channel: number, number: number, size: number, offset = 0, length = 128, compressed = false): Uint8Array {
  const body = new Writer();
  writeFragment(body, { channel, number, offset, size, compressed, piece: new Uint8Array(length) });
  const writer = new Writer();
  writeFrame(writer, FrameKind.Fragment, body.written());
  return writer.copy();
}

function ack(largest: number, ...runs: number[]): Uint8Array {
  const writer = new Writer();
  writeFrame(writer, FrameKind.Ack, new Writer().u53(largest).u16(0).bytes(Uint8Array.from(runs)).written());
  return writer.copy();
}

const VIOLATION = 'closed: violation by the server';

/** The client closes, and tells the server why. */
function assertCloses(simulation: Simulation, reason: string, code: number): void {
  const { client } = simulation.server;
  simulation.run(200);
  assert.equal(simulation.news[simulation.news.length - 1], reason);
  assert.deepEqual(client.established.ending, { by: 'peer', reason: code });
}

test('a message beyond the window of its channel is a violation, the last one in it is not', () => {
  for (const channel of [1, 2, 5, 14]) {
    const simulation = connected(1);
    simulation.server.raw(simulation.server.client, message(channel, 4095, new Uint8Array(1)));
    simulation.run(100);
    assert.equal(simulation.client.state, 'connected');
    simulation.server.raw(simulation.server.client, message(channel, 65535, new Uint8Array(1)));
    simulation.run(100);
    assert.equal(simulation.client.state, 'connected', 'a duplicate of old times');
    simulation.server.raw(simulation.server.client, message(channel, 4097, new Uint8Array(1)));
    assertCloses(simulation, VIOLATION, 4);
  }
});

test('impossible acknowledgments are violations', () => {
  const bad = [ack(0), ack(2 ** 40), ack(5, 5), fromHex('0938010000000000000000')];
  for (const line of vector('ack-bad').values()) bad.push(fromHex(line));
  for (const frames of bad) {
    const simulation = connected(2);
    simulation.client.send(1, new Uint8Array(1));
    simulation.run(100);
    simulation.server.raw(simulation.server.client, frames);
    assertCloses(simulation, VIOLATION, 4);
  }
});

test('an acknowledgment of a sequence that was left out is a violation', () => {
  const simulation = connected(3);
  const sequences = new Set<number>();
  simulation.onSent = (datagram) => {
    if (datagram[5] !== 0) sequences.add(new DataView(datagram.buffer, datagram.byteOffset).getUint32(6, true));
  };
  const highest = (): number => Math.max(0, ...sequences);
  let skipped = 0;
  for (let at = 0; at < 6000 && skipped === 0; at += 1) {
    simulation.client.send(0, new Uint8Array(1));
    simulation.client.poll(simulation.now).datagrams.forEach((datagram) => simulation.onSent(datagram, 0));
    const last = highest();
    if (last > 5 && !sequences.has(last - 1)) skipped = last - 1;
  }
  assert.ok(skipped > 0, 'one of about 2,048 sequences is left out');
  simulation.client.send(1, new Uint8Array(1));
  simulation.run(50);
  assert.equal(simulation.client.state, 'connected');
  simulation.server.raw(simulation.server.client, ack(skipped));
  assertCloses(simulation, VIOLATION, 4);
});

test('compression that breaks the rules closes the connection on every channel, when its turn has come', () => {
  for (const line of vector('compressed-bad').values()) {
    for (let channel = 0; channel < 4; channel += 1) {
      const simulation = connected(4);
      simulation.server.raw(simulation.server.client, message(channel, 0, fromHex(line), true));
      assertCloses(simulation, 'closed: bad compression by the server', 6);
    }
  }
  const simulation = connected(4);
  simulation.server.raw(simulation.server.client, message(1, 1, Uint8Array.of(1, 2, 3), true));
  simulation.run(100);
  assert.equal(simulation.client.state, 'connected', 'its turn has not come');
  simulation.server.raw(simulation.server.client, message(1, 0, Uint8Array.of(1)));
  assertCloses(simulation, 'closed: bad compression by the server', 6);
});

test('more than eight large messages in pieces are a violation, also by their bytes', () => {
  const simulation = connected(5);
  for (let number = 0; number < 8; number += 1) {
    simulation.server.raw(simulation.server.client, fragment(1 + (number % 2), number >> 1, 5000));
  }
  simulation.run(100);
  assert.equal(simulation.client.state, 'connected');
  simulation.server.raw(simulation.server.client, fragment(5, 0, 1169));
  assertCloses(simulation, VIOLATION, 4);

  const heavy = connected(5);
  for (let number = 0; number < 4; number += 1) heavy.server.raw(heavy.server.client, fragment(2, number, 65536));
  heavy.run(100);
  assert.equal(heavy.client.state, 'connected');
  heavy.server.raw(heavy.server.client, fragment(2, 4, 1169));
  assertCloses(heavy, VIOLATION, 4);
});

test('more than 2 MiB that wait for earlier messages are a violation', () => {
  const simulation = connected(6);
  const bytes = new Uint8Array(1100);
  let sent = 0;
  for (const channel of [1, 5, 9, 13]) {
    for (let number = 1; number < 4095 && simulation.client.state === 'connected'; number += 1) {
      simulation.inject(simulation.server.client.established.sealed(message(channel, number, bytes)));
      sent += 1;
    }
  }
  simulation.client.poll(simulation.now);
  assert.equal(simulation.client.state, 'closed');
  assert.equal(sent, Math.floor(2097152 / 1164) + 1);
});

test('small messages in pieces count as they are kept', () => {
  const simulation = connected(7);
  let sent = 0;
  for (const channel of [2, 6, 10]) {
    for (let number = 0; number < 4095 && simulation.client.state === 'connected'; number += 1) {
      simulation.inject(simulation.server.client.established.sealed(fragment(channel, number, 1168)));
      sent += 1;
    }
  }
  assert.equal(sent, Math.floor(2097152 / (1168 + 64)) + 1);
});

test('unreliable messages in pieces: eight at a time, and only a stalled one gives its place', () => {
  const simulation = connected(8);
  const client = simulation.server.client;
  for (let number = 0; number < 8; number += 1) simulation.server.raw(client, fragment(0, number, 256));
  simulation.run(20);
  simulation.server.raw(client, fragment(0, 8, 256));
  simulation.run(20);
  simulation.server.raw(client, fragment(0, 8, 256, 128));
  simulation.run(20);
  assert.equal(simulation.inbox.length, 0, 'there was no place for its first piece');
  simulation.run(1000);
  for (const offset of [0, 128]) simulation.server.raw(client, fragment(0, 9, 256, offset));
  simulation.run(20);
  assert.equal(simulation.inbox.length, 1);
  simulation.server.raw(client, fragment(0, 7, 256, 128));
  simulation.run(20);
  assert.equal(simulation.inbox.length, 2, 'one that did not give its place');
  simulation.run(10000);
  simulation.server.raw(client, fragment(0, 6, 256, 128));
  simulation.run(20);
  assert.equal(simulation.inbox.length, 2, 'given up after 10 s');
});

test('pieces of another size field are ignored, and pieces may overlap', () => {
  const simulation = connected(9);
  const client = simulation.server.client;
  simulation.server.raw(client, fragment(2, 0, 400, 0, 256));
  simulation.server.raw(client, fragment(2, 0, 300, 256, 44));
  simulation.server.raw(client, fragment(2, 0, 400, 256, 144, true));
  simulation.run(50);
  assert.equal(simulation.inbox.length, 0);
  simulation.server.raw(client, fragment(2, 0, 400, 128, 272));
  simulation.run(50);
  assert.deepEqual(simulation.inbox.map(({ bytes }) => bytes.length), [400]);
});

test('a sequenced message is never delivered after a newer one, around the end of the numbers', () => {
  const simulation = connected(10);
  const client = simulation.server.client;
  const order = [65000, 64999, 65001, 65535, 0, 65535, 3, 2, 32770, 3];
  for (const number of order) simulation.inject(client.established.sealed(message(3, number, Uint8Array.of(number & 255, number >> 8))));
  simulation.run(1);
  const arrived = simulation.inbox.map(({ bytes }) => bytes[0]! | (bytes[1]! << 8));
  assert.deepEqual(arrived, [65000, 65001, 65535, 0, 3, 32770]);
});

test('copies of datagrams and altered ones have no effect', () => {
  const simulation = connected(11);
  const datagram = simulation.server.client.established.sealed(message(0, 0, Uint8Array.of(1)));
  for (let at = 0; at < datagram.length; at += 1) {
    const altered = datagram.slice();
    altered[at]! ^= 1 << (at % 8);
    simulation.inject(altered);
  }
  for (let length = 0; length < datagram.length; length += 1) simulation.inject(datagram.subarray(0, length));
  simulation.inject(new Uint8Array(1473).fill(3));
  simulation.run(1);
  assert.equal(simulation.inbox.length, 0);
  const before = simulation.client.stats.drops.sequence;
  for (let copy = 0; copy < 3; copy += 1) simulation.inject(datagram);
  simulation.run(1);
  assert.equal(simulation.inbox.length, 1);
  assert.equal(simulation.client.stats.drops.sequence, before + 2);
});

test('a datagram far behind the newest is too old', () => {
  const simulation = connected(12);
  const { established } = simulation.server.client;
  const old = established.sealed(message(0, 0, Uint8Array.of(1)));
  const older = Array.from({ length: 1030 }, () => established.sealed(message(0, 0, Uint8Array.of(2))));
  simulation.inject(older[older.length - 1]!);
  simulation.inject(old);
  simulation.run(1);
  assert.equal(simulation.inbox.length, 1);
  simulation.inject(older[100]!);
  simulation.run(1);
  assert.equal(simulation.inbox.length, 2);
});
