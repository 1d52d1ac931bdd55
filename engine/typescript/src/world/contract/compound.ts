/** Texts, options and arrays: PROTOCOL.md#contract. */

import { mix } from './schema.js';
import type { Type } from './type.js';

const UTF8 = /* @__PURE__ */ new TextEncoder();

/** Bytes of a text as it travels. */
export function textBytes(text: string): number {
  return UTF8.encode(text).length;
}

/** Text of at most `most` bytes of UTF-8, 1 to 255. */
export function text(most: number): Type<string> {
  if (!(Number.isInteger(most) && most >= 0 && most <= 255)) throw new RangeError(`a text of ${most} bytes: 255 is most`);
  return {
    schema: mix(most, 'text'),
    bytesMax: most + (most < 0x80 ? 1 : 2),
    blank: '',
    read(reader) {
      const length = reader.varint();
      if (length > most) reader.fail();
      return reader.utf8(length);
    },
    write(value, writer) {
      const bytes = UTF8.encode(value);
      if (bytes.length > most) throw new RangeError(`a text of ${bytes.length} bytes; ${most} is most`);
      writer.varint(bytes.length).bytes(bytes);
    },
    equals: (a, b) => a === b,
  };
}

/** A value, or null. */
export function option<T>(of: Type<T>): Type<T | null> {
  return {
    schema: mix(of.schema, '?'),
    bytesMax: 1 + of.bytesMax,
    blank: null,
    read(reader) {
      const has = reader.u8();
      if (has > 1) reader.fail();
      return has === 1 ? of.read(reader) : null;
    },
    write(value, writer) {
      writer.u8(value === null ? 0 : 1);
      if (value !== null) of.write(value, writer);
    },
    equals: (a, b) => (a === null || b === null ? a === b : of.equals(a, b)),
  };
}

/** So many values. */
export function array<T>(of: Type<T>, count: number): Type<readonly T[]> {
  if (!(Number.isInteger(count) && count >= 0 && count <= 0xffff)) throw new RangeError(`an array of ${count} values`);
  return {
    schema: mix((of.schema ^ count) >>> 0, '[]'),
    bytesMax: count * of.bytesMax,
    blank: Array.from({ length: count }, () => of.blank),
    read(reader) {
      const values: T[] = [];
      for (let at = 0; at < count && !reader.failed; at += 1) values.push(of.read(reader));
      return values;
    },
    write(values, writer) {
      if (values.length !== count) throw new RangeError(`${values.length} values for an array of ${count}`);
      for (const value of values) of.write(value, writer);
    },
    equals: (a, b) => a.length === b.length && a.every((value, at) => of.equals(value, b[at]!)),
  };
}

