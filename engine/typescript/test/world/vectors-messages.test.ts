/** The vectors of PROTOCOL.md#vectors-world-messages for inputs, snapshots, asks, answers and events. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { entityId, NO_ENTITY, View, type OwnOf, type ShownOf, type Type } from '../../src/world/index.js';
import { entityId as makeId } from '../../src/world/entity.js';
import { readAnswer, readEvent, writeAsk, writeEvent } from '../../src/world/messages/ask.js';
import { readChangeServer } from '../../src/world/messages/change_server.js';
import { writeInputs } from '../../src/world/messages/input.js';
import { readEntryHead, readOwner, readSnapshotHeader, type Owner } from '../../src/world/messages/snapshot.js';
import type { Acknowledgment } from '../../src/world/received.js';
import { blankState, readState, writeWhole, type State } from '../../src/world/state.js';
import { field, fromHex, toHex, vector, vectorNames, type Vector } from '../vectors.js';
import { example, type Example } from './example.js';
import { readAsk, readInputs, writeAnswer, writeSnapshotHead } from './server/messages.js';
import { writeDifference, writeFull, writeGone } from './server/states.js';

type Own = OwnOf<Example>;
type Shown = ShownOf<Example>;

const { input, own, shown, ask, answer, event } = example;

function written(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return toHex(writer.copy());
}

function number(of: Vector, key: string): number {
  return new Reader(Uint8Array.from([...field(of, key), 0, 0, 0])).u32();
}

function whole<T>(type: Type<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = type.read(reader);
  assert.ok(reader.complete);
  return value;
}

function receivedOf(of: Vector, key = 'received'): Acknowledgment {
  const reader = new Reader(field(of, key));
  return { newest: reader.u16(), low: reader.u32(), high: reader.u32() };
}

function stateOf(bytes: Uint8Array): State<Shown> {
  const r = new Reader(bytes);
  const state: State<Shown> = {
    position: [r.u32(), r.u32(), r.u32()],
    velocity: [r.i16(), r.i16(), r.i16()],
    rotation: [r.u16(), r.u16(), r.u16()],
    leap: r.u8(),
    shown: shown.read(r),
  };
  assert.ok(r.complete);
  assert.equal(written((writer) => writeWhole(state, writer, shown)), toHex(bytes));
  return state;
}

test('input messages have the bytes of the document, and a server reads them', () => {
  for (const name of ['world-input', 'world-input-none', 'world-input-digest', 'world-input-chain']) {
    const expected = vector(name);
    const inputs = [1, 2, 3]
      .filter((at) => expected.has(`input_${at}`))
      .map((at) => ({ input: whole(input, field(expected, `input_${at}`)), viewDelay: number(expected, `view_delay_${at}`) }));
    const header = {
      received: expected.has('received') ? receivedOf(expected) : undefined,
      digest: expected.has('digest') ? number(expected, 'digest') : undefined,
      tick: number(expected, 'tick'),
    };
    const message = written((writer) => writeInputs(header, inputs, writer, input, input.blank));
    assert.equal(message, expected.get('message'), name);
    const past = written((w) => writeInputs({ ...header, tick: header.tick + 2 ** 32 }, inputs, w, input, input.blank));
    assert.equal(past, message, 'ticks wrap');
    assert.deepEqual(readInputs(fromHex(message), input, input.blank), { ...header, inputs });
  }
  for (const [name, hex] of vector('world-input-bad')) {
    assert.equal(readInputs(fromHex(hex), input, input.blank), undefined, name);
  }
});

test('entries have the bytes of the document, both ways', () => {
  const names = ['world-full', 'world-full-blank', ...vectorNames('world-difference')];
  assert.equal(names.length, 7);
  for (const name of names) {
    const expected = vector(name);
    const [index, version] = [number(expected, 'index'), number(expected, 'version')];
    const state = stateOf(field(expected, 'state'));
    const isFull = expected.has('generation');
    const base = isFull ? blankState(shown.blank) : stateOf(field(expected, 'base'));
    const entry = written((writer) => {
      if (isFull) writeFull(index, number(expected, 'generation'), version, state, writer, shown);
      else writeDifference(index, version, state, number(expected, 'base_version'), base, writer, shown);
    });
    assert.equal(entry, expected.get('entry'), name);
    const reader = new Reader(fromHex(entry));
    const head = readEntryHead(reader);
    assert.deepEqual([head.index, head.version], [index, version % 32]);
    if (isFull) assert.equal(reader.u8(), number(expected, 'generation'));
    assert.deepEqual(readState(base, head.fields, reader, shown), state);
    assert.ok(reader.complete);
  }
  const gone = vector('world-gone');
  assert.equal(written((writer) => writeGone(number(gone, 'index'), writer)), gone.get('entry'));
});

function ownerOf(of: Vector, body: string, state: string): Owner<Own> {
  const id = whole(entityId, field(of, body));
  return { body: id === NO_ENTITY ? null : id, own: whole(own, field(of, state)) };
}

test('owner blocks have the bytes of the document, both ways', () => {
  for (const name of vectorNames('world-owner')) {
    const expected = vector(name);
    const message = field(expected, 'message');
    const [owner, base] = [ownerOf(expected, 'body', 'own'), ownerOf(expected, 'base_body', 'base_own')];
    const reader = new Reader(message);
    const header = readSnapshotHeader(reader);
    assert.deepEqual(readOwner(header, base, reader, own), owner);
    assert.ok(reader.complete);
    assert.equal(written((w) => w.u16(header.number).u32(header.tick)), `${expected.get('number')}${expected.get('tick')}`);
    assert.equal(written((w) => w.i8(header.lead).u8(header.inputAge)), `${expected.get('lead')}${expected.get('input_age')}`);
    assert.equal(header.baseline, number(expected, 'baseline'));
    assert.equal(header.inputInterval, expected.has('input_interval') ? number(expected, 'input_interval') : 1);
    const head = { ...header, lead: header.lead === -128 ? undefined : header.lead };
    assert.equal(written((w) => writeSnapshotHead(head, owner, base, w, own)), toHex(message), name);
  }
});

test('snapshots arrive one after the other, and each digest is the one of the document', () => {
  const expected = vector('world-snapshots');
  const view = newView();
  view.begin(0xfffe);
  assert.equal(view.digest(), 0);
  assert.equal(view.acknowledgment(), undefined);
  assert.equal(view.take(field(expected, 'early'), () => {}), 'old');
  for (const name of ['first', 'second', 'third', 'fourth']) {
    assert.equal(view.take(field(expected, name), () => {}), 'applied', name);
    assert.deepEqual(view.acknowledgment(), receivedOf(expected, `${name}_received`), name);
    assert.equal(view.digest(), number(expected, `${name}_digest`), name);
    assert.deepEqual(view.owner, ownerOf(expected, `${name}_body`, `${name}_own`), name);
    if (name === 'second') assert.equal(view.take(field(expected, 'late'), () => {}), 'old');
  }
  assert.equal(view.tick, 1070);
});

test('a snapshot with a fault changes nothing', () => {
  const first = field(vector('world-snapshots'), 'first');
  for (const [name, hex] of vector('world-snapshot-bad')) {
    const view = newView();
    view.begin(0xfffe);
    view.take(first, () => {});
    const before = view.digest();
    assert.equal(view.take(fromHex(hex), () => assert.fail(name)), 'refused', name);
    assert.deepEqual([view.digest(), view.isExact, view.newest?.number], [before, true, 0xfffe], name);
  }
});

test('what no sender writes but a receiver takes is applied', () => {
  const unusual = vector('world-snapshot-unusual');
  const names = [...unusual.keys()].filter((name) => !name.endsWith('_digest'));
  assert.equal(names.length, 5);
  for (const name of names) {
    const view = newView();
    view.begin(0xfffe);
    view.take(field(vector('world-snapshots'), 'first'), () => {});
    assert.equal(view.take(field(unusual, name), () => {}), 'applied', name);
    assert.deepEqual([view.digest(), view.owner.body], [number(unusual, `${name}_digest`), null], name);
  }
});

function newView(): View<Example> {
  return new View(example, { own: own.blank, shown: shown.blank });
}

test('asks have the bytes of the document, and a server reads them', () => {
  const asks = {
    'world-ask-open': { is: 'Open', door: makeId(0x1234, 7) },
    'world-ask-rename': { is: 'Rename', name: 'Ådèle2' },
    'world-ask-surrender': { is: 'Surrender' },
  } as const;
  for (const [name, value] of Object.entries(asks)) {
    const expected = vector(name);
    const read = readAsk(field(expected, 'message'), ask);
    assert.deepEqual(read, { number: number(expected, 'number'), ask: value }, name);
    assert.equal(
      written((writer) => writeAsk(number(expected, 'number'), value, writer, ask)),
      expected.get('message'),
    );
  }
  for (const [name, hex] of vector('world-ask-bad')) {
    const read = readAsk(fromHex(hex), ask);
    assert.equal(read === 'drop' ? read : read.ask, name.startsWith('malformed') ? 'malformed' : 'drop', name);
  }
});

test('answers have the bytes of the document, both ways', () => {
  const read = (name: string) => readAnswer(field(vector(name), 'message'), answer);
  assert.deepEqual(read('world-answer-opened'), { is: 'Answer', number: 1, answer: { is: 'Opened' } });
  assert.deepEqual(read('world-answer-locked'), { is: 'Answer', number: 0x0201, answer: { is: 'Locked', key: 0x01020304 } });
  assert.deepEqual(read('world-answer-too-many'), { is: 'TooMany', number: 7 });
  assert.deepEqual(read('world-answer-malformed'), { is: 'Malformed', number: 1 });
  const locked = written((w) => writeAnswer(0x0201, { answer: { is: 'Locked', key: 0x01020304 } }, w, answer));
  assert.equal(locked, vector('world-answer-locked').get('message'));
  assert.equal(written((w) => writeAnswer(7, 1, w, answer)), vector('world-answer-too-many').get('message'));
  for (const [name, hex] of vector('world-answer-bad')) assert.equal(readAnswer(fromHex(hex), answer), undefined, name);
});

test('events have the bytes of the document, both ways', () => {
  const events = {
    'world-event-said': { is: 'Said', words: 'grüß Gott' },
    'world-event-shot': { is: 'Shot', by: makeId(3, 1), along: [-1, 32767, -32768], hit: makeId(0x0405, 6) },
    'world-event-missed': { is: 'Shot', by: makeId(3, 1), along: [1, 2, 3], hit: null },
  } as const;
  for (const [name, value] of Object.entries(events)) {
    const message = field(vector(name), 'message');
    assert.deepEqual(readEvent(message, event), { event: value }, name);
    assert.equal(written((writer) => writeEvent(value, writer, event)), toHex(message));
  }
  for (const [name, hex] of vector('world-event-bad')) assert.equal(readEvent(fromHex(hex), event), undefined, name);
});

test('the message that names another server has the bytes of the document', () => {
  const expected = vector('world-change-server');
  const message = field(expected, 'message');
  const other = readChangeServer(message);
  assert.deepEqual(other, { core: number(expected, 'core'), key: field(expected, 'key'), address: '203.0.113.7', port: 3565 });
  message.set(fromHex('20010db8000000000000000000000007'), 34);
  assert.equal(readChangeServer(message)?.address, '2001:db8:0:0:0:0:0:7');
  for (const [name, hex] of vector('world-change-server-bad')) assert.equal(readChangeServer(fromHex(hex)), undefined, name);
});

test('a value that does not fit its type is not written', () => {
  const writer = new Writer();
  const bad: (() => void)[] = [
    () => input.write({ ...input.blank, forward: 128 }, writer),
    () => input.write({ ...input.blank, yaw: 1.5 }, writer),
    () => own.write({ ...own.blank, speed: NaN }, writer),
    () => own.write({ ...own.blank, speed: 1e39 }, writer),
    () => own.write({ ...own.blank, account: -1n }, writer),
    () => own.write({ ...own.blank, spot: [1] }, writer),
    () => shown.write({ ...shown.blank, name: 'ninebytes' }, writer),
    () => event.write({ is: 'Said', words: 'ä'.repeat(9) }, writer),
  ];
  for (const write of bad) assert.throws(write, RangeError);
});
