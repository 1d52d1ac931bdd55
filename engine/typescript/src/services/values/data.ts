/**
 * The data of values: PROTOCOL.md#values.
 *
 * | type | in TypeScript |
 * |---|---|
 * | nothing, and an optional without a value | null |
 * | bool; text | boolean; string |
 * | numbers of at most 32 bits, f64 | number |
 * | u64, i64 | bigint |
 * | bytes | Uint8Array |
 * | list | array |
 * | record | object |
 */

import { Reader } from '../../bytes/reader.js';
import { Writer } from '../../bytes/writer.js';
import { VALUE_PARTS_MAX } from '../limits.js';
import { readSchema, schemaInWords, writeSchema, type Plain, type Schema } from './schema.js';

/** A value with its type, as it arrived. */
export interface AnyValue {
  readonly schema: Schema;
  /** See the table in `values/data.ts`. */
  readonly data: unknown;
}

/** The parts that a value may still have. */
interface Parts {
  left: number;
}

const UTF8 = /* @__PURE__ */ new TextEncoder();

/** The value of these bytes; no bytes stand for nothing. Undefined if the bytes are no value. */
export function readValue(bytes: Uint8Array): AnyValue | undefined {
  if (bytes.length === 0) return { schema: { is: 'nothing' }, data: null };
  const reader = new Reader(bytes);
  const schema = readSchema(reader);
  const data = readData(schema, reader, { left: VALUE_PARTS_MAX });
  return reader.complete ? { schema, data } : undefined;
}

function readData(schema: Schema, reader: Reader, parts: Parts): unknown {
  parts.left -= 1;
  if (parts.left < 0) reader.fail();
  if (reader.failed) return null;
  switch (schema.is) {
    case 'list': {
      const count = reader.varint();
      // An element takes a byte or more.
      if (count > reader.remaining) reader.fail();
      const list: unknown[] = [];
      while (list.length < count && !reader.failed) list.push(readData(schema.of, reader, parts));
      return list;
    }
    case 'optional':
      return readBool(reader) ? readData(schema.of, reader, parts) : null;
    case 'record':
      return Object.fromEntries(schema.fields.map(([name, field]) => [name, readData(field, reader, parts)]));
    default:
      return readPlain(schema.is, reader);
  }
}

function readPlain(is: Plain, reader: Reader): unknown {
  switch (is) {
    case 'nothing':
      return null;
    case 'bool':
      return readBool(reader);
    case 'f32':
    case 'f64': {
      const value = reader[is]();
      if (!Number.isFinite(value)) reader.fail();
      return value;
    }
    case 'text':
      return reader.utf8(reader.varint());
    case 'bytes':
      return reader.bytes(reader.varint()).slice();
    default:
      return reader[is]();
  }
}

function readBool(reader: Reader): boolean {
  const byte = reader.u8();
  if (byte > 1) reader.fail();
  return byte === 1;
}

/**
 * The bytes of a value.
 *
 * @throws RangeError It does not fit the schema. The message names the part.
 */
export function valueBytes(schema: Schema, value: unknown): Uint8Array {
  const writer = new Writer();
  writeSchema(schema, writer);
  writeData(schema, value, writer, { left: VALUE_PARTS_MAX }, '');
  return writer.copy();
}

function writeData(schema: Schema, value: unknown, writer: Writer, parts: Parts, path: string): void {
  parts.left -= 1;
  if (parts.left < 0) throw new RangeError(`a value of more than ${VALUE_PARTS_MAX} parts`);
  switch (schema.is) {
    case 'list': {
      if (!Array.isArray(value)) throw misfit(schema, value, path);
      writer.varint(value.length);
      value.forEach((element, at) => writeData(schema.of, element, writer, parts, `${path}[${at}]`));
      break;
    }
    case 'optional': {
      const isThere = value !== null && value !== undefined;
      writer.u8(isThere ? 1 : 0);
      if (isThere) writeData(schema.of, value, writer, parts, path);
      break;
    }
    case 'record': {
      if (typeof value !== 'object' || value === null) throw misfit(schema, value, path);
      for (const [name, field] of schema.fields) {
        const part = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
        writeData(field, part, writer, parts, path === '' ? name : `${path}.${name}`);
      }
      break;
    }
    default:
      if (!writePlain(schema.is, value, writer)) throw misfit(schema, value, path);
  }
}

/** False if the value is not of the type. */
function writePlain(is: Plain, value: unknown, writer: Writer): boolean {
  switch (is) {
    case 'nothing':
      return value === null || value === undefined;
    case 'bool':
      if (typeof value !== 'boolean') return false;
      writer.u8(value ? 1 : 0);
      return true;
    case 'text':
      return typeof value === 'string' && writeBytes(UTF8.encode(value), writer);
    case 'bytes':
      return value instanceof Uint8Array && writeBytes(value, writer);
    case 'f32':
    case 'f64':
      if (typeof value !== 'number' || !Number.isFinite(is === 'f32' ? Math.fround(value) : value)) return false;
      writer[is](value);
      return true;
    case 'u64':
    case 'i64':
      if (typeof value !== 'bigint' || (is === 'u64' ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value)) !== value) {
        return false;
      }
      writer[is](value);
      return true;
    default:
      return typeof value === 'number' && writeInteger(is, value, writer);
  }
}

function writeInteger(is: 'u8' | 'u16' | 'u32' | 'i8' | 'i16' | 'i32', value: number, writer: Writer): boolean {
  const span = 2 ** Number(is.slice(1));
  const low = is.startsWith('i') ? -span / 2 : 0;
  if (!Number.isInteger(value) || value < low || value >= low + span) return false;
  writer[is](value);
  return true;
}

function writeBytes(bytes: Uint8Array, writer: Writer): true {
  writer.varint(bytes.length).bytes(bytes);
  return true;
}

function misfit(schema: Schema, value: unknown, path: string): RangeError {
  const got = value === undefined ? 'nothing' : typeof value === 'bigint' ? `${value}n` : inShort(value);
  return new RangeError(`${path || 'the value'}: expected ${schemaInWords(schema)}, got ${got}`);
}

function inShort(value: unknown): string {
  const text = typeof value === 'object' ? (Array.isArray(value) ? 'an array' : 'an object') : String(value);
  return text.slice(0, 40);
}
