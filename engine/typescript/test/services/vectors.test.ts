/** The vectors of PROTOCOL.md#vectors-services, and values of all types, both ways. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import {
  isResourceName, readOpened, readPiece, signedBytes, writeFetch, writeOpen, writeStop,
} from '../../src/services/downloads/messages.js';
import {
  isPath, readGreeting, readNotice, readOutcome, SERVICE_KINDS, writeCall, writeCancel, writeHello,
} from '../../src/services/messages.js';
import { valueAs, values as v, type ValueType, type WrittenValue } from '../../src/services/index.js';
import { readValue, valueBytes } from '../../src/services/values/data.js';
import { fromJson, toJson } from '../../src/services/values/json.js';
import { schemaInWords } from '../../src/services/values/schema.js';
import { field, fromHex, toHex, vector } from '../vectors.js';
import { readCall, writeGreeting, writeNotice, writeOutcome } from './messages.js';

const KIND = 'services-vector';

/** The record of the vector `value`: a field of each type. */
const everything = v.record({
  flag: v.bool, tiny: v.u8, small: v.u16, number: v.u32, large: v.u64,
  down: v.i8, slope: v.i16, debt: v.i32, clock: v.i64,
  speed: v.f32, ratio: v.f64, name: v.text, key: v.bytes, steps: v.list(v.u16),
  absent: v.optional(v.u8), present: v.optional(v.u8), inner: v.record({ nothing: v.nothing, on: v.bool }),
});

function written(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return toHex(writer.copy());
}

function number(of: ReadonlyMap<string, string>, key: string): number {
  return new Reader(Uint8Array.from([...field(of, key), 0, 0, 0])).u32();
}

test('a record with a field of each type has the bytes of the document, both ways', () => {
  const expected = vector('value', KIND);
  const bytes = field(expected, 'value');
  const value = readValue(bytes)!;
  const read = valueAs(everything, value);
  assert.deepEqual(read, {
    flag: true, tiny: 7, small: 0x0201, number: 0x04030201, large: 2n ** 64n - 1n,
    down: -1, slope: -32768, debt: -2, clock: -(2n ** 63n),
    speed: Math.fround(0.1), ratio: -0.5, name: 'Zoë', key: Uint8Array.of(0xfb, 0xff, 0x00), steps: [1, 300],
    absent: null, present: 9, inner: { nothing: null, on: false },
  });
  assert.equal(toHex(valueBytes(everything.schema, read)), expected.get('value'));
  assert.ok(expected.get('value')!.startsWith(expected.get('schema')!));
  assert.equal(schemaInWords(v.record({ at: v.list(v.f32), note: v.optional(v.text) }).schema), '{ at: list of f32, note: optional text }');
  const json = JSON.parse(JSON.stringify(toJson(everything.schema, read))) as unknown;
  assert.deepEqual(fromJson(everything.schema, json), read);
});

test('what is no value is refused', () => {
  for (const [name, hex] of vector('values-bad', KIND)) assert.equal(readValue(fromHex(hex)), undefined, name);
  assert.equal(readValue(Uint8Array.of(0x01, 0x00)), undefined);
  assert.deepEqual(readValue(new Uint8Array(0)), { schema: { is: 'nothing' }, data: null });
  const deep = (depth: number): Uint8Array => Uint8Array.of(...Array<number>(depth - 1).fill(0x0f), 0x03, 0x00);
  assert.notEqual(readValue(deep(8)), undefined);
  assert.equal(readValue(deep(9)), undefined);
});

test('messages have the bytes of the document', () => {
  const call = vector('call', KIND);
  const message = field(call, 'message');
  const read = readCall(message)!;
  const expected = { number: number(call, 'number'), oldest: number(call, 'oldest'), deadline: number(call, 'deadline') };
  assert.deepEqual({ number: read.number, oldest: read.oldest, deadline: read.deadline }, expected);
  assert.equal(written((writer) => writeCall(read, writer)), toHex(message));
  assert.equal(written((writer) => writer.u64(read.epoch).utf8(read.path)), `${call.get('epoch')}${call.get('path')}`);
  const useItem = v.record({ item: v.u32, note: v.optional(v.text) });
  assert.equal(toHex(valueBytes(useItem.schema, { item: 7 })), call.get('request'));

  const outcome = vector('outcome', KIND);
  const answered = readOutcome(field(outcome, 'message'))!;
  assert.deepEqual([answered.number, answered.status, answered.wait], [258, 429, 1500]);
  assert.equal(toHex(answered.value), outcome.get('answer'));
  assert.equal(written((writer) => writeOutcome(answered, writer)), outcome.get('message'));

  const services = vector('services', KIND);
  assert.equal(written((writer) => writeHello(field(services, 'instance'), writer)), services.get('hello'));
  const epoch = readGreeting(field(services, 'greeting'))!;
  assert.equal(written((writer) => writeGreeting(epoch, writer)), services.get('greeting'));
  assert.equal(written((writer) => writer.u64(epoch)), services.get('epoch'));
  assert.equal(written((writer) => writeCancel(number(services, 'number'), writer)), services.get('cancel'));
  const notice = readNotice(field(services, 'message'))!;
  assert.deepEqual([notice.topic, valueAs(v.text, notice.value)], ['chat', 'hi']);
  assert.equal(written((writer) => writeNotice('chat', field(services, 'notice'), writer)), services.get('message'));
});

test('a client drops each bad message, and sends none', () => {
  for (const [name, hex] of vector('services-bad', KIND)) {
    const message = fromHex(hex);
    if (message[0] === SERVICE_KINDS.greeting) assert.equal(readGreeting(message), undefined, name);
    else if (message[0] === SERVICE_KINDS.outcome) assert.equal(readOutcome(message), undefined, name);
    else if (message[0] === SERVICE_KINDS.notice) assert.equal(readNotice(message), undefined, name);
    else if (message[0] === SERVICE_KINDS.call) assert.equal(readCall(message), undefined, name);
  }
  for (const path of ['/', 'a/b', '/A', '/ä', `/${'a'.repeat(64)}`, '', '/a b']) assert.ok(!isPath(path), path);
  for (const path of ['/a', '/v1/x-y_z', `/${'a'.repeat(63)}`]) assert.ok(isPath(path), path);
  const long = new Uint8Array(16_385);
  long.set([SERVICE_KINDS.outcome, 1, 0, 0, 0, 200, 0, 0, 0, 0, 0]);
  assert.equal(readOutcome(long), undefined);
  assert.notEqual(readOutcome(long.subarray(0, 16_384)), undefined);
});

test('a value that does not fit its type is not written, and the error names the part', () => {
  const bad: [ValueType<unknown, never>, unknown, RegExp][] = [
    [v.u8, 256, /u8/], [v.u8, -1, /u8/], [v.u8, 1.5, /u8/], [v.u8, 1n, /1n/], [v.i8, -129, /i8/], [v.u32, 2 ** 32, /u32/],
    [v.u64, -1n, /u64/], [v.i64, 1n << 63n, /i64/], [v.u64, 1, /u64/], [v.f32, 1e39, /f32/], [v.f64, NaN, /f64/],
    [v.text, 1, /text/], [v.bytes, [1], /bytes/], [v.bool, 0, /bool/], [v.nothing, 1, /nothing/],
    [v.list(v.u8), [1, 256], /^\[1\]: expected u8, got 256/],
    [v.record({ a: v.record({ b: v.u8 }) }), { a: {} }, /^a\.b: expected u8, got nothing/],
    [v.record({ constructor: v.text }), {}, /constructor/],
    [v.list(v.u8), new Array(8192).fill(0), /parts/],
  ];
  for (const [type, value, words] of bad) {
    const error = (() => {
      try {
        return void valueBytes(type.schema, value);
      } catch (thrown) {
        return thrown;
      }
    })();
    assert.ok(error instanceof RangeError && words.test(error.message), `${schemaInWords(type.schema)}: ${String(error)}`);
  }
  assert.throws(() => v.list(v.nothing), RangeError);
  assert.throws(() => v.list(v.record({})), RangeError);
  assert.throws(() => v.optional(v.optional(v.u8)), RangeError);
  assert.throws(() => v.record({ A: v.u8 }), RangeError);
  assert.throws(() => v.record(Object.fromEntries(Array.from({ length: 65 }, (_, at) => [`f${at}`, v.u8]))), RangeError);
  assert.throws(() => v.list(v.list(v.list(v.list(v.list(v.list(v.list(v.list(v.u8)))))))), RangeError);
});

test('an answer is read by the names of its fields', () => {
  const old = v.record({ left: v.u32, note: v.optional(v.text) });
  const other = v.record({ more: v.bytes, left: v.u32 });
  const value = readValue(valueBytes(other.schema, { more: Uint8Array.of(1), left: 5 } satisfies WrittenValue<typeof other>))!;
  assert.deepEqual(valueAs(old, value), { left: 5, note: null });
  assert.throws(() => valueAs(v.record({ right: v.u32 }), value), /right: the field is absent/);
  assert.throws(() => valueAs(v.record({ left: v.u64 }), value), /left: expected u64, got u32/);
  assert.equal(valueAs(v.nothing, readValue(valueBytes(v.record({}).schema, {}))!), null);
});

test('messages of downloads have the bytes of the document, and bad ones are dropped', async () => {
  const downloads = vector('downloads', KIND);
  const [download, hash, bytes] = [number(downloads, 'download'), field(downloads, 'hash'), field(downloads, 'content')];
  const [offset, size] = [new Reader(field(downloads, 'offset')).u53(), new Reader(field(downloads, 'size')).u53()];
  const name = new TextDecoder().decode(field(downloads, 'name'));
  assert.equal(written((writer) => writeOpen(download, name, writer)), downloads.get('open'));
  assert.equal(
    written((writer) => writeFetch(download, hash, offset, number(downloads, 'length'), writer)),
    downloads.get('fetch'),
  );
  assert.equal(written((writer) => writeStop(download, writer)), downloads.get('stop'));
  const signed = signedBytes(name, size, hash);
  assert.equal(toHex(signed), downloads.get('signed'));
  const key = await crypto.subtle.importKey('raw', field(downloads, 'public_key'), 'Ed25519', false, ['verify']);
  assert.ok(await crypto.subtle.verify('Ed25519', key, field(downloads, 'signature'), Buffer.from(signed)));
  const opened = { download, status: 200, wait: 0, hash, size, signature: field(downloads, 'signature') };
  assert.deepEqual(readOpened(field(downloads, 'opened')), opened);
  const refused = { download, status: 503, wait: 1500, hash: new Uint8Array(32), size: 0, signature: new Uint8Array(64) };
  assert.deepEqual(readOpened(field(downloads, 'refused')), refused);
  assert.deepEqual(readPiece(field(downloads, 'piece')), { download, offset, bytes });
  const bad = vector('downloads-bad', KIND);
  for (const [key, hex] of bad) {
    assert.equal(readOpened(fromHex(hex)), undefined, key);
    assert.equal(readPiece(fromHex(hex)), undefined, key);
  }
  const names = [...bad.keys()].filter((key) => /^open_(?!short|long)/.test(key));
  for (const key of names) assert.ok(!isResourceName(new TextDecoder().decode(field(bad, key).subarray(6))), key);
  assert.equal(names.length, 7);
});
