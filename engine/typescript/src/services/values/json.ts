/** Values as JSON, for calls over HTTPS: bytes are base64url, and a u64 or i64 that a number cannot hold is decimal text. */

import { fromBase64Url, toBase64Url } from './base64.js';
import type { Schema } from './schema.js';

/** A value that fits its schema, as JSON. */
export function toJson(schema: Schema, value: unknown): unknown {
  switch (schema.is) {
    case 'list':
      return (value as unknown[]).map((element) => toJson(schema.of, element));
    case 'optional':
      return value === null || value === undefined ? null : toJson(schema.of, value);
    case 'record': {
      const of = value as Record<string, unknown>;
      return Object.fromEntries(schema.fields.map(([name, field]) => [name, toJson(field, of[name])]));
    }
    case 'u64':
    case 'i64':
      return `${value as bigint}`;
    case 'bytes':
      return toBase64Url(value as Uint8Array);
    case 'nothing':
      return null;
    default:
      return value;
  }
}

/**
 * The value of a schema in JSON. Fields that the schema does not have are left out.
 *
 * @throws RangeError The JSON is of another type. The message names the part.
 */
export function fromJson(schema: Schema, json: unknown, path = ''): unknown {
  const value = read(schema, json, path);
  if (value === undefined) throw new RangeError(`${path || 'the value'}: expected ${schema.is}, got ${describe(json)}`);
  return value;
}

/** Undefined if it is of another type. */
function read(schema: Schema, json: unknown, path: string): unknown {
  switch (schema.is) {
    case 'nothing':
      return null;
    case 'bool':
      return typeof json === 'boolean' ? json : undefined;
    case 'text':
      return typeof json === 'string' ? json : undefined;
    case 'bytes':
      return typeof json === 'string' ? fromBase64Url(json) : undefined;
    case 'f32':
    case 'f64':
      return typeof json === 'number' ? (schema.is === 'f32' ? Math.fround(json) : json) : undefined;
    case 'u64':
    case 'i64':
      return readWide(json);
    case 'list':
      return Array.isArray(json) ? json.map((element, at) => fromJson(schema.of, element, `${path}[${at}]`)) : undefined;
    case 'optional':
      return json === null || json === undefined ? null : fromJson(schema.of, json, path);
    case 'record':
      return typeof json === 'object' && json !== null ? readRecord(schema.fields, json, path) : undefined;
    default:
      return typeof json === 'number' && Number.isInteger(json) ? json : undefined;
  }
}

function readRecord(fields: readonly (readonly [string, Schema])[], json: object, path: string): unknown {
  return Object.fromEntries(
    fields.map(([name, field]) => {
      const part = Object.hasOwn(json, name) ? (json as Record<string, unknown>)[name] : undefined;
      return [name, fromJson(field, part, path === '' ? name : `${path}.${name}`)];
    }),
  );
}

function readWide(json: unknown): bigint | undefined {
  const isWhole = Number.isSafeInteger(json) || (typeof json === 'string' && /^-?[0-9]{1,20}$/.test(json));
  return isWhole ? BigInt(json as number | string) : undefined;
}

function describe(json: unknown): string {
  return json === undefined ? 'nothing' : (JSON.stringify(json) ?? typeof json).slice(0, 40);
}
