/** What a type of a contract can do: PROTOCOL.md#contract. */

import type { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';

/**
 * A type that travels, and its values of type `T`. Values are never changed once they are made: make a new one
 * instead.
 */
export interface Type<T> {
  /** Its schema number. */
  readonly schema: number;
  /** Bytes that a value takes at most. */
  readonly bytesMax: number;
  /** Zero, false, empty or absent. */
  readonly blank: T;
  /** Reads a value. If the bytes are none, the reader fails, and what this gives means nothing. */
  read(reader: Reader): T;
  /**
   * Writes a value.
   *
   * @throws RangeError The value does not fit the type.
   */
  write(value: T, writer: Writer): void;
  equals(a: T, b: T): boolean;
}

/** The values of a type. */
export type Value<T> = T extends Type<infer V> ? V : never;

/** A name of a field or a variant: both ends hash it as ASCII. */
const NAME = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/;

/** Checks the name of a field or a variant. */
export function checkName(name: string): void {
  if (!NAME.test(name)) throw new RangeError(`"${name}" is no name of a field: use letters, digits and _`);
}
