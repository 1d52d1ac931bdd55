/**
 * A hostile gateway carries the datagrams: it alters, drops, repeats, reorders and replays, from the first Connect on. It can deny
 * service, and nothing else.
 */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Seeded } from '../seeded.js';
import { Simulation } from '../server/simulation.js';
import { Tamperer } from '../server/tamperer.js';

/** Seeds can be raised by the environment for a long run. */
const SEEDS = Number(process.env['TAMPER_SEEDS'] ?? 3);
const SHARES = [0.05, 0.2, 0.4];
const MESSAGES = 80;
const ENDS = ['closed: timeout', 'closed: no answer', 'closed: wrong key'];

/** The message with this number. Some are compressed, some come in fragments. */
function numbered(channel: number, number: number): string {
  const length = [10, 300, 900, 4000][number % 4]!;
  const random = new Seeded(1000 * channel + number);
  const letter = (): string => String.fromCharCode(97 + random.below(26));
  const body = number % 3 === 0 ? letter().repeat(length) : Array.from({ length }, letter).join('');
  return `${channel}:${number}:${body}`;
}

interface Run {
  simulation: Simulation;
  tamperers: readonly Tamperer[];
  atServer: string[];
}

function run(seed: number): Run {
  const simulation = new Simulation(seed, {}, { reconnect: false });
  const share = SHARES[seed % SHARES.length]!;
  const tamperers = [new Tamperer(new Seeded(2 * seed), share), new Tamperer(new Seeded(2 * seed + 1), share)];
  const atServer: string[] = [];
  simulation.carry = (datagram, toServer) => tamperers[toServer ? 0 : 1]!.pass(datagram);
  simulation.server.onMessage = (client, channel, bytes) => {
    atServer.push(`${channel} ${new TextDecoder().decode(bytes)}`);
    simulation.server.send(client, channel, bytes.slice());
  };
  return { simulation, tamperers, atServer };
}

/** What arrived is what was sent: each message once, and on channel 1 in order. All of it, if the connection is open. */
function check(what: string, arrived: readonly string[], isOpen: boolean): void {
  for (const channel of [0, 1, 2, 3]) {
    const lines = arrived.filter((line) => line.startsWith(`${channel} `)).map((line) => line.slice(2));
    const numbers = lines.map((line) => Number(line.split(':')[1]));
    lines.forEach((line, at) => assert.ok(line === numbered(channel, numbers[at]!), `${what}: an altered message`));
    assert.equal(new Set(numbers).size, numbers.length, `${what}, channel ${channel}: a message arrived twice`);
    if (channel === 1) assert.deepEqual(numbers, numbers.map((_, at) => at), `${what}: in disorder`);
    if (channel === 3) assert.deepEqual(numbers, [...numbers].sort((one, other) => one - other), `${what}: in disorder`);
    const isReliable = channel === 1 || channel === 2;
    if (isReliable && isOpen) assert.equal(numbers.length, MESSAGES, `${what}, channel ${channel}: messages are missing`);
  }
}

test('a gateway that tampers can only deny service', () => {
  let served = 0;
  const done = new Map<string, number>();
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { simulation, tamperers, atServer } = run(seed);
    const { client } = simulation;
    for (let waited = 0; client.state === 'connecting' && waited < 12000; waited += 10) simulation.run(10);
    for (let number = 0; number < MESSAGES && client.state === 'connected'; number += 1) {
      for (const channel of [0, 1, 2, 3]) client.send(channel, new TextEncoder().encode(numbered(channel, number)));
      simulation.run(20);
    }
    for (const tamperer of tamperers) {
      tamperer.share = 0;
      for (const [tampering, count] of tamperer.done) done.set(tampering, (done.get(tampering) ?? 0) + count);
    }
    simulation.run(30000);
    const isOpen = client.state === 'connected';
    if (isOpen) served += 1;
    const echoes = simulation.inbox.map(({ channel, bytes }) => `${channel} ${new TextDecoder().decode(bytes)}`);
    check(`seed ${seed}, at the server`, atServer, isOpen);
    check(`seed ${seed}, at the client`, echoes, isOpen);
    const ends = simulation.news.filter((line) => line.startsWith('closed'));
    assert.ok(ends.every((end) => ENDS.includes(end)), `seed ${seed}: ${ends.join(', ')}`);
  }
  assert.ok(served >= SEEDS / 2, `only ${served} of ${SEEDS} clients were served in the end`);
  assert.ok([...done.values()].every((count) => count > 10), JSON.stringify([...done]));
});
