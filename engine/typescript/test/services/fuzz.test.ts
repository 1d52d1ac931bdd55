/** Whatever a server or a door sends, the services throw nothing, and what they keep is bounded. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sha256 } from '@noble/hashes/sha2.js';

import { Writer } from '../../src/bytes/writer.js';
import type { SendResult } from '../../src/connection/types.js';
import { Door, Downloads, serviceAction, ServiceError, Services, valueAs, values as v } from '../../src/services/index.js';
import { readValue, valueBytes } from '../../src/services/values/data.js';
import { Seeded } from '../seeded.js';
import { fromHex, toHex, vector } from '../vectors.js';
import { writeGreeting, writeNotice, writeOutcome } from './messages.js';

const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 1);

const inner = v.record({ name: v.text, at: v.list(v.f32), note: v.optional(v.bytes), count: v.u64 });
const action = serviceAction('/v1/a', v.record({ item: v.u32 }), v.record({ all: v.list(inner), more: v.bool }));
const ANSWER = { all: [{ name: 'one', at: [1, 2], note: Uint8Array.of(1), count: 5n }], more: true };

/** Bytes of values, good and bad. */
function valueSeeds(): Uint8Array[] {
  const named = [vector('value', 'services-vector').get('value')!, ...vector('values-bad', 'services-vector').values()];
  return [...named.map(fromHex), valueBytes(action.answer.schema, ANSWER), new Uint8Array(0)];
}

function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.copy();
}

const CONTENT = new Uint8Array(40_000).fill(7);

/** Messages that a server could send. */
function corpus(random: Seeded): Uint8Array[] {
  const values = valueSeeds();
  const messages: Uint8Array[] = [...vector('services-bad', 'services-vector').values()].map(fromHex);
  for (const value of values) {
    for (const status of [200, 404, 429, 499, 520]) {
      messages.push(written((writer) => writeOutcome({ number: 1 + random.below(6), status, wait: 0, value }, writer)));
    }
    messages.push(written((writer) => writeNotice(random.pick(['chat', 'room', 'x']), value, writer)));
  }
  for (let times = 0; times < 20; times += 1) {
    const value = valueBytes(action.answer.schema, ANSWER);
    messages.push(written((writer) => writeOutcome({ number: 1, status: 200, wait: 0, value }, writer)));
  }
  for (const epoch of [7n, 8n]) messages.push(written((writer) => writeGreeting(epoch, writer)));
  for (let number = 1; number <= 6; number += 1) {
    for (const status of [200, 200, 409, 429, 500]) {
      const size = random.pick([CONTENT.length, CONTENT.length, 0, 2 ** 40]);
      messages.push(written((w) => w.u8(22).u32(number).u16(status).u32(0).bytes(sha256(CONTENT)).u53(size).zeros(64)));
    }
    for (let offset = 0; offset < CONTENT.length; offset += 8000) {
      const bytes = CONTENT.subarray(offset, offset + 8000);
      messages.push(written((writer) => writer.u8(24).u32(number).u53(offset).bytes(bytes)));
    }
  }
  return messages;
}

function mutated(random: Seeded, from: Uint8Array): Uint8Array {
  const bytes = [...from];
  for (let times = 1 + random.below(4); times > 0; times -= 1) {
    const at = random.below(Math.min(bytes.length, 64) + 1);
    const kind = random.below(4);
    if (kind === 0) bytes.splice(at, random.below(6));
    else if (kind === 1) bytes.splice(at, 0, ...random.bytes(random.below(6)));
    else if (at < bytes.length) bytes[at] = kind === 2 ? random.below(256) : random.pick([0, 0x0f, 0x10, 0x11, 0x7f, 0x80, 0xff]);
  }
  return Uint8Array.from(bytes);
}

test('random and mutated values are read or refused, and what is read is written again', () => {
  const random = new Seeded(1);
  const seeds = valueSeeds();
  let read = 0;
  for (let times = 0; times < 20_000 * ROUNDS; times += 1) {
    const bytes = random.chance(0.1) ? random.bytes(random.below(40)) : mutated(random, random.pick(seeds));
    const value = readValue(bytes);
    if (!value) continue;
    read += 1;
    // A schema has one encoding, and so have data. Only -0 is another number for the same bytes.
    if (bytes.length > 0) assert.equal(toHex(valueBytes(value.schema, value.data)), toHex(bytes));
    try {
      valueAs(action.answer, value);
    } catch (error) {
      assert.ok(error instanceof RangeError);
    }
  }
  assert.ok(read > 1000, `${read} values`);
});

test('a few bytes of a value do not fill the memory', () => {
  const before = process.memoryUsage().heapUsed;
  const many = new Writer().u8(0x0f).u8(0x11).varint(64);
  for (let at = 0; at < 64; at += 1) many.varint(2).utf8(`f${String.fromCharCode(97 + (at % 26))}${at}`.slice(0, 2)).u8(1);
  assert.equal(readValue(many.copy()), undefined);
  const list = new Writer().u8(0x0f).u8(0x03).varint(2 ** 40).zeros(100);
  assert.equal(readValue(list.copy()), undefined);
  const full = valueBytes(v.list(v.u8).schema, new Array(8191).fill(0));
  for (let times = 0; times < 100; times += 1) assert.ok(readValue(full));
  assert.equal(readValue(new Writer().u8(0x0f).u8(0x03).varint(8192).zeros(8192).copy()), undefined);
  assert.ok(process.memoryUsage().heapUsed - before < 100e6);
});

test('a server that sends anything ends calls and downloads at most, and fills no memory', async () => {
  const before = process.memoryUsage();
  let [answered, failed, notices] = [0, 0, 0];
  for (let seed = 1; seed <= 6 * ROUNDS; seed += 1) {
    const random = new Seeded(seed);
    const messages = corpus(random);
    const greeting = written((writer) => writeGreeting(7n, writer));
    let now = 0;
    const clock = (): number => now;
    let calls = 0;
    /** The numbers of the last downloads that were opened. */
    const numberOf = new Map<number, number>();
    const client = { presences: 1, isInWorld: true, isConnected: true };
    const services = new Services(client, { clock, onNotice: () => (notices += 1) });
    const downloads = new Downloads(client, { clock });
    const settled = (promise: Promise<unknown>): void => {
      promise.then(() => (answered += 1), (error: unknown) => {
        assert.ok(error instanceof ServiceError, String(error));
        failed += 1;
      });
    };
    for (let at = 0; at < 1500; at += 1) {
      now += random.below(40);
      for (; services.open < 20; calls += 1) settled(services.call(action, { item: at }, { deadline: 1 + random.below(40_000) }));
      if (downloads.open < 4) settled(downloads.get(`x/${at}`, { bytesMax: 1 << 20 }));
      if (random.chance(0.01)) client.presences += 1;
      const message = random.chance(0.3) ? random.pick(messages).slice() : mutated(random, random.pick(messages));
      // Many are about a call or a download that is open, after a Greeting.
      if (random.chance(0.05)) services.received(greeting);
      if (random.chance(0.7) && message.length > 5) {
        const newest = message[0] === 19 ? calls : (numberOf.get(random.below(4)) ?? 1);
        new DataView(message.buffer).setUint32(1, Math.max(1, newest - random.below(message[0] === 19 ? 20 : 1)), true);
      }
      if (!services.received(message)) downloads.received(message);
      const send = (_: number, bytes: Uint8Array): SendResult => {
        if (bytes[0] === 21) numberOf.set(random.below(4), new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true));
        return random.chance(0.9) ? 'queued' : 'full';
      };
      const port = { roundTrip: 0, send };
      services.update(port);
      downloads.update(port);
      if (at % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    services.close();
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(answered > 50 && failed > 100 && notices > 10, `${answered} answered, ${failed} failed, ${notices} notices`);
  const grown = process.memoryUsage().arrayBuffers - before.arrayBuffers;
  assert.ok(grown < 100e6, `${grown}`);
});

test('a door that answers anything makes a promise reject with a ServiceError, and nothing else', async () => {
  const random = new Seeded(5);
  const seeds = [
    '{"account":7,"name":"Ann","session":2,"token":"abc","expires":5}', '{"status":409,"error":"no","wait_ms":0}',
    `{"address":":3565","expires":5,"server_key":"${'ab'.repeat(32)}","ticket":"AQI"}`, '{"sessions":[]}', 'null', '[1]', '"x"', '{}',
    '{"all":[{"name":"a","at":[1],"note":"AQ","count":"5"}],"more":true}',
  ];
  const mutatedText = (): string => {
    const text = random.pick(seeds);
    const at = random.below(text.length + 1);
    return random.chance(0.3) ? text : text.slice(0, at) + random.pick(['', '"', '{', '-1', 'null,', '\u{1f600}']) + text.slice(at + random.below(6));
  };
  const door = new Door('https://door.example', {
    fetch: async () => new Response(mutatedText(), { status: random.pick([200, 200, 201, 400, 409, 500]) }),
  });
  let good = 0;
  for (let times = 0; times < 600 * ROUNDS; times += 1) {
    const asks = [
      () => door.logIn({ email: 'a', password: 'b' }), () => door.resume('t'), () => door.ticket(), () => door.sessions(),
      () => door.call(action, { item: 1 }),
    ];
    try {
      await random.pick<() => Promise<unknown>>(asks)();
      good += 1;
    } catch (error) {
      assert.ok(error instanceof ServiceError, String(error));
    }
  }
  assert.ok(good > 10, `${good} answers`);
});
