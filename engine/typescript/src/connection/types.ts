/** What a connection takes and gives. */

import type { Random } from '../crypto/keys.js';

/** A message that arrived. `bytes` hold until the next poll: copy them to keep them. */
export interface Message {
  channel: number;
  bytes: Uint8Array;
}

/** Why a connection ended, or why an attempt to connect failed. */
export type CloseReason =
  /** This end closed. */
  | 'closed here'
  /** Reasons of a Disconnect: PROTOCOL.md#disconnect. */
  | 'closed by the server'
  | 'shutting down'
  | 'key exhausted'
  | 'protocol violation'
  | 'overflow'
  | 'bad compression'
  | 'short of memory'
  | 'integrity failed'
  | 'not resumable'
  | 'denied'
  /** Nothing authentic arrived for too long. */
  | 'timeout'
  /** The server did what no correct server does; this end closed. */
  | 'violation by the server'
  /** A message from the server did not decompress; this end closed. */
  | 'bad compression by the server'
  /** An attempt failed: nothing came back. */
  | 'no answer'
  /** Reasons of a ConnectionDenied: PROTOCOL.md#connectiondenied. */
  | 'wrong version'
  | 'server full'
  | 'wrong key'
  | 'no common suite'
  | 'server shutting down'
  | 'pre-shared key mismatch'
  | 'busy';

export type ConnectionEvent =
  /** `resumed`: the reliable channels continue. If not, what they carried and was not delivered is lost. */
  | { kind: 'connected'; id: number; resumed: boolean }
  | { kind: 'message'; message: Message }
  /** The connection is gone, or an attempt failed; another attempt follows. */
  | { kind: 'reconnecting'; reason: CloseReason }
  /** Nothing follows. */
  | { kind: 'closed'; reason: CloseReason };

export type SendResult =
  | 'queued'
  /** Too much waits: send it again later, or give it up. */
  | 'full'
  /** It has more than MESSAGE_BYTES_MAX bytes. */
  | 'too long'
  | 'no such channel'
  /** There is no connection. Reliable messages are also queued while a connection is being replaced. */
  | 'not connected';

/** A server that the session can move to: PROTOCOL.md#moves. */
export interface OtherServer {
  /** Its public key, 32 bytes. */
  key: Uint8Array;
  /** Its core that expects the session. */
  core: number;
  /** Its IPv4 or IPv6 address, as its hosts reach it. */
  address: string;
  /** Its UDP port. */
  port: number;
}

/** Where messages are sent. */
export interface MessagePort {
  send(channel: number, bytes: Uint8Array): SendResult;
  /** The present server wants the session to move to another one. A port that cannot do that has no such function. */
  changeServer?(server: OtherServer): void;
  /** Milliseconds. 0 before the first measurement. */
  readonly roundTrip: number;
}

export interface ConnectionOptions {
  /** The server's public key, 32 bytes. */
  serverKey: Uint8Array;
  /** A key of 32 bytes that only clients and server know. */
  preSharedKey?: Uint8Array | undefined;
  /** Whether a lost connection is replaced. Default: true. */
  reconnect?: boolean;
  /** Whether messages are compressed. Default: true. */
  compress?: boolean;
  /** The keys of PROTOCOL.md#integrity-check, by index. */
  integrityKeys?: readonly Uint8Array[];
  /** The largest datagram that the carrier takes, in bytes. Default: 1200. */
  largestDatagram?: number;
  /** When to ask for new keys: after so many bytes, and after so many milliseconds. Default: as PROTOCOL.md says. */
  rekey?: { bytes: number; period: number };
  /** Random bytes fit for keys. Default: those of the platform. */
  random?: Random;
}

/** Datagrams that had no effect, by reason: PROTOCOL.md#dropped-datagrams. And bad frames. */
export interface Drops {
  /** Fewer than 14 bytes or more than 1472. */
  size: number;
  /** An id that names no connection of this client. */
  id: number;
  /** Flags, channel or a key phase without a key. */
  flags: number;
  /** A sequence that is 0, not fresh or too high. */
  sequence: number;
  notAuthentic: number;
  /** Unencrypted packets that are damaged, not asked for, or have values not allowed. */
  unencrypted: number;
  badFrames: number;
}

export interface ConnectionStats {
  datagramsSent: number;
  datagramsReceived: number;
  /** Ack-eliciting datagrams that were deemed lost. */
  datagramsLost: number;
  drops: Drops;
}

export function newStats(): ConnectionStats {
  const drops = { size: 0, id: 0, flags: 0, sequence: 0, notAuthentic: 0, unencrypted: 0, badFrames: 0 };
  return { datagramsSent: 0, datagramsReceived: 0, datagramsLost: 0, drops };
}

const OF_DISCONNECT: Readonly<Record<number, CloseReason>> = {
  1: 'shutting down',
  3: 'key exhausted',
  4: 'protocol violation',
  5: 'overflow',
  6: 'bad compression',
  7: 'short of memory',
  9: 'integrity failed',
  10: 'not resumable',
  11: 'denied',
};

/** The reason of a Disconnect. Reserved values count as 0. */
export function reasonOfDisconnect(reason: number): CloseReason {
  return OF_DISCONNECT[reason] ?? 'closed by the server';
}

const OF_DENIAL: Readonly<Record<number, CloseReason>> = {
  1: 'wrong version',
  2: 'server full',
  3: 'wrong key',
  4: 'no common suite',
  5: 'server shutting down',
  6: 'pre-shared key mismatch',
  7: 'busy',
};

export function reasonOfDenial(reason: number): CloseReason {
  return OF_DENIAL[reason] ?? 'no answer';
}
