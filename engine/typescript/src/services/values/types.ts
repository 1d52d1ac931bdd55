/** Types of values, declared in TypeScript: PROTOCOL.md#values. */

import { SCHEMA_BYTES_MAX, SCHEMA_DEPTH_MAX } from '../limits.js';
import { Writer } from '../../bytes/writer.js';
import { depthOf, faultOf, writeSchema, type Plain, type Schema } from './schema.js';

declare const READ: unique symbol;
declare const WRITTEN: unique symbol;

/** A type of values: what is read from one is a `Read`, and what can be written is a `Written`. */
export interface ValueType<Read, Written = Read> {
  readonly schema: Schema;
  /** For the compiler alone. */
  readonly [READ]?: Read;
  /** For the compiler alone. */
  readonly [WRITTEN]?: (value: Written) => void;
}

/** What is read from a value of a type. */
export type ReadValue<T> = T extends ValueType<infer G, never> ? G : never;
/** What is written as a value of a type. */
export type WrittenValue<T> = T extends ValueType<unknown, infer V> ? V : never;

type AnyType = ValueType<unknown, never>;
type FieldTypes = { readonly [name: string]: AnyType };
type OptionalNames<F> = { [N in keyof F]: null extends WrittenValue<F[N]> ? N : never }[keyof F];
/** What is read from a record with these fields. */
export type ReadFields<F extends FieldTypes> = { readonly [N in keyof F]: ReadValue<F[N]> };
/** What is written as a record with these fields: optional ones may be left out. */
export type WrittenFields<F extends FieldTypes> = { readonly [N in Exclude<keyof F, OptionalNames<F>>]: WrittenValue<F[N]> } & {
  readonly [N in OptionalNames<F>]?: WrittenValue<F[N]> | undefined;
};

const plain = <T>(is: Plain): ValueType<T> => ({ schema: { is } });

export const nothing = /* @__PURE__ */ plain<null>('nothing');
export const bool = /* @__PURE__ */ plain<boolean>('bool');
export const u8 = /* @__PURE__ */ plain<number>('u8');
export const u16 = /* @__PURE__ */ plain<number>('u16');
export const u32 = /* @__PURE__ */ plain<number>('u32');
/** 64 bits, as a bigint. */
export const u64 = /* @__PURE__ */ plain<bigint>('u64');
export const i8 = /* @__PURE__ */ plain<number>('i8');
export const i16 = /* @__PURE__ */ plain<number>('i16');
export const i32 = /* @__PURE__ */ plain<number>('i32');
/** 64 bits, as a bigint. */
export const i64 = /* @__PURE__ */ plain<bigint>('i64');
/** Rounded to 32 bits when it is written. */
export const f32 = /* @__PURE__ */ plain<number>('f32');
export const f64 = /* @__PURE__ */ plain<number>('f64');
export const text = /* @__PURE__ */ plain<string>('text');
export const bytes = /* @__PURE__ */ plain<Uint8Array>('bytes');

/**
 * Any number of values of one type.
 *
 * @throws RangeError An element takes no bytes, or the type is too deep or too long.
 */
export function list<G, T>(of: ValueType<G, T>): ValueType<readonly G[], readonly T[]> {
  return checked({ is: 'list', of: of.schema });
}

/**
 * A value, or null.
 *
 * @throws RangeError The value is optional or nothing itself, or the type is too deep or too long.
 */
export function optional<G, T>(of: ValueType<G, T>): ValueType<G | null, T | null> {
  return checked({ is: 'optional', of: of.schema });
}

/**
 * Fields with names: a-z, 0-9 and _, and the first is a letter. The server finds them by name.
 *
 * @throws RangeError A name is none, there are more than 64 fields, or the type is too deep or too long.
 */
export function record<F extends FieldTypes>(fields: F): ValueType<ReadFields<F>, WrittenFields<F>> {
  return checked({ is: 'record', fields: Object.entries(fields).map(([name, { schema }]) => [name, schema]) });
}

function checked<G, T>(schema: Schema): ValueType<G, T> {
  const writer = new Writer();
  writeSchema(schema, writer);
  const isTooLarge = writer.length > SCHEMA_BYTES_MAX || depthOf(schema) > SCHEMA_DEPTH_MAX;
  const fault = faultOf(schema) ?? (isTooLarge ? 'a type that is too deep or too long' : undefined);
  if (fault !== undefined) throw new RangeError(fault);
  return { schema };
}
