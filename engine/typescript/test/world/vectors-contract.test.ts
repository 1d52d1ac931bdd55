/** The vectors of PROTOCOL.md#vectors-world-messages for contracts, actions and entering. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { acted, actionInput, actionState, cast, decided } from '../../src/world/contract/actions.js';
import {
  array,
  bool,
  cooldown,
  CONTRACT_PARTS,
  entityId,
  f32,
  i16,
  i64,
  option,
  schemaOf,
  text,
  u32,
  u8,
  WorldMap,
  type Type,
} from '../../src/world/index.js';
import { readEnterAnswer, writeEnterRequest } from '../../src/world/messages/enter.js';
import { field, toHex, vector } from '../vectors.js';
import { color, example } from './example.js';
import { readEnterRequest, writeEnterAnswer, writeWelcome } from './server/messages.js';

function numberBytes(number: number): string {
  return toHex(new Writer().u32(number).copy());
}

function written(write: (writer: Writer) => void): string {
  const writer = new Writer();
  write(writer);
  return toHex(writer.copy());
}

/** Reads a value and writes it again: the bytes are the same. */
function roundTrip<T>(type: Type<T>, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = type.read(reader);
  assert.ok(reader.complete, toHex(bytes));
  assert.equal(written((writer) => type.write(value, writer)), toHex(bytes));
  assert.ok(type.equals(value, value));
  return value;
}

const schema = [...schemaOf(example, 1357924680)];

test('schema numbers are those of the document', () => {
  const numbers: Record<string, Type<unknown>> = {
    u8,
    i64,
    bool,
    f32,
    entity_id: entityId,
    cooldown,
    text_8: text(8),
    text_0: text(0),
    option_u32: option(u32),
    option_entity_id: option(entityId),
    f32_2: array(f32, 2),
    i16_3: array(i16, 3),
    u8_0: array(u8, 0),
    color,
    ...example,
  };
  const expected = vector('world-schema');
  assert.equal(Object.keys(numbers).length + 1, expected.size);
  for (const [name, type] of Object.entries(numbers)) assert.equal(numberBytes(type.schema), expected.get(name), name);
  assert.equal(numberBytes(schema[6]!), expected.get('level'));
});

test('actions have the schema numbers and the bytes of the document', () => {
  const expected = vector('world-actions');
  const state = actionState(5, 2);
  assert.equal(numberBytes(actionInput.schema), expected.get('action_input'));
  assert.equal(numberBytes(state.schema), expected.get('action_state_5_2'));
  assert.equal(numberBytes(acted.schema), expected.get('acted'));
  const input = roundTrip(actionInput, field(expected, 'input'));
  assert.deepEqual(input.aim, { is: 'Entity', id: 0x071234 });
  const value = roundTrip(state, field(expected, 'state'));
  assert.deepEqual(value.cooldowns, [0, 0, 300, 0, 0, 18]);
  assert.deepEqual(value.resources, [500, 3]);
  assert.equal(value.number, 9);
  assert.equal('01' + written((writer) => cast.write(value.cast!, writer)), expected.get('cast'));
  assert.equal(written((writer) => decided.write(value.decided, writer)), expected.get('decided'));
  assert.deepEqual(value.decided.verdict, { is: 'Refused', why: { is: 'Busy' } });
  assert.ok(state.equals(roundTrip(state, field(vector('world-actions-rest'), 'state')), state.blank));
  assert.ok(!state.equals(value, state.blank));
  for (const [name, hex] of vector('world-actions-bad')) {
    const reader = new Reader(Buffer.from(hex, 'hex'));
    state.read(reader);
    assert.ok(!reader.complete, name);
  }
});

test('a request to enter has the bytes of the document, and a server reads it', () => {
  for (const name of ['world-enter-request', 'world-enter-request-any']) {
    const expected = vector(name);
    const numbers = name.endsWith('any') ? schema.map(() => 0) : schema;
    const ticket = field(expected, 'ticket');
    assert.equal(numbers.map(numberBytes).join(''), expected.get('schema'));
    assert.equal(written((writer) => writeEnterRequest(numbers, ticket, writer)), expected.get('message'));
    const read = readEnterRequest(field(expected, 'message'));
    assert.deepEqual(read, { schema: numbers, ticket: new Uint8Array(ticket) });
  }
  for (const [name, hex] of vector('world-enter-request-bad')) {
    assert.equal(readEnterRequest(Buffer.from(hex, 'hex')), undefined, name);
  }
});

test('a welcome says the shape of the map', () => {
  for (const name of ['world-enter-welcome', 'world-enter-welcome-uneven']) {
    const expected = vector(name);
    const answer = readEnterAnswer(field(expected, 'message'));
    assert.equal(answer?.is, 'Welcome');
    if (answer?.is !== 'Welcome') return;
    assert.equal(numberBytes(answer.tick), expected.get('tick'));
    assert.equal(answer.firstSnapshot, 0xfffe);
    assert.equal(written((writer) => writer.f32(answer.map.step)), expected.get('step'));
    assert.equal(numberBytes(answer.map.sectionSteps[2]), expected.get('height_steps'));
    assert.equal(
      written((writer) => writeWelcome(answer.tick, answer.firstSnapshot, answer.map, writer)),
      expected.get('message'),
    );
  }
});

test('other answers to a request have the bytes of the document', () => {
  const of = (name: string): Uint8Array => field(vector(name), 'message');
  assert.deepEqual(readEnterAnswer(of('world-enter-refused')), { is: 'Refused', reason: 7 });
  assert.deepEqual(readEnterAnswer(of('world-enter-wrong-schema')), { is: 'WrongSchema', part: 'Shown' });
  assert.deepEqual(readEnterAnswer(of('world-enter-wrong-level')), { is: 'WrongSchema', part: 'Level' });
  assert.deepEqual(readEnterAnswer(of('world-enter-put-out')), { is: 'PutOut', reason: 255 });
  const moved = readEnterAnswer(of('world-enter-moved'));
  assert.ok(moved?.is === 'Moved' && moved.firstSnapshot === 0xfffe && numberBytes(moved.tick) === '04030201');
  assert.deepEqual(moved.map, WorldMap.of(25_600, 6_400, [32, 32, 4]));
  assert.equal(written((writer) => writeEnterAnswer(3, 255, writer)), toHex(of('world-enter-put-out')));
  assert.equal(CONTRACT_PARTS[6], 'Level');
  for (const [name, hex] of vector('world-enter-bad')) {
    assert.equal(readEnterAnswer(Buffer.from(hex, 'hex')), undefined, name);
  }
});
