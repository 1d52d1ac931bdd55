/** Structs, and the differences of two of their values: PROTOCOL.md#differences. */

import type { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';
import { BASIS, mix, mixWith } from './schema.js';
import { checkName, type Type, type Value } from './type.js';

const FIELDS_MAX = 64;
/** A set of fields has a bit per field, and 7 bits to a byte. */
const BITS_PER_BYTE = 7;

/** The fields of a struct, in their order. */
export type FieldTypes = { readonly [name: string]: Type<unknown> };
/** A value of a struct with these fields. */
export type FieldValues<F extends FieldTypes> = { readonly [N in keyof F]: Value<F[N]> };

type Record_ = Record<string, unknown>;

/** A struct: a type whose values also travel as differences. */
export interface Struct<T> extends Type<T> {
  /** Bytes of the longest difference. */
  readonly differenceBytesMax: number;
  /** Reads a difference from `base`. If the bytes are none, the reader fails. */
  readDifference(base: T, reader: Reader): T;
  /** Writes the difference that makes `value` of `base`. */
  writeDifference(value: T, base: T, writer: Writer): void;
  /** The blank value, with some fields set: for games that need another blank value. */
  with(values: Partial<T>): T;
}

/**
 * A struct with these fields, in this order.
 *
 * @throws RangeError It has more than 64 fields, or a field has a name that is none.
 */
export function struct<F extends FieldTypes>(fields: F): Struct<FieldValues<F>> {
  return new Fields(Object.entries(fields)) as unknown as Struct<FieldValues<F>>;
}

class Fields implements Struct<Record_> {
  readonly schema: number;
  readonly bytesMax: number;
  readonly differenceBytesMax: number;
  readonly blank: Record_;
  /** The set of fields of the difference that is being read, as its bytes. */
  private readonly set: number[] = [];

  constructor(private readonly fields: [string, Type<unknown>][]) {
    if (fields.length > FIELDS_MAX) throw new RangeError(`a struct of ${fields.length} fields; ${FIELDS_MAX} is most`);
    this.schema = schemaOfFields(mix(BASIS, 'struct'), fields);
    this.bytesMax = fields.reduce((sum, [, type]) => sum + type.bytesMax, 0);
    this.differenceBytesMax = this.bytesMax + Math.max(1, Math.ceil(fields.length / BITS_PER_BYTE));
    this.blank = Object.fromEntries(fields.map(([name, type]) => [name, type.blank]));
  }

  with(values: Partial<Record_>): Record_ {
    return { ...this.blank, ...values };
  }

  read(reader: Reader): Record_ {
    const value: Record_ = { ...this.blank };
    for (const [name, type] of this.fields) value[name] = type.read(reader);
    return value;
  }

  write(value: Record_, writer: Writer): void {
    for (const [name, type] of this.fields) type.write(value[name], writer);
  }

  equals(a: Record_, b: Record_): boolean {
    return a === b || this.fields.every(([name, type]) => type.equals(a[name], b[name]));
  }

  readDifference(base: Record_, reader: Reader): Record_ {
    this.readSet(reader);
    if (reader.failed) return base;
    const value: Record_ = { ...base };
    this.fields.forEach(([name, type], at) => {
      const byte = this.set[Math.floor(at / BITS_PER_BYTE)];
      if (byte !== undefined && (byte >> at % BITS_PER_BYTE) & 1) value[name] = type.read(reader);
    });
    return value;
  }

  writeDifference(value: Record_, base: Record_, writer: Writer): void {
    const bytes: number[] = [0];
    this.fields.forEach(([name, type], at) => {
      if (type.equals(value[name], base[name])) return;
      const byte = Math.floor(at / BITS_PER_BYTE);
      while (bytes.length <= byte) bytes.push(0);
      bytes[byte]! |= 1 << at % BITS_PER_BYTE;
    });
    bytes.forEach((byte, at) => writer.u8(at + 1 < bytes.length ? byte | 0x80 : byte));
    for (const [name, type] of this.fields) {
      if (!type.equals(value[name], base[name])) type.write(value[name], writer);
    }
  }

  /** Reads a varint, byte by byte: the fields of a byte are 7 in a row. */
  private readSet(reader: Reader): void {
    this.set.length = 0;
    const count = this.fields.length;
    for (let first = 0; ; first += BITS_PER_BYTE) {
      const byte = reader.u8();
      const bits = byte & 0x7f;
      const known = Math.max(0, Math.min(BITS_PER_BYTE, count - first));
      // The last byte of a longer set is never 0: it would not be needed.
      if (bits >> known !== 0 || (byte === 0 && first > 0) || first >= FIELDS_MAX) reader.fail();
      if (reader.failed) return;
      this.set.push(bits);
      if (byte < 0x80) return;
    }
  }
}

/** The schema number of something with these fields. */
export function schemaOfFields(start: number, fields: readonly [string, Type<unknown>][]): number {
  let number = start;
  for (const [name, type] of fields) {
    checkName(name);
    number = mixWith(number, type.schema, name);
  }
  return number;
}
