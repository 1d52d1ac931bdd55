/** The type of a value, as it travels ahead of the data: PROTOCOL.md#values. */

import type { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';
import { FIELD_NAME_BYTES_MAX, FIELDS_MAX, SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX } from '../limits.js';

/** Types without parts, at the place of their byte less 1. */
const PLAIN = [
  'nothing', 'bool', 'u8', 'u16', 'u32', 'u64', 'i8', 'i16', 'i32', 'i64', 'f32', 'f64', 'text', 'bytes',
] as const;
const [LIST, OPTIONAL, RECORD] = [0x0f, 0x10, 0x11] as const;

/** A type without parts. */
export type Plain = (typeof PLAIN)[number];

/** The type of a value. */
export type Schema =
  | { readonly is: Plain }
  | { readonly is: 'list' | 'optional'; readonly of: Schema }
  | { readonly is: 'record'; readonly fields: readonly SchemaField[] };

/** A field of a record: its name and its type. */
export type SchemaField = readonly [name: string, schema: Schema];

const NAME = new RegExp(`^[a-z][a-z0-9_]{0,${FIELD_NAME_BYTES_MAX - 1}}$`);

/** What is wrong with the outermost type; nothing if it follows the rules. Its parts were checked before. */
export function faultOf(schema: Schema): string | undefined {
  switch (schema.is) {
    case 'list':
      return bytesMin(schema.of) === 0 ? 'an element of a list takes no bytes' : undefined;
    case 'optional':
      return schema.of.is === 'nothing' || schema.of.is === 'optional' ? `an optional ${schema.of.is}` : undefined;
    case 'record': {
      const names = schema.fields.map(([name]) => name);
      if (names.length > FIELDS_MAX) return `a record of ${names.length} fields; ${FIELDS_MAX} is most`;
      if (new Set(names).size < names.length) return 'a record with two fields of one name';
      const bad = names.find((name) => !NAME.test(name));
      return bad === undefined ? undefined : `"${bad}" is no name of a field: use a-z, 0-9 and _, and begin with a letter`;
    }
    default:
      return undefined;
  }
}

/** The fewest bytes that data of this type takes: all that matters is whether there are none. */
function bytesMin(schema: Schema): 0 | 1 {
  if (schema.is === 'nothing') return 0;
  if (schema.is !== 'record') return 1;
  return schema.fields.some(([, field]) => bytesMin(field) > 0) ? 1 : 0;
}

/** How many types are inside each other, with this one. */
export function depthOf(schema: Schema): number {
  if (schema.is === 'list' || schema.is === 'optional') return 1 + depthOf(schema.of);
  if (schema.is !== 'record') return 1;
  return 1 + Math.max(0, ...schema.fields.map(([, field]) => depthOf(field)));
}

/** Reads a schema. If the bytes are none, the reader fails. */
export function readSchema(reader: Reader): Schema {
  const end = reader.offset + SCHEMA_BYTES_MAX;
  const schema = readType(reader, end, SCHEMA_DEPTH_MAX);
  if (reader.offset > end) reader.fail();
  return schema;
}

const NOTHING: Schema = { is: 'nothing' };

/** Reads a type with at most `depth` types inside each other, which ends at `end`. */
function readType(reader: Reader, end: number, depth: number): Schema {
  const byte = reader.u8();
  const plain = PLAIN[byte - 1];
  if (depth === 0 || reader.offset > end) reader.fail();
  if (reader.failed) return NOTHING;
  if (plain !== undefined) return { is: plain };
  const schema = readCompound(byte, () => readType(reader, end, depth - 1), reader);
  if (!schema || reader.failed || faultOf(schema) !== undefined) {
    reader.fail();
    return NOTHING;
  }
  return schema;
}

function readCompound(byte: number, readPart: () => Schema, reader: Reader): Schema | undefined {
  switch (byte) {
    case LIST:
      return { is: 'list', of: readPart() };
    case OPTIONAL:
      return { is: 'optional', of: readPart() };
    case RECORD: {
      const count = reader.varint();
      if (count > FIELDS_MAX) return undefined;
      const fields: SchemaField[] = [];
      while (fields.length < count && !reader.failed) fields.push([reader.utf8(reader.varint()), readPart()]);
      return { is: 'record', fields };
    }
    default:
      return undefined;
  }
}

export function writeSchema(schema: Schema, writer: Writer): void {
  switch (schema.is) {
    case 'list':
    case 'optional':
      writer.u8(schema.is === 'list' ? LIST : OPTIONAL);
      writeSchema(schema.of, writer);
      break;
    case 'record':
      writer.u8(RECORD).varint(schema.fields.length);
      for (const [name, field] of schema.fields) {
        // Names are ASCII.
        writer.varint(name.length).utf8(name);
        writeSchema(field, writer);
      }
      break;
    default:
      writer.u8(PLAIN.indexOf(schema.is) + 1);
  }
}

/** For people: `{ item: u32, note: optional text }`. */
export function schemaInWords(schema: Schema): string {
  if (schema.is === 'list') return `list of ${schemaInWords(schema.of)}`;
  if (schema.is === 'optional') return `optional ${schemaInWords(schema.of)}`;
  if (schema.is !== 'record') return schema.is;
  const fields = schema.fields.map(([name, field]) => `${name}: ${schemaInWords(field)}`);
  return fields.length === 0 ? '{}' : `{ ${fields.join(', ')} }`;
}
