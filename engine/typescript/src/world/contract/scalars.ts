/** Numbers, bools, and the names of entities: PROTOCOL.md#contract. */

import type { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';
import { entityId as makeEntityId, generationOf, indexOf, NO_ENTITY, type EntityId } from '../entity.js';
import { BASIS, mix } from './schema.js';
import type { Type } from './type.js';

function same<T>(a: T, b: T): boolean {
  return a === b;
}

function integer(
  name: string,
  low: number,
  high: number,
  bytesMax: number,
  read: (reader: Reader) => number,
  write: (writer: Writer, value: number) => void,
): Type<number> {
  return {
    schema: mix(BASIS, name),
    bytesMax,
    blank: 0,
    read,
    write(value, writer) {
      if (!(Number.isInteger(value) && value >= low && value <= high)) throw new RangeError(`${value} is no ${name}`);
      write(writer, value);
    },
    equals: same,
  };
}

function wideInteger(
  name: string,
  read: (reader: Reader) => bigint,
  wrap: (value: bigint) => bigint,
  write: (writer: Writer, value: bigint) => void,
): Type<bigint> {
  return {
    schema: mix(BASIS, name),
    bytesMax: 8,
    blank: 0n,
    read,
    write(value, writer) {
      if (wrap(value) !== value) throw new RangeError(`${value} is no ${name}`);
      write(writer, value);
    },
    equals: same,
  };
}

export const u8 = /* @__PURE__ */ integer('u8', 0, 0xff, 1, (r) => r.u8(), (w, value) => w.u8(value));
export const u16 = /* @__PURE__ */ integer('u16', 0, 0xffff, 2, (r) => r.u16(), (w, value) => w.u16(value));
export const u32 = /* @__PURE__ */ integer('u32', 0, 0xffff_ffff, 4, (r) => r.u32(), (w, value) => w.u32(value));
export const i8 = /* @__PURE__ */ integer('i8', -0x80, 0x7f, 1, (r) => r.i8(), (w, value) => w.i8(value));
export const i16 = /* @__PURE__ */ integer('i16', -0x8000, 0x7fff, 2, (r) => r.i16(), (w, value) => w.i16(value));
export const i32 = /* @__PURE__ */ integer(
  'i32',
  -0x8000_0000,
  0x7fff_ffff,
  4,
  (r) => r.i32(),
  (w, value) => w.i32(value),
);
/** 64 bits, as a bigint. */
export const u64 = /* @__PURE__ */ wideInteger(
  'u64',
  (r) => r.u64(),
  (value) => BigInt.asUintN(64, value),
  (w, value) => w.u64(value),
);
/** 64 bits, as a bigint. */
export const i64 = /* @__PURE__ */ wideInteger(
  'i64',
  (r) => r.i64(),
  (value) => BigInt.asIntN(64, value),
  (w, value) => w.i64(value),
);

/** Ticks until an ability can be used again. */
export const cooldown: Type<number> = /* @__PURE__ */ integer(
  'cooldown',
  0,
  0xffff,
  2,
  (r) => r.u16(),
  (w, value) => w.u16(value),
);

export const bool: Type<boolean> = {
  schema: /* @__PURE__ */ mix(BASIS, 'bool'),
  bytesMax: 1,
  blank: false,
  read(reader) {
    const byte = reader.u8();
    if (byte > 1) reader.fail();
    return byte === 1;
  },
  write(value, writer) {
    writer.u8(value ? 1 : 0);
  },
  equals: same,
};

/** A number of 32 bits: what is written is rounded to it. Compare it with `Math.fround` of yours. */
export const f32: Type<number> = {
  schema: /* @__PURE__ */ mix(BASIS, 'f32'),
  bytesMax: 4,
  blank: 0,
  read(reader) {
    const value = reader.f32();
    if (!Number.isFinite(value)) reader.fail();
    return value + 0;
  },
  write(value, writer) {
    if (!Number.isFinite(Math.fround(value))) throw new RangeError(`${value} is no finite f32`);
    // Adding 0 makes -0 to 0.
    writer.f32(value + 0);
  },
  equals: same,
};

export const entityId: Type<EntityId> = {
  schema: /* @__PURE__ */ mix(BASIS, 'entity'),
  bytesMax: 3,
  blank: NO_ENTITY,
  read(reader) {
    const index = reader.u16();
    return makeEntityId(index, reader.u8());
  },
  write(value, writer) {
    writer.u16(indexOf(value)).u8(generationOf(value));
  },
  equals: same,
};
