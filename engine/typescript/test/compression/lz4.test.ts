import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compress, decompress } from '../../src/compression/lz4.js';
import { Seeded } from '../seeded.js';
import { field, fromHex, vector } from '../vectors.js';

test('messages decompress as in the vectors', () => {
  const of = vector('compressed');
  assert.deepEqual(decompress(field(of, 'literals')), field(of, 'message'));
  assert.deepEqual(decompress(field(of, 'matched')), field(of, 'message'));
  assert.deepEqual(decompress(fromHex('0000000000')), new Uint8Array(0));
  const fragments = vector('fragments');
  assert.deepEqual(decompress(field(fragments, 'compressed')), field(fragments, 'compressed_message'));
});

test('blocks that break the rules are refused', () => {
  for (const [key, line] of vector('compressed-bad')) assert.equal(decompress(fromHex(line)), undefined, key);
  const bad = {
    nothing: '', no_block: '00000000', size_without_block: '01000000',
    end_after_match: '090000001061010005',
    offset_0: '0e00000010610000a05050505050505050505050',
    few_literals_last: '120000001061010000' + '4061626364',
    match_near_end: '0f00000010610100' + '60616263646566',
  };
  for (const [key, line] of Object.entries(bad)) assert.equal(decompress(fromHex(line)), undefined, key);
});

test('what is compressed decompresses to the same, and is shorter', () => {
  const random = new Seeded(3);
  let shorter = 0;
  for (let round = 0; round < 400; round += 1) {
    const length = random.below(round % 20 === 0 ? 65537 : 3000);
    const alphabet = 1 + random.below(255);
    const message = new Uint8Array(length).map(() => random.below(alphabet));
    for (let copies = random.below(20); copies > 0 && length > 100; copies -= 1) {
      const [from, to, size] = [random.below(length - 60), random.below(length - 60), random.below(60)];
      message.copyWithin(to, from, from + size);
    }
    const compressed = compress(message);
    if (!compressed) continue;
    shorter += 1;
    assert.ok(compressed.length < message.length);
    assert.deepEqual(decompress(compressed), message);
  }
  assert.ok(shorter > 150, `${shorter}`);
  const zeros = compress(new Uint8Array(65536));
  assert.ok(zeros && zeros.length < 400);
});

test('random and damaged blocks do not throw and give at most what they declare', () => {
  const random = new Seeded(4);
  const text = compress(new TextEncoder().encode('the quick brown fox '.repeat(60)))!;
  for (let round = 0; round < 20000; round += 1) {
    const bytes = round % 2 === 0 ? random.bytes(random.below(80)) : text.slice();
    if (round % 2 === 1) for (let flips = 1 + random.below(3); flips > 0; flips -= 1) bytes[random.below(bytes.length)] = random.below(256);
    else if (bytes.length > 4) bytes.set([random.below(100), 0, 0, 0]);
    const message = decompress(bytes);
    if (message) assert.ok(message.length <= 65536);
  }
});
