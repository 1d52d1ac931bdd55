/** Frames, as a client reads and writes them: PROTOCOL.md#frames. */

import type { Writer } from '../bytes/writer.js';
import { type Ack, readAck } from './ack.js';
import { isChannel, isNumbered } from './channels.js';
import { type Fragment, readFragment } from './fragment.js';
import { generationOf } from './header.js';
import { FRAME_HEADER_BYTES } from './limits.js';

export const FrameKind = {
  End: 0,
  Compressed: 1,
  PathChallenge: 2,
  PathResponse: 3,
  Ping: 4,
  Pong: 5,
  Disconnect: 6,
  Ack: 7,
  Fragment: 8,
  NewId: 9,
  Integrity: 12,
  RekeyRequest: 13,
  RekeyResponse: 14,
  Probe: 15,
  /** Plus the channel. */
  Message: 16,
} as const;

/** Bytes of a challenge, and of its answer. */
export const INTEGRITY_CHALLENGE_BYTES = 17;
export const INTEGRITY_ANSWER_BYTES = 40;

export type Frame =
  | { kind: 'message'; channel: number; number: number; compressed: boolean; bytes: Uint8Array }
  | { kind: 'fragment'; fragment: Fragment }
  | { kind: 'ping' | 'pong' | 'pathChallenge' | 'pathResponse'; value: Uint8Array }
  | { kind: 'disconnect'; reason: number }
  | { kind: 'ack'; ack: Ack }
  | { kind: 'newId'; id: number }
  | { kind: 'integrityChallenge'; index: number; nonce: Uint8Array }
  | { kind: 'integrityAnswer'; nonceStart: Uint8Array; answer: Uint8Array }
  | { kind: 'rekeyRequest'; key: Uint8Array }
  | { kind: 'rekeyResponse'; requestStart: Uint8Array; key: Uint8Array }
  | { kind: 'probe' };

/** What a plaintext holds. All byte strings are views of it. */
export interface Frames {
  frames: Frame[];
  /** The number of bad frames. */
  bad: number;
  /** Whether an Ack is impossible whatever was sent. The frames end before it. */
  violation: boolean;
}

export function readFrames(plaintext: Uint8Array): Frames {
  const result: Frames = { frames: [], bad: 0, violation: false };
  let at = 0;
  for (;;) {
    const left = plaintext.length - at;
    if (left < FRAME_HEADER_BYTES) {
      if (left === 1 && plaintext[at] !== 0) result.bad += 1;
      return result;
    }
    const head = plaintext[at]! | (plaintext[at + 1]! << 8);
    const [kind, length] = [head >> 11, head & 0x7ff];
    if (kind === FrameKind.End) {
      if (length !== 0) result.bad += 1;
      return result;
    }
    at += FRAME_HEADER_BYTES;
    if (length > plaintext.length - at) {
      result.bad += 1;
      return result;
    }
    const frame = readFrame(kind, plaintext.subarray(at, at + length));
    at += length;
    if (frame) {
      result.frames.push(frame);
    } else if (kind === FrameKind.Ack) {
      result.violation = true;
      return result;
    } else {
      result.bad += 1;
    }
  }
}

function readFrame(kind: number, body: Uint8Array): Frame | undefined {
  if (kind >= FrameKind.Message) return readMessage(kind - FrameKind.Message, body, 0, false);
  switch (kind) {
    case FrameKind.Compressed:
      return readCompressed(body);
    case FrameKind.PathChallenge:
      return readValue('pathChallenge', body);
    case FrameKind.PathResponse:
      return readValue('pathResponse', body);
    case FrameKind.Ping:
      return readValue('ping', body);
    case FrameKind.Pong:
      return readValue('pong', body);
    case FrameKind.Disconnect:
      return body.length === 1 ? { kind: 'disconnect', reason: body[0]! } : undefined;
    case FrameKind.Ack: {
      const ack = readAck(body);
      return ack && { kind: 'ack', ack };
    }
    case FrameKind.Fragment: {
      const fragment = readFragment(body);
      return fragment && { kind: 'fragment', fragment };
    }
    case FrameKind.NewId:
      return readNewId(body);
    case FrameKind.Integrity:
      return readIntegrity(body);
    case FrameKind.RekeyRequest:
      return body.length === 32 ? { kind: 'rekeyRequest', key: body } : undefined;
    case FrameKind.RekeyResponse:
      if (body.length !== 40) return undefined;
      return { kind: 'rekeyResponse', requestStart: body.subarray(0, 8), key: body.subarray(8) };
    case FrameKind.Probe:
      return { kind: 'probe' };
    default:
      return undefined;
  }
}

function readValue(kind: 'ping' | 'pong' | 'pathChallenge' | 'pathResponse', body: Uint8Array): Frame | undefined {
  return body.length === 8 ? { kind, value: body } : undefined;
}

function readMessage(channel: number, body: Uint8Array, at: number, compressed: boolean): Frame | undefined {
  if (!isNumbered(channel)) return { kind: 'message', channel, number: 0, compressed, bytes: body.subarray(at) };
  if (body.length < at + 2) return undefined;
  const number = body[at]! | (body[at + 1]! << 8);
  return { kind: 'message', channel, number, compressed, bytes: body.subarray(at + 2) };
}

function readCompressed(body: Uint8Array): Frame | undefined {
  const channel = body[0];
  if (channel === undefined || !isChannel(channel)) return undefined;
  const frame = readMessage(channel, body, 1, true);
  return frame?.kind === 'message' && frame.bytes.length > 0 ? frame : undefined;
}

function readNewId(body: Uint8Array): Frame | undefined {
  if (body.length !== 4) return undefined;
  const id = new DataView(body.buffer, body.byteOffset).getUint32(0, true);
  return generationOf(id) === 0 ? undefined : { kind: 'newId', id };
}

function readIntegrity(body: Uint8Array): Frame | undefined {
  if (body.length === INTEGRITY_CHALLENGE_BYTES) {
    return { kind: 'integrityChallenge', index: body[0]!, nonce: body.subarray(1) };
  }
  if (body.length !== INTEGRITY_ANSWER_BYTES) return undefined;
  return { kind: 'integrityAnswer', nonceStart: body.subarray(0, 8), answer: body.subarray(8) };
}

/** Writes the head of a frame with a body of `length` bytes. */
export function writeFrameHead(writer: Writer, kind: number, length: number): void {
  writer.u16((kind << 11) | length);
}

/** Writes a frame whose body is `body`. */
export function writeFrame(writer: Writer, kind: number, body: Uint8Array): void {
  writeFrameHead(writer, kind, body.length);
  writer.bytes(body);
}

/** Bytes of a message that travels whole, with the head of its frame. */
export function wholeFrameBytes(channel: number, length: number, compressed: boolean): number {
  return FRAME_HEADER_BYTES + (compressed ? 1 : 0) + (isNumbered(channel) ? 2 : 0) + length;
}

/** Writes a message whole. `number` counts on channels that have numbers. */
export function writeWhole(
  writer: Writer,
  channel: number,
  number: number,
  compressed: boolean,
  bytes: Uint8Array,
): void {
  const length = wholeFrameBytes(channel, bytes.length, compressed) - FRAME_HEADER_BYTES;
  writeFrameHead(writer, compressed ? FrameKind.Compressed : FrameKind.Message + channel, length);
  if (compressed) writer.u8(channel);
  if (isNumbered(channel)) writer.u16(number);
  writer.bytes(bytes);
}
