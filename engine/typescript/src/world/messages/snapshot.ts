/** The head of a snapshot, its owner block, and the heads of its entries: PROTOCOL.md#snapshots. */

import type { Reader } from '../../bytes/reader.js';
import type { Struct } from '../contract/struct.js';
import { entityId, generationOf, type EntityId } from '../entity.js';
import { INPUT_INTERVAL_MAX } from '../limits.js';
import { KINDS } from './kinds.js';

/** The lead of a snapshot while no input has arrived. */
export const NO_LEAD = -128;

const PARTS = { baseline: 0x1f, body: 0x20, own: 0x40, interval: 0x80 } as const;

/** What a snapshot says before its owner block. */
export interface SnapshotHeader {
  readonly number: number;
  /** Modulo 2^32. */
  readonly tick: number;
  /** How many ticks the newest input was ahead, or NO_LEAD. */
  readonly lead: number;
  /** Ticks since the last one for which the server had an input in time. */
  readonly inputAge: number;
  /** How many numbers back the baseline of the owner block is; 0: the blank one. */
  readonly baseline: number;
  /** How many ticks apart the client should send input messages. */
  readonly inputInterval: number;
  readonly hasBody: boolean;
  readonly hasOwn: boolean;
}

/** The player's body and its own state. */
export interface Owner<O> {
  /** Null: none. */
  readonly body: EntityId | null;
  readonly own: O;
}

/** Reads the head. If the bytes are none, the reader fails. */
export function readSnapshotHeader(reader: Reader): SnapshotHeader {
  if (reader.u8() !== KINDS.snapshot) reader.fail();
  const [number, tick, lead, inputAge, parts] = [reader.u16(), reader.u32(), reader.i8(), reader.u8(), reader.u8()];
  let inputInterval = 1;
  if (parts & PARTS.interval) {
    inputInterval = reader.u8();
    if (inputInterval < 2 || inputInterval > INPUT_INTERVAL_MAX) reader.fail();
  }
  const [hasBody, hasOwn] = [(parts & PARTS.body) !== 0, (parts & PARTS.own) !== 0];
  return { number, tick, lead, inputAge, baseline: parts & PARTS.baseline, inputInterval, hasBody, hasOwn };
}

/** Reads the owner block, which is a difference from `base`. */
export function readOwner<O>(header: SnapshotHeader, base: Owner<O>, reader: Reader, type: Struct<O>): Owner<O> {
  const body = header.hasBody ? readBody(reader) : base.body;
  const own = header.hasOwn ? type.readDifference(base.own, reader) : base.own;
  return { body, own };
}

function readBody(reader: Reader): EntityId | null {
  const body = entityId(reader.u16(), reader.u8());
  // The generation of an entity is never 0.
  return generationOf(body) === 0 ? null : body;
}

/** The head of an entry. */
export interface EntryHead {
  readonly index: number;
  readonly version: number;
  readonly age: number;
  readonly fields: number;
}

export function readEntryHead(reader: Reader): EntryHead {
  const [index, head] = [reader.u16(), reader.u16()];
  return { index, version: head & 0x1f, age: (head >> 5) & 0x1f, fields: head >> 10 };
}
