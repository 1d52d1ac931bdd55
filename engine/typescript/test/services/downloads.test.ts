/** Downloads: whole and unaltered, whatever is lost on the way. */

import assert from 'node:assert/strict';
import { generateKeyPairSync, sign } from 'node:crypto';
import { test } from 'node:test';

import { sha256 } from '@noble/hashes/sha2.js';

import { Downloads, ServiceError, type DownloadOptions, type DownloadsOptions } from '../../src/services/index.js';
import { signedBytes } from '../../src/services/downloads/messages.js';
import { Range } from '../../src/services/downloads/range.js';
import { Seeded } from '../seeded.js';
import { toHex } from '../vectors.js';
import { DownloadServer } from './download-server.js';

const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1);

class Bench {
  now = 1000;
  /** Shares of what is lost, and of what is late. */
  loss = 0;
  late = 0;
  readonly client = { presences: 1, isInWorld: true, isConnected: true };
  readonly server = new DownloadServer();
  readonly downloads: Downloads;
  private flying: { at: number; toServer: boolean; bytes: Uint8Array }[] = [];

  constructor(
    readonly random = new Seeded(1),
    options: DownloadsOptions = {},
  ) {
    this.downloads = new Downloads(this.client, { clock: () => this.now, ...options });
  }

  content(name: string, length: number): Uint8Array {
    const content = this.random.bytes(length);
    this.server.contents.set(name, content);
    return content;
  }

  start(name: string, options: DownloadOptions = {}): { value?: Uint8Array; error?: unknown } {
    const end: { value?: Uint8Array; error?: unknown } = {};
    this.downloads.get(name, options).then((value) => (end.value = value), (error: unknown) => (end.error = error));
    return end;
  }

  /** The client is in the world anew. */
  enterAgain(): void {
    this.client.presences += 1;
    this.server.restart();
    this.flying = [];
  }

  async pass(time: number, each: () => void = () => {}): Promise<this> {
    for (const until = this.now + time; this.now < until; this.now += 10) {
      each();
      this.downloads.update({ roundTrip: 0, send: (_, bytes) => (this.fly(true, bytes.slice()), 'queued') });
      this.server.step();
      for (const bytes of this.server.out.splice(0)) this.fly(false, bytes);
      for (const { toServer, bytes } of this.flying.filter(({ at }) => at <= this.now)) {
        if (toServer) this.server.receive(bytes);
        else assert.ok(this.downloads.received(bytes));
      }
      this.flying = this.flying.filter(({ at }) => at > this.now);
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    return this;
  }

  private fly(toServer: boolean, bytes: Uint8Array): void {
    if (this.random.chance(this.loss)) return;
    this.flying.push({ at: this.now + (this.random.chance(this.late) ? this.random.below(300) : 20), toServer, bytes });
  }
}

function errorOf(end: { error?: unknown }): ServiceError {
  assert.ok(end.error instanceof ServiceError, String(end.error));
  return end.error;
}

test('contents arrive whole, many at a time, and are stopped at the end', async () => {
  const bench = new Bench();
  const names = ['maps/north', 'a', 'empty', 'tile/world/3/4/2'];
  const contents = names.map((name, at) => bench.content(name, [300_000, 1, 0, 8192][at]!));
  let seen = 0;
  const ends = names.map((name) => bench.start(name, { onProgress: (arrived, size) => (seen = Math.max(seen, arrived / size)) }));
  await bench.pass(5000);
  ends.forEach(({ value }, at) => assert.equal(toHex(sha256(value!)), toHex(sha256(contents[at]!)), names[at]));
  await bench.pass(100);
  assert.deepEqual([seen, bench.server.counts.stops, bench.server.open.size, bench.downloads.open], [1, 4, 0, 0]);
  assert.deepEqual([bench.server.malformed, bench.downloads.stats], [0, { malformed: 0, strays: 0, repeats: 0 }]);
});

test('whatever is lost, late, closed, changed or interrupted, each download ends whole, or says why not', async () => {
  for (let seed = 1; seed <= 12 * ROUNDS; seed += 1) {
    const random = new Seeded(seed);
    const bench = new Bench(random);
    bench.loss = random.next() * 0.2;
    bench.late = random.next();
    bench.server.pieces = 1 + random.below(8);
    bench.server.pieceBytes = 1000 + random.below(7193);
    const names = Array.from({ length: 1 + random.below(5) }, (_, at) => `n/${at}`);
    for (const name of names) bench.content(name, random.below(100_000));
    const ends = names.map((name) => bench.start(name));
    const was = [...bench.server.contents.values()].map((content) => toHex(sha256(content)));
    await bench.pass(300_000, () => {
      if (bench.downloads.open === 0) bench.now += 300_000;
      if (random.chance(0.002)) bench.enterAgain();
      if (random.chance(0.002)) for (const number of bench.server.open.keys()) bench.server.close(number);
      if (random.chance(0.0005) && bench.server.refusals.length < 3) {
        bench.server.refusals.push({ status: random.pick([409, 410, 429, 503]), wait: random.below(2000) });
      }
      if (bench.now < 10_000 && random.chance(0.002)) was.push(toHex(sha256(bench.content(names[0]!, random.below(100_000)))));
    });
    ends.forEach((end, at) => {
      const words = `seed ${seed}, ${names[at]}: ${String(end.error)}`;
      assert.ok(end.value && was.includes(toHex(sha256(end.value))), words);
    });
    assert.equal(bench.server.malformed, 0);
  }
});

test('a content that is not what it should be is not given to the page', async () => {
  const bench = new Bench();
  const content = bench.content('x', 3000);
  const hash = sha256(content);
  const right = bench.start('x', { hash });
  const wrong = bench.start('x', { hash: sha256(hash) });
  bench.server.contents.set(`sha256/${toHex(hash)}`, bench.random.bytes(10));
  const named = bench.start(`sha256/${toHex(hash)}`);
  const large = bench.start('x', { bytesMax: 2999 });
  await bench.pass(2000);
  assert.equal(toHex(right.value!), toHex(content));
  assert.deepEqual([errorOf(wrong).why, errorOf(named).why], ['damaged', 'damaged']);
  assert.deepEqual([errorOf(large).why, errorOf(large).status], ['refused', 413]);

  const damaged = bench.start('x');
  await bench.pass(30);
  content[2999]! ^= 1;
  await bench.pass(3000);
  // The server's own bytes changed behind its hash: it says so, and the download begins again.
  assert.equal(toHex(damaged.value!), toHex(content));
  const flipped = new Bench();
  flipped.content('x', 100);
  const end = flipped.start('x');
  const { received } = flipped.downloads;
  flipped.downloads.received = (message) => {
    const altered = message.slice();
    if (message[0] === 24) altered[20]! ^= 1;
    return received.call(flipped.downloads, altered);
  };
  await flipped.pass(1000);
  assert.match(errorOf(end).message, /damaged/);
});

test('with the operator\'s key, a content must be signed by it, unless the page says otherwise', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const operatorKey = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const bench = new Bench(new Seeded(2), { operatorKey });
  for (const name of ['signed', 'unsigned', 'other']) bench.content(name, 500);
  const content = bench.server.contents.get('signed')!;
  const signature = new Uint8Array(sign(null, signedBytes('signed', content.length, sha256(content)), privateKey));
  bench.server.signatures.set('signed', signature);
  // Right for another name.
  bench.server.contents.set('other', content);
  bench.server.signatures.set('other', signature);
  const [signed, unsigned, other] = ['signed', 'unsigned', 'other'].map((name) => bench.start(name));
  const trusted = bench.start('unsigned', { trustServer: true });
  const byHash = bench.start('unsigned', { hash: sha256(bench.server.contents.get('unsigned')!) });
  await bench.pass(1000);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(toHex(signed!.value!), toHex(content));
  assert.match(errorOf(unsigned!).message, /not signed/);
  assert.match(errorOf(other!).message, /not signed/);
  assert.ok(trusted.value && byHash.value);
  assert.throws(() => new Downloads(bench.client, { operatorKey: new Uint8Array(31) }), RangeError);
});

test('a platform that cannot check signatures gives no content', async (context) => {
  context.mock.method(crypto.subtle, 'importKey', () => Promise.reject(new Error('no Ed25519')));
  const bench = new Bench(new Seeded(2), { operatorKey: new Uint8Array(32) });
  bench.content('x', 10);
  bench.server.signatures.set('x', new Uint8Array(64).fill(1));
  const end = bench.start('x');
  await bench.pass(1000);
  assert.match(errorOf(end).message, /cannot check the signature of x: Error: no Ed25519/);
});

test('refusals that pass are waited for, and others end the download', async () => {
  const bench = new Bench();
  const content = bench.content('x', 10);
  bench.server.refusals.push({ status: 503, wait: 4000 });
  const end = bench.start('x');
  await bench.pass(3900);
  assert.equal(bench.server.counts.opens, 1);
  await bench.pass(300);
  assert.deepEqual(end.value, content);
  const none = bench.start('none');
  bench.server.refusals.push({ status: 404, wait: 0 });
  await bench.pass(200);
  assert.deepEqual([errorOf(none).why, errorOf(none).status], ['refused', 404]);
  for (let times = 0; times < 20; times += 1) bench.server.refusals.push({ status: 429, wait: 0 });
  const never = bench.start('x');
  await bench.pass(100_000);
  assert.equal(errorOf(never).status, 429);
});

test('a server that does not answer, or sends what nobody asked for, ends the download', async () => {
  const bench = new Bench();
  bench.content('x', 200_000);
  bench.server.receive = () => {};
  const silent = bench.start('x');
  await bench.pass(29_000);
  assert.deepEqual(silent, {});
  await bench.pass(3000);
  assert.equal(errorOf(silent).why, 'expired');

  const other = new Bench();
  other.content('x', 200_000);
  const flooded = other.start('x');
  await other.pass(60);
  for (let times = 0; times < 40; times += 1) {
    const piece = new Uint8Array(13 + 8192);
    piece.set([24, ...other.server.open.keys(), 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    other.downloads.received(piece);
  }
  await other.pass(10);
  assert.match(errorOf(flooded).message, /nobody asked for/);
});

test('a page takes a download back, and has a bounded number', async () => {
  const bench = new Bench();
  bench.content('x', 100_000);
  const controller = new AbortController();
  const ends = Array.from({ length: 17 }, () => bench.start('x', { signal: controller.signal }));
  await bench.pass(50);
  assert.equal(errorOf(ends[16]!).why, 'full');
  controller.abort();
  await bench.pass(100);
  assert.deepEqual(new Set(ends.slice(0, 16).map((end) => errorOf(end).why)), new Set(['cancelled']));
  assert.deepEqual([bench.downloads.open, bench.server.open.size, bench.server.counts.stops], [0, 0, 16]);
  for (const name of ['', '/a', 'a//b', 'a/../b', 'ä', 'a'.repeat(128)]) {
    await assert.rejects(bench.downloads.get(name), RangeError, name);
  }
});

test('pieces of a range in any order give its bytes', () => {
  const random = new Seeded(3);
  for (let times = 0; times < 60; times += 1) {
    const content = random.bytes(200);
    const range = new Range(1000, 200);
    const has = new Set<number>();
    while (!range.isComplete) {
      const [begin, length] = [random.below(200), 1 + random.below(40)];
      const end = Math.min(200, begin + length);
      const isNew = Array.from({ length: end - begin }, (_, at) => begin + at).some((at) => !has.has(at));
      if (range.keep(1000 + begin, content.subarray(begin, end))) for (let at = begin; at < end; at += 1) has.add(at);
      else assert.ok(!isNew);
      const missing = Array.from({ length: 200 }, (_, at) => at).filter((at) => !has.has(at));
      if (missing.length > 0) assert.deepEqual(range.missing(), [1000 + missing[0]!, missing.at(-1)! + 1 - missing[0]!]);
    }
    assert.deepEqual(range.bytes, content);
    assert.ok(range.holds(1000, 200) && !range.holds(999, 1) && !range.holds(1199, 2) && !range.holds(Infinity, 1));
  }
});
