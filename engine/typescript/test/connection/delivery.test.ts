import assert from 'node:assert/strict';
import { test } from 'node:test';

import { type LinkQuality, Simulation } from '../server/simulation.js';

const BAD: LinkQuality = { loss: 0.1, duplicates: 0.05, delay: [5, 60] };

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A message that says which it is, of any length. */
function numbered(simulation: Simulation, channel: number, count: number): string {
  const { random } = simulation;
  const length = random.chance(0.05) ? random.below(12000) : random.below(300);
  return `${channel}:${count}:${String.fromCharCode(97 + random.below(26)).repeat(length)}`;
}

function checkDelivery(channel: number, sent: string[], arrived: string[]): void {
  const kind = channel % 4;
  if (kind === 1) assert.deepEqual(arrived, sent, `channel ${channel}: in order, each once`);
  if (kind === 2) assert.deepEqual([...arrived].sort(), [...sent].sort(), `channel ${channel}: each once`);
  if (kind === 0 || kind === 3) {
    assert.equal(new Set(arrived).size, arrived.length, `channel ${channel}: none twice`);
    for (const line of arrived) assert.ok(sent.includes(line), 'nothing that was not sent');
    const share = sent.length < 40 ? 0 : 1 / 8;
    assert.ok(arrived.length >= sent.length * share, `${arrived.length} of ${sent.length} on channel ${channel}`);
  }
  if (kind === 3) {
    const numbers = arrived.map((line) => Number(line.split(':')[1]));
    assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other), 'never an older one');
  }
}

function exchange(simulation: Simulation, messages: number, disturb: (at: number) => void): void {
  simulation.server.onMessage = (client, channel, bytes) => {
    simulation.server.send(client, channel, bytes.slice());
  };
  const sent: string[][] = Array.from({ length: 16 }, () => []);
  for (let count = 0; count < messages; count += 1) {
    const channel = simulation.random.below(16);
    const line = numbered(simulation, channel, count);
    if (simulation.client.send(channel, text(line)) === 'queued') sent[channel]!.push(line);
    if (count % 10 === 0) simulation.run(simulation.random.below(30));
    disturb(count);
  }
  const reliable = (lines: { channel: number }[]): number =>
    lines.filter(({ channel }) => channel % 4 === 1 || channel % 4 === 2).length;
  const expected = sent.flatMap((lines, channel) => lines.map(() => ({ channel })));
  simulation.until('all echoes', () => reliable(simulation.inbox) >= reliable(expected), 120000);
  simulation.until('acknowledgments', () => simulation.client.isIdle, 30000);
  simulation.run(1000);
  for (let channel = 0; channel < 16; channel += 1) {
    const arrived = simulation.inbox
      .filter((message) => message.channel === channel)
      .map(({ bytes }) => new TextDecoder().decode(bytes));
    checkDelivery(channel, sent[channel]!, arrived);
  }
}

for (const seed of [1, 2, 3]) {
  test(`every channel keeps its promise over a bad link, seed ${seed}`, () => {
    const simulation = new Simulation(seed, {}, {}, BAD);
    simulation.connect();
    exchange(simulation, 1500, () => undefined);
    assert.deepEqual(simulation.news.filter((line) => line !== 'message'), ['connected']);
    assert.ok(simulation.client.stats.datagramsLost > 20);
  });
}

for (const seed of [11, 12, 13]) {
  test(`a session survives cuts: nothing reliable is lost or repeated, seed ${seed}`, () => {
    const simulation = new Simulation(seed, { heartbeat: 500, timeout: 1500 }, {}, BAD);
    simulation.connect();
    let cuts = 0;
    let until = 0;
    exchange(simulation, 1000, (at) => {
      if (at % 250 === 100) {
        simulation.isCut = true;
        until = simulation.now + simulation.random.below(4000);
        cuts += 1;
      }
      if (!simulation.isCut) return;
      simulation.run(200);
      if (simulation.now >= until) simulation.isCut = false;
    });
    simulation.isCut = false;
    assert.ok(cuts > 3);
    const news = simulation.news.filter((line) => line !== 'message');
    assert.ok(news.includes('resumed'), news.join(', '));
    assert.equal(news.filter((line) => line === 'connected').length, 1, 'never begun anew');
  });
}

test('messages of 65,536 bytes pass on all kinds of channels', () => {
  const simulation = new Simulation(21, {}, {}, { loss: 0, duplicates: 0.02, delay: [5, 15] });
  simulation.connect();
  simulation.server.onMessage = (client, channel, bytes) => simulation.server.send(client, channel, bytes.slice());
  for (let channel = 0; channel < 4; channel += 1) {
    const bytes = simulation.random.bytes(65536);
    for (let copies = 0; copies < 12; copies += 1) if (channel % 3 > 0) simulation.client.send(channel, bytes);
    assert.equal(simulation.client.send(channel, bytes), 'queued');
    const count = simulation.inbox.length;
    simulation.until(`the echo on channel ${channel}`, () => simulation.inbox.length > count + (channel % 3 > 0 ? 12 : 0));
    assert.deepEqual(simulation.inbox[simulation.inbox.length - 1]!.bytes, bytes);
  }
});

test('messages that compress travel compressed, others as they are', () => {
  const simulation = new Simulation(22);
  simulation.connect();
  let bytes = 0;
  simulation.onSent = (datagram) => (bytes += datagram.length);
  for (const channel of [0, 1, 2, 3]) simulation.client.send(channel, text('a world of words '.repeat(2000)));
  simulation.client.send(1, simulation.random.bytes(600));
  simulation.until('all of them', () => simulation.server.client.inbox.length === 5);
  assert.ok(bytes < 5000, `${bytes}`);
});

test('keys change again and again under traffic and loss, from both ends', () => {
  const rekey = { bytes: 20000, period: 3600000 };
  const simulation = new Simulation(31, { rekey }, { rekey }, { loss: 0.2, duplicates: 0.1, delay: [5, 50] });
  simulation.connect();
  simulation.server.onMessage = (client, channel, bytes) => simulation.server.send(client, channel, bytes.slice());
  let sent = 0;
  for (let second = 0; second < 400; second += 1) {
    for (let at = 0; at < 4; at += 1) {
      simulation.client.send(1, text(`${sent}:${'x'.repeat(200)}`));
      sent += 1;
    }
    simulation.run(1000);
  }
  simulation.until('all echoes', () => simulation.inbox.length === sent);
  assert.deepEqual(simulation.inbox.map(({ bytes }) => parseInt(new TextDecoder().decode(bytes), 10)), Array.from({ length: sent }, (_, at) => at));
  assert.ok(simulation.client.rekeys >= 8, `${simulation.client.rekeys}`);
  assert.equal(simulation.client.rekeys, simulation.server.client.established.keys.replacements);
  assert.deepEqual(simulation.news.filter((line) => line !== 'message'), ['connected']);
});
