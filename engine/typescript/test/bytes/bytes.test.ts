import assert from 'node:assert/strict';
import { test } from 'node:test';

import { crc32c } from '../../src/bytes/crc32c.js';
import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { Seeded } from '../seeded.js';

test('the checksum of 123456789 is the one in the document, whole and in two pieces', () => {
  const bytes = new TextEncoder().encode('123456789');
  assert.equal(crc32c(bytes), 0xe3069283);
  assert.equal(crc32c(bytes.subarray(4), crc32c(bytes.subarray(0, 4))), 0xe3069283);
  assert.equal(crc32c(new Uint8Array(0)), 0);
});

test('what is written is read again, at every width', () => {
  const writer = new Writer(1);
  writer.u8(255).u16(0xfffe).u32(0xfffffffd).u64(0xfffffffffffffffcn).u53(2 ** 53 - 1);
  writer.i8(-128).i16(-32768).i32(-2147483648).i64(-(2n ** 63n)).f32(-1.5).f64(Math.PI).zeros(3).utf8('grüß');
  const reader = new Reader(writer.copy());
  assert.deepEqual([reader.u8(), reader.u16(), reader.u32()], [255, 0xfffe, 0xfffffffd]);
  assert.equal(reader.u64(), 0xfffffffffffffffcn);
  assert.equal(reader.u53(), 2 ** 53 - 1);
  assert.deepEqual([reader.i8(), reader.i16(), reader.i32()], [-128, -32768, -2147483648]);
  assert.equal(reader.i64(), -(2n ** 63n));
  assert.deepEqual([reader.f32(), reader.f64()], [-1.5, Math.PI]);
  assert.deepEqual([...reader.bytes(3)], [0, 0, 0]);
  assert.equal(reader.utf8(6), 'grüß');
  assert.ok(reader.complete);
});

test('a varint takes as few bytes as it needs, and no other form is read', () => {
  const random = new Seeded(1);
  for (let round = 0; round < 5000; round += 1) {
    const value = Math.floor(2 ** (random.next() * 53));
    const bytes = new Writer().varint(value).copy();
    assert.deepEqual(new Writer().varint64(BigInt(value)).copy(), bytes);
    assert.equal(bytes.length, Math.max(1, Math.ceil(value.toString(2).length / 7)));
    assert.equal(new Reader(bytes).varint(), value);
    assert.equal(new Reader(bytes).varint64(), BigInt(value));
  }
  for (const bad of [[0x80], [0x80, 0], [], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]]) {
    for (const read of [(reader: Reader) => reader.varint(), (reader: Reader) => reader.varint64()]) {
      const reader = new Reader(Uint8Array.from(bad));
      read(reader);
      assert.ok(reader.failed, `${bad}`);
    }
  }
  const largest = new Reader(Uint8Array.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]));
  assert.equal(largest.varint64(), 2n ** 64n - 1n);
  const unsafe = new Reader(new Writer().varint64(2n ** 53n).copy());
  unsafe.varint();
  assert.ok(unsafe.failed);
});

test('a read past the end fails, gives nothing, and everything after it fails too', () => {
  const reader = new Reader(Uint8Array.from([1, 2, 3]));
  assert.equal(reader.u16(), 0x0201);
  assert.equal(reader.u16(), 0);
  assert.ok(reader.failed);
  assert.equal(reader.u8(), 0);
  assert.equal(reader.bytes(1).length, 0);
  for (const length of [-1, NaN, Infinity, 4]) {
    const other = new Reader(Uint8Array.from([1, 2, 3]));
    assert.equal(other.bytes(length).length, 0, `${length}`);
    assert.ok(other.failed);
  }
});

test('text that is not UTF-8 fails, and a byte order mark stays', () => {
  const bad = new Reader(Uint8Array.from([0xc3, 0x28]));
  assert.equal(bad.utf8(2), '');
  assert.ok(bad.failed);
  assert.equal(new Reader(Uint8Array.from([0xef, 0xbb, 0xbf])).utf8(3), '\ufeff');
});
