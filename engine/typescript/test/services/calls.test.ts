/** Calls: repeated until they are answered, executed at most once, ended exactly once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { Calls, type CallEnd } from '../../src/services/calls.js';
import { CALL_BYTES_MAX, CALL_RETRY_FIRST, CALL_RETRY_MAX } from '../../src/services/limits.js';
import { Seeded } from '../seeded.js';
import { toHex } from '../vectors.js';
import { readCall, readCancel, readHello, writeGreeting, writeOutcome } from './messages.js';
import { ServicesServer } from './server.js';

const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1);
const PATH = '/v1/a';
const NO_VALUE = new Uint8Array(0);

class Bench {
  readonly ends: [number, CallEnd['is']][] = [];
  readonly calls: Calls;

  constructor(random: () => number = () => 0.5) {
    this.calls = new Calls(new Uint8Array(16).fill(1), (number, end) => this.ends.push([number, end.is]), random);
  }

  /** Calls inside the world, after the Greeting. */
  static greeted(epoch = 7n): Bench {
    const bench = new Bench();
    bench.calls.entered(0);
    assert.ok(readHello(bench.calls.next(0)!));
    bench.greet(0, epoch);
    return bench;
  }

  greet(now: number, epoch: bigint): void {
    const writer = new Writer();
    writeGreeting(epoch, writer);
    assert.equal(this.calls.received(now, writer.copy()), 'taken');
  }

  outcome(now: number, number: number, status: number): string {
    const writer = new Writer();
    writeOutcome({ number, status, wait: 0, value: Uint8Array.of(1) }, writer);
    return this.calls.received(now, writer.copy());
  }

  call(now: number, deadline = 30_000): number | 'full' {
    return this.calls.call(now, PATH, NO_VALUE, deadline);
  }

  /** The numbers of the calls that are sent now. */
  sent(now: number): number[] {
    const numbers: number[] = [];
    for (let message = this.calls.next(now); message; message = this.calls.next(now)) numbers.push(readCall(message)!.number);
    return numbers;
  }
}

test('a call is repeated with growing waits until it is answered', () => {
  const bench = Bench.greeted();
  assert.equal(bench.call(0), 1);
  const waits: number[] = [];
  let now = 0;
  for (let times = 0; times < 8; times += 1) {
    assert.deepEqual(bench.sent(now), [1]);
    const next = bench.calls.timeout();
    assert.deepEqual(bench.sent(next - 0.5), []);
    waits.push(next - now);
    now = next;
  }
  assert.deepEqual([waits[0], waits[1], waits[7]], [CALL_RETRY_FIRST, 2 * CALL_RETRY_FIRST, CALL_RETRY_MAX]);
  assert.equal(bench.outcome(now, 1, 200), 'taken');
  assert.deepEqual(bench.ends, [[1, 'answered']]);
  assert.equal(bench.outcome(now, 1, 200), 'outdated');
  assert.deepEqual([bench.calls.size, bench.calls.timeout()], [0, Infinity]);
});

test('hello is repeated, and nothing else is sent before the greeting', () => {
  const bench = new Bench();
  bench.call(0);
  assert.equal(bench.calls.next(0), undefined, 'outside the world, the services hear nothing');
  bench.calls.entered(10);
  assert.ok(readHello(bench.calls.next(10)!));
  assert.equal(bench.calls.next(11), undefined);
  assert.equal(bench.calls.timeout(), 10 + CALL_RETRY_FIRST);
  assert.ok(readHello(bench.calls.next(10 + CALL_RETRY_FIRST)!));
  bench.greet(300, 7n);
  assert.deepEqual(bench.sent(300), [1]);
});

test('the deadline ends a call as unknown only if it was sent', () => {
  const bench = Bench.greeted();
  bench.call(0, 1000);
  assert.deepEqual(bench.sent(0), [1]);
  bench.calls.left();
  bench.call(1, 1000);
  bench.calls.expire(999);
  assert.deepEqual(bench.ends, []);
  bench.calls.expire(1000);
  bench.calls.expire(1001);
  assert.deepEqual(bench.ends, [[1, 'unknown'], [2, 'expired']]);
  const late = Bench.greeted();
  late.call(0, 9);
  assert.deepEqual(late.sent(0), [], 'a call cannot say less than 10 ms');
  late.calls.expire(9);
  assert.deepEqual(late.ends, [[1, 'expired']]);
});

test('a call goes on in the next presence if the server remembers it', () => {
  const bench = Bench.greeted();
  bench.call(0);
  bench.sent(0);
  bench.calls.left();
  bench.call(1);
  assert.equal(bench.calls.next(5000), undefined);
  bench.calls.entered(5000);
  assert.ok(readHello(bench.calls.next(5000)!));
  bench.greet(5001, 7n);
  assert.deepEqual(bench.sent(5001), [1, 2]);
  bench.calls.left();
  bench.call(5002);
  bench.calls.entered(6000);
  bench.calls.next(6000);
  bench.greet(6000, 8n);
  assert.deepEqual(bench.ends, [[1, 'unknown'], [2, 'unknown']]);
  const { number, epoch, oldest, deadline } = readCall(bench.calls.next(6000)!)!;
  assert.deepEqual([number, epoch, oldest, deadline], [3, 8n, 3, 2900]);
});

test('an outcome before the greeting of its presence says nothing', () => {
  const bench = Bench.greeted();
  bench.call(0);
  bench.sent(0);
  bench.calls.left();
  bench.calls.entered(500);
  assert.equal(bench.outcome(500, 1, 499), 'outdated');
  assert.equal(bench.outcome(500, 1, 200), 'outdated');
  assert.deepEqual(bench.ends, []);
  bench.greet(600, 8n);
  assert.deepEqual(bench.ends, [[1, 'unknown']], 'the former process may have executed it');
});

test('an outcome of a call that was not sent says nothing', () => {
  const bench = Bench.greeted();
  bench.call(0);
  assert.equal(bench.outcome(0, 1, 200), 'outdated');
  assert.equal(bench.outcome(0, 2, 200), 'outdated');
  assert.deepEqual(bench.ends, []);
});

test('a call that was not sent is cancelled at once, and another one by the server', () => {
  const bench = Bench.greeted();
  bench.call(0);
  bench.calls.cancel(0, 1);
  assert.deepEqual(bench.ends, [[1, 'cancelled']]);
  bench.call(0);
  bench.sent(0);
  bench.calls.cancel(1, 2);
  bench.calls.cancel(1, 2);
  assert.equal(readCancel(bench.calls.next(1)!), 2);
  assert.equal(bench.calls.next(1), undefined);
  assert.equal(readCancel(bench.calls.next(1 + CALL_RETRY_FIRST)!), 2);
  assert.equal(bench.outcome(320, 2, 499), 'taken');
  assert.deepEqual(bench.ends.slice(1), [[2, 'cancelled']]);
});

test('a server that has forgotten the client is greeted again', () => {
  const bench = Bench.greeted();
  bench.call(0);
  bench.sent(0);
  assert.equal(bench.outcome(1, 1, 520), 'taken');
  assert.deepEqual(bench.ends, [[1, 'unknown']]);
  bench.call(1);
  assert.ok(readHello(bench.calls.next(1)!));
  assert.equal(bench.calls.next(1), undefined);
  bench.greet(2, 9n);
  assert.equal(readCall(bench.calls.next(2)!)!.epoch, 9n);
});

test('calls have bounds', () => {
  const bench = Bench.greeted();
  for (let number = 1; number <= 100; number += 1) assert.equal(bench.call(0), number);
  assert.equal(bench.call(0), 'full');
  bench.sent(0);
  for (let number = 2; number <= 100; number += 1) bench.outcome(0, number, 200);
  for (let number = 101; number <= 1024; number += 1) {
    assert.equal(bench.call(0), number);
    bench.calls.cancel(0, number);
  }
  assert.equal(bench.call(0), 'full', 'the first is open since 1,024');
  bench.outcome(0, 1, 200);
  assert.throws(() => bench.calls.call(0, 'v1', NO_VALUE, 1000), RangeError);
  assert.throws(() => bench.call(0, 0), RangeError);
  assert.throws(() => bench.call(0, NaN), RangeError);
  assert.throws(() => bench.calls.call(0, PATH, new Uint8Array(CALL_BYTES_MAX - 24), 1000), RangeError);
  assert.equal(bench.calls.call(0, PATH, new Uint8Array(CALL_BYTES_MAX - 25), 90_000), 1025);
  const message = bench.calls.next(0)!;
  assert.deepEqual([message.length, readCall(message)!.deadline], [CALL_BYTES_MAX, 4000]);
});

test('a call says which is the oldest that has not ended', () => {
  const bench = Bench.greeted();
  for (let times = 0; times < 3; times += 1) bench.call(0);
  const oldest = (now: number): number => readCall(bench.calls.next(now)!)!.oldest;
  assert.deepEqual([oldest(0), oldest(0), oldest(0)], [1, 1, 1]);
  bench.outcome(1, 1, 200);
  bench.outcome(1, 3, 200);
  assert.equal(oldest(CALL_RETRY_FIRST), 2);
});

test('a client that ends knows what became of no call that was sent', () => {
  const bench = Bench.greeted();
  bench.call(0);
  bench.sent(0);
  bench.call(0);
  bench.calls.close();
  assert.deepEqual(bench.ends, [[1, 'unknown'], [2, 'cancelled']]);
});

/** What an end says about how often the call was executed. */
const EXECUTED: Readonly<Record<CallEnd['is'], readonly number[]>> = {
  answered: [1], refused: [0], cancelled: [0], expired: [0], unknown: [0, 1],
};

test('whatever is lost, doubled, delayed or restarted, a call is executed at most once, and its end is true', () => {
  const seen = new Set<string>();
  for (let seed = 1; seed <= 150 * ROUNDS; seed += 1) {
    const random = new Seeded(seed);
    const server = new ServicesServer(random, () => {
      const status = random.chance(0.8) ? 200 : random.pick([400, 409, 429, 503]);
      return { status, value: NO_VALUE, takes: random.below(random.chance(0.2) ? 9000 : 300) };
    });
    const ends = new Map<number, CallEnd['is']>();
    const calls = new Calls(random.bytes(16), (number, { is }) => {
      assert.ok(!ends.has(number), 'a call ends once');
      ends.set(number, is);
    }, () => random.next());
    const made: string[] = [];
    let flying: { at: number; toServer: boolean; bytes: Uint8Array }[] = [];
    let isInside = false;
    const loss = random.next() * 0.6;
    const fly = (toServer: boolean, bytes: Uint8Array, now: number): void => {
      for (let copies = random.chance(0.2) ? 2 : 1; copies > 0; copies -= 1) {
        if (!random.chance(loss)) flying.push({ at: now + random.below(400), toServer, bytes: bytes.slice() });
      }
    };
    for (let now = 0; now < 60_000; now += 20) {
      if (random.chance(isInside ? 0.002 : 0.05)) {
        isInside = !isInside;
        // Reliable channels end with the session; the queue between connection and services may still have messages.
        if (random.chance(0.5)) flying = [];
        if (!isInside && random.chance(0.3)) server.restart();
        if (isInside) server.entered();
        else server.left();
        if (isInside) calls.entered(now);
        else calls.left();
      }
      if (now < 30_000 && random.chance(0.05)) {
        const value = random.bytes(8);
        const number = calls.call(now, PATH, value, random.pick([5, 500, 5000, 40_000]));
        if (number !== 'full') made[number] = toHex(value);
        if (number !== 'full' && random.chance(0.2)) calls.cancel(now, number);
      }
      if (random.chance(0.02) && made.length > 1) calls.cancel(now, 1 + random.below(made.length - 1));
      server.step(now);
      for (const bytes of server.out.splice(0)) fly(false, bytes, now);
      for (let message = calls.next(now); message; message = calls.next(now)) fly(true, message, now);
      for (const { toServer, bytes } of flying.filter(({ at }) => at <= now)) {
        if (toServer) server.receive(bytes, now);
        else assert.notEqual(calls.received(now, bytes), 'malformed');
      }
      flying = flying.filter(({ at }) => at > now);
    }
    calls.expire(100_000);
    assert.deepEqual([server.malformed, calls.size], [0, 0]);
    for (const [number, value] of made.entries()) {
      if (value === undefined) continue;
      const [end, times] = [ends.get(number)!, server.executed.get(value) ?? 0];
      assert.ok(EXECUTED[end].includes(times), `seed ${seed}, call ${number}: ${end}, and executed ${times} times`);
      seen.add(`${end} ${times}`);
    }
  }
  assert.deepEqual([...seen].sort(), ['answered 1', 'cancelled 0', 'expired 0', 'refused 0', 'unknown 0', 'unknown 1']);
});
