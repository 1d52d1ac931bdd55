/** The body of an Ack frame: PROTOCOL.md#ack-frame. */

import { Reader } from '../bytes/reader.js';
import type { Writer } from '../bytes/writer.js';
import { ACK_POSITIONS_MAX } from './limits.js';

/** Sequences that were received, first and last included. */
export interface Range {
  first: number;
  last: number;
}

export interface Ack {
  largest: number;
  /** Milliseconds. */
  delay: number;
  /** Newest first. They neither overlap nor touch. */
  ranges: Range[];
}

/** The delay is in units of 8 µs. */
const DELAY_UNITS_PER_MS = 125;
const DELAY_MAX = 0xffff;
const RUN_MAX = 255;
/** Bytes before the runs. */
export const ACK_BYTES_MIN = 10;

/** Nothing if no correct endpoint sends it. */
export function readAck(body: Uint8Array): Ack | undefined {
  const reader = new Reader(body);
  const largest = reader.u53();
  const delay = reader.u16() / DELAY_UNITS_PER_MS;
  if (reader.failed || largest === 0) return undefined;
  const ranges: Range[] = [{ first: largest, last: largest }];
  let sum = 0;
  let isReceived = true;
  for (const run of reader.rest()) {
    const last = largest - 1 - sum;
    sum += run;
    if (sum >= largest || sum > ACK_POSITIONS_MAX) return undefined;
    if (isReceived && run > 0) addRange(ranges, last - run + 1, last);
    isReceived = !isReceived;
  }
  return { largest, delay, ranges };
}

function addRange(ranges: Range[], first: number, last: number): void {
  const lowest = ranges[ranges.length - 1];
  if (lowest && lowest.first === last + 1) lowest.first = first;
  else ranges.push({ first, last });
}

/**
 * Writes an Ack body of at most `bytesMax` bytes, at least ACK_BYTES_MIN. `isReceived` says of a sequence below
 * `largest` whether it was received. The oldest runs are left out where there is no room.
 */
export function writeAck(
  writer: Writer,
  largest: number,
  delay: number,
  isReceived: (sequence: number) => boolean,
  bytesMax: number,
): void {
  writer.u53(largest).u16(Math.min(Math.floor(delay * DELAY_UNITS_PER_MS + 1e-6), DELAY_MAX));
  const runs: number[] = [];
  const lowest = Math.max(1, largest - ACK_POSITIONS_MAX);
  let run = 0;
  let sort = true;
  for (let sequence = largest - 1; sequence >= lowest; sequence -= 1) {
    const received = isReceived(sequence);
    if (received !== sort) {
      addRun(runs, run);
      run = 0;
      sort = received;
    }
    run += 1;
  }
  if (sort && run > 0) addRun(runs, run);
  const count = Math.min(runs.length, bytesMax - ACK_BYTES_MIN);
  for (let at = 0; at < count; at += 1) writer.u8(runs[at]!);
}

function addRun(runs: number[], run: number): void {
  let rest = run;
  for (; rest > RUN_MAX; rest -= RUN_MAX) runs.push(RUN_MAX, 0);
  runs.push(rest);
}
