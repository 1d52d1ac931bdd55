import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { readAck, writeAck } from '../../src/wire/ack.js';
import { isReliable } from '../../src/wire/channels.js';
import { writeFragment } from '../../src/wire/fragment.js';
import { type Frame, FrameKind, readFrames, writeFrame, writeWhole } from '../../src/wire/frames.js';
import { coreOf, coreRequest, generationOf, readHeader, slotOf } from '../../src/wire/header.js';
import { readAnswer, readParameters, Suite, writeConnect } from '../../src/wire/handshake.js';
import { Seeded } from '../seeded.js';
import { field, fromHex, toHex, vector, vectorNames } from '../vectors.js';

test('a header is read as in the vector', () => {
  const of = vector('header');
  const header = readHeader(new Reader(field(of, 'header')));
  assert.equal(coreOf(header.id), field(of, 'core')[0]);
  assert.equal(generationOf(header.id), field(of, 'generation')[0]);
  assert.equal(slotOf(header.id), new Reader(field(of, 'slot')).u16());
  assert.equal(header.flags, 3);
  assert.deepEqual(header.tail, field(of, 'sequence'));
});

for (const name of vectorNames('handshake')) {
  test(`Connects and parameters are those of ${name}`, () => {
    const of = vector(name);
    const connect = {
      id: of.has('core') ? coreRequest(field(of, 'core')[0]!) : 0,
      suites: field(of, 'suites')[0]!,
      options: field(of, 'options')[0]!,
      noise: field(of, 'noise_1'),
    };
    const writer = new Writer();
    writeConnect(writer, { ...connect, cookie: new Uint8Array(48) });
    assert.equal(toHex(writer.written()), of.get('connect_first'));
    writer.clear();
    writeConnect(writer, { ...connect, cookie: field(of, 'cookie') });
    assert.equal(toHex(writer.written()), of.get('connect'));

    const answer = readAnswer(field(of, 'accepted'), connect.noise.subarray(0, 8));
    assert.equal(answer?.type, 'accepted');
    assert.deepEqual(answer.noise, field(of, 'noise_2'));
    const isResumed = name === 'handshake-resume';
    const parameters = readParameters(field(of, 'parameters'), connect.suites, isResumed);
    assert.ok(parameters);
    assert.equal(parameters.id, new Reader(field(of, 'connection')).u32());
    assert.equal(parameters.suite, field(of, 'suite')[0]);
    assert.equal(parameters.resumed, isResumed);
    assert.equal(parameters.heartbeat, 5000);
    assert.equal(parameters.timeout, 15000);
  });
}

test('parameters with a value that is not allowed are not authentic', () => {
  const good = field(vector('handshake-nkpsk2'), 'parameters');
  const changed = (at: number, ...values: number[]): Uint8Array => {
    const bytes = good.slice();
    bytes.set(values, at);
    return bytes;
  };
  assert.ok(readParameters(good, 1, false));
  assert.ok(readParameters(changed(5, 1), 1, true));
  const bad = [
    changed(1, 0), changed(4, 0), changed(4, 2), changed(4, 3), changed(5, 1), changed(5, 2), changed(6, 0xc1),
    changed(8, 0, 0, 0, 0), changed(12, 0x88, 0x13, 0, 0), good.subarray(0, 15), Uint8Array.from([...good, 0]),
  ];
  for (const bytes of bad) assert.equal(readParameters(bytes, 1, false), undefined, toHex(bytes));
  assert.equal(readParameters(changed(4, 3), 3, false), undefined, 'two suites');
  assert.equal(readParameters(changed(5, 2), 1, true), undefined);
});

test('answers are read as in the vectors, and no damaged one is', () => {
  const names = ['cookie', 'accepted-envelope', ...vectorNames('denied-')];
  for (const name of names) {
    const of = vector(name);
    const [datagram, tag] = [field(of, 'datagram'), field(of, 'tag')];
    const answer = readAnswer(datagram, tag);
    assert.ok(answer, name);
    if (answer.type === 'cookie') assert.deepEqual(answer.cookie, field(of, 'cookie'));
    if (answer.type === 'accepted') assert.deepEqual(answer.noise, field(of, 'noise'));
    if (answer.type === 'denied') {
      assert.equal(answer.reason, field(of, 'reason')[0]);
      assert.equal(answer.version, 1);
      assert.equal(answer.wait, new Reader(field(of, 'wait_ms')).u16());
    }
    assert.equal(readAnswer(datagram, fromHex('3132333435363739')), undefined);
    for (let at = 0; at < datagram.length; at += 1) {
      const damaged = datagram.slice();
      damaged[at]! ^= 0x10;
      assert.equal(readAnswer(damaged, damaged.subarray(6, 14)), undefined, `${name}, byte ${at}`);
      assert.equal(readAnswer(datagram.subarray(0, at), tag), undefined);
    }
  }
});

test('frames are read and written as in the vectors', () => {
  const of = vector('frames');
  const value = field(of, 'value');
  const only = (key: string): Frame => {
    const result = readFrames(field(of, key));
    assert.equal(result.bad, 0, key);
    assert.equal(result.frames.length, 1, key);
    return result.frames[0]!;
  };
  for (const [key, kind, code] of [
    ['path_challenge', 'pathChallenge', FrameKind.PathChallenge],
    ['path_response', 'pathResponse', FrameKind.PathResponse],
    ['ping', 'ping', FrameKind.Ping],
    ['pong', 'pong', FrameKind.Pong],
  ] as const) {
    assert.deepEqual(only(key), { kind, value });
    const writer = new Writer();
    writeFrame(writer, code, value);
    assert.equal(toHex(writer.written()), of.get(key));
  }
  for (const [key, line] of of) {
    if (key.startsWith('disconnect')) {
      assert.deepEqual(only(key), { kind: 'disconnect', reason: parseInt(line.slice(4), 16) });
    }
  }
  assert.deepEqual(only('new_id'), { kind: 'newId', id: new Reader(field(of, 'id')).u32() });
  const challenge = { kind: 'integrityChallenge', index: 7, nonce: field(of, 'nonce') };
  assert.deepEqual(only('integrity_challenge'), challenge);
  assert.equal(only('integrity_answer').kind, 'integrityAnswer');
  assert.deepEqual(only('rekey_request'), { kind: 'rekeyRequest', key: field(of, 'public_key') });
  const requestStart = field(of, 'public_key').subarray(0, 8);
  assert.deepEqual(only('rekey_response'), { kind: 'rekeyResponse', requestStart, key: field(of, 'public_key') });
  assert.equal(only('probe').kind, 'probe');
  assert.equal(only('probe_empty').kind, 'probe');
});

test('messages are read and written as in the vectors', () => {
  const of = vector('messages');
  const text = field(of, 'text');
  for (let channel = 0; channel < 16; channel += 1) {
    const number = channel % 4 === 0 ? 0 : 0x0102;
    const expected = { kind: 'message', channel, number, compressed: false, bytes: text };
    assert.deepEqual(readFrames(field(of, `channel_${channel}`)).frames, [expected]);
    const writer = new Writer();
    writeWhole(writer, channel, number, false, text);
    assert.equal(toHex(writer.written()), of.get(`channel_${channel}`));
    assert.equal(isReliable(channel), channel % 4 === 1 || channel % 4 === 2);
  }
  assert.deepEqual(readFrames(field(of, 'empty_0')).frames.length, 1);
  assert.deepEqual(readFrames(field(of, 'empty_1')).frames.length, 1);
});

for (const name of ['frames-bad', 'frames-truncated', 'frames-end', 'frames-odd']) {
  test(`bad frames are skipped as in ${name}`, () => {
    const of = vector(name);
    const { frames, bad, violation } = readFrames(field(of, 'plaintext'));
    assert.ok(!violation);
    // Whether a frame comes in the wrong direction is for the connection to judge.
    const isBad = (frame: Frame): boolean => frame.kind === 'integrityAnswer';
    assert.equal(bad + frames.filter(isBad).length, field(of, 'bad')[0]);
    const messages = frames.filter((frame) => frame.kind === 'message').map((frame) => toHex(frame.bytes));
    assert.deepEqual(messages, ['message_1', 'message_2'].flatMap((key) => of.get(key) ?? []));
  });
}

test('fragments are read and written as in the vectors', () => {
  const of = vector('fragments');
  for (const [key, whole] of [
    ['reliable_1', 'message'], ['reliable_2', 'message'], ['reliable_again', 'message'], ['unreliable_1', 'message'],
    ['unreliable_2', 'message'], ['sequenced_1', 'message'], ['sequenced_2', 'message'],
    ['compressed_1', 'compressed'], ['compressed_2', 'compressed'],
  ] as const) {
    const { frames, bad } = readFrames(field(of, key));
    assert.equal(bad, 0);
    const frame = frames[0];
    assert.equal(frame?.kind, 'fragment');
    const { offset, size, piece, compressed } = frame.fragment;
    assert.equal(size, field(of, whole).length);
    assert.equal(compressed, whole === 'compressed');
    assert.deepEqual(piece, field(of, whole).subarray(offset, offset + piece.length));
    const body = new Writer();
    writeFragment(body, frame.fragment);
    const writer = new Writer();
    writeFrame(writer, FrameKind.Fragment, body.written());
    assert.equal(toHex(writer.written()), of.get(key));
  }
});

function rangesOf(bytes: Uint8Array): { first: number; last: number }[] {
  const reader = new Reader(bytes);
  const ranges = [];
  while (reader.remaining > 0) ranges.push({ first: Number(reader.u64()), last: Number(reader.u64()) });
  return ranges;
}

for (const name of vectorNames('ack-').filter((each) => each !== 'ack-bad')) {
  test(`the acknowledgment of ${name} is read and written`, () => {
    const of = vector(name);
    const body = field(of, 'frame').subarray(2);
    const ack = readAck(body);
    if (name === 'ack-whole-window') {
      assert.equal(ack, undefined, 'a client never sends so many datagrams, so it is a violation at every client');
      return;
    }
    assert.ok(ack);
    const ranges = rangesOf(field(of, 'received'));
    assert.deepEqual(ack.ranges, ranges);
    const isReceived = (sequence: number): boolean =>
      ranges.some(({ first, last }) => first <= sequence && sequence <= last);
    const writer = new Writer();
    writeAck(writer, ack.largest, ack.delay, isReceived, 600);
    assert.equal(toHex(writer.written()), toHex(body));
  });
}

test('impossible acknowledgments are violations', () => {
  for (const [key, line] of vector('ack-bad')) {
    const result = readFrames(fromHex(line));
    const tooHigh = result.frames.some((frame) => frame.kind === 'ack' && frame.ack.largest > 2 ** 40);
    assert.ok(result.violation || tooHigh, key);
  }
});

test('any set of received sequences survives an acknowledgment, as far as its runs reach', () => {
  const random = new Seeded(7);
  for (let round = 0; round < 300; round += 1) {
    const largest = 1 + random.below(round < 100 ? 20 : 2000);
    const share = random.next();
    const received = new Set<number>([largest]);
    for (let sequence = 1; sequence < largest; sequence += 1) if (random.chance(share)) received.add(sequence);
    const writer = new Writer();
    const bytesMax = 10 + random.below(600);
    writeAck(writer, largest, random.next() * 600, (sequence) => received.has(sequence), bytesMax);
    assert.ok(writer.length <= bytesMax);
    const ack = readAck(writer.written());
    assert.ok(ack);
    const told = new Set<number>();
    for (const { first, last } of ack.ranges) for (let at = first; at <= last; at += 1) told.add(at);
    for (const sequence of told) assert.ok(received.has(sequence));
    if (bytesMax < 530) continue;
    for (let at = Math.max(1, largest - 512); at <= largest; at += 1) assert.equal(told.has(at), received.has(at));
  }
});

test('only ChaCha20-Poly1305 has bit 1', () => {
  assert.deepEqual(Suite, { ChaCha20Poly1305: 1, Aes128Gcm: 2 });
});
