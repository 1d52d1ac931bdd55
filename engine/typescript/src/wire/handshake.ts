/** Unencrypted packets, as the client writes and reads them: PROTOCOL.md#unencrypted-packets. */

import { crc32c } from '../bytes/crc32c.js';
import { Reader } from '../bytes/reader.js';
import { Writer } from '../bytes/writer.js';
import { generationOf, readHeader, writePlainHeader } from './header.js';
import { CONNECT_BYTES, COOKIE_BYTES, DATAGRAM_BYTES_MAX, HANDSHAKE_TAG_BYTES, PROTOCOL_VERSION } from './limits.js';

export const PacketType = { Connect: 0, Cookie: 1, ConnectionAccepted: 2, ConnectionDenied: 3 } as const;

/** Bits of the suites of PROTOCOL.md#suites. */
export const Suite = { ChaCha20Poly1305: 0x01, Aes128Gcm: 0x02 } as const;

/** The option that a pre-shared key is mixed in. */
export const OPTION_PRE_SHARED_KEY = 0x01;

const CHECKSUM_BYTES = 4;
const DENIAL_REASON_MAX = 7;
const PACKET_BYTES: readonly (number | undefined)[] = [undefined, 67, 83, 24];

export interface Connect {
  /** 0, or the id that requests a core. */
  id: number;
  suites: number;
  options: number;
  /** 48 bytes: the server's cookie, or zeros. */
  cookie: Uint8Array;
  /** Noise message 1, which begins with the handshake tag. */
  noise: Uint8Array;
}

/** Writes a Connect into an empty writer. */
export function writeConnect(writer: Writer, connect: Connect): void {
  writePlainHeader(writer, connect.id, connect.noise.subarray(0, HANDSHAKE_TAG_BYTES));
  writer.u8(PacketType.Connect).u16(PROTOCOL_VERSION).u8(connect.suites).u8(connect.options);
  writer.bytes(connect.cookie).bytes(connect.noise);
  writer.zeros(CONNECT_BYTES - CHECKSUM_BYTES - writer.length);
  writer.u32(crc32c(writer.written()));
}

export type Answer =
  | { type: 'cookie'; cookie: Uint8Array }
  | { type: 'accepted'; noise: Uint8Array }
  | { type: 'denied'; reason: number; version: number; wait: number };

/** The server's answer to the Connect with this tag. Nothing if the datagram is to be dropped. */
export function readAnswer(datagram: Uint8Array, tag: Uint8Array): Answer | undefined {
  const reader = new Reader(datagram);
  const header = readHeader(reader);
  const type = reader.u8();
  if (reader.failed || header.channel !== 0 || header.flags !== 0) return undefined;
  if (datagram.length !== PACKET_BYTES[type] || !equal(header.tail, tag)) return undefined;
  const end = datagram.length - CHECKSUM_BYTES;
  const checksum = new Reader(datagram.subarray(end)).u32();
  if (checksum !== crc32c(datagram.subarray(0, end))) return undefined;
  const isAccepted = type === PacketType.ConnectionAccepted;
  if (isAccepted ? generationOf(header.id) === 0 : header.id !== 0) return undefined;
  return readBody(type, reader, end - reader.offset);
}

function readBody(type: number, reader: Reader, length: number): Answer | undefined {
  switch (type) {
    case PacketType.Cookie: {
      const cookie = reader.bytes(COOKIE_BYTES);
      return cookie.every((byte) => byte === 0) ? undefined : { type: 'cookie', cookie };
    }
    case PacketType.ConnectionAccepted:
      return { type: 'accepted', noise: reader.bytes(length) };
    default: {
      const [reason, version, wait] = [reader.u8(), reader.u16(), reader.u16()];
      if (reason === 0 || reason > DENIAL_REASON_MAX) return undefined;
      return { type: 'denied', reason, version, wait };
    }
  }
}

/** What the server decided: PROTOCOL.md#connectionaccepted. */
export interface Parameters {
  id: number;
  suite: number;
  resumed: boolean;
  /** Milliseconds between pings. */
  heartbeat: number;
  /** Milliseconds of silence after which a connection is gone. */
  timeout: number;
}

/** Nothing if a value is not allowed. `mayResume`: the Connect named a session. */
export function readParameters(bytes: Uint8Array, offered: number, mayResume: boolean): Parameters | undefined {
  const reader = new Reader(bytes);
  const [id, suite, resumed, largest] = [reader.u32(), reader.u8(), reader.u8(), reader.u16()];
  const [heartbeat, timeout] = [reader.u32(), reader.u32()];
  if (!reader.complete || generationOf(id) === 0) return undefined;
  const isOneOffered = (suite & offered) !== 0 && (suite & (suite - 1)) === 0;
  if (!isOneOffered || resumed > (mayResume ? 1 : 0) || largest !== DATAGRAM_BYTES_MAX) return undefined;
  if (heartbeat === 0 || timeout <= heartbeat) return undefined;
  return { id, suite, resumed: resumed === 1, heartbeat, timeout };
}

/** Whether two byte strings are equal. Not for secrets. */
export function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
