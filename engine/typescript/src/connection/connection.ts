/**
 * The client's end of a connection, with its attempts to connect and to reconnect.
 *
 * Without I/O: hand in each datagram and the time (`receive`), send what `poll` gives, take its events, and poll again
 * at `timeout` and after each `send`. Times are milliseconds of one clock that does not go back.
 */

import { compress, decompress } from '../compression/lz4.js';
import { concatenated, fractionOf, hmacSha256, platformRandom, type Random } from '../crypto/keys.js';
import { isChannel, isReliable } from '../wire/channels.js';
import {
  COMPRESSION_BYTES_MIN,
  DATAGRAM_BYTES_BASE,
  DATAGRAM_BYTES_MAX,
  DISCONNECT_COPIES,
  DISCONNECT_INTERVAL,
  HEADER_BYTES,
  MESSAGE_BYTES_MAX,
  RECONNECT_AFTER,
  RECONNECT_FIRST,
  RECONNECT_MAX,
} from '../wire/limits.js';
import { Attempt, type Connected, type Resumption } from './attempt.js';
import { Disconnect, type Ending, Established } from './established.js';
import { SessionState } from './session_state.js';
import {
  type CloseReason,
  type ConnectionEvent,
  type ConnectionOptions,
  type ConnectionStats,
  type MessagePort,
  newStats,
  reasonOfDisconnect,
  type SendResult,
} from './types.js';

/** Reasons of a Disconnect after which a client connects again. */
const RECONNECT_REASONS: readonly number[] = [1, 3, 7, 10];
const NOT_RESUMABLE = 10;
const FLAGS_AT = 5;

/** What leaves and what happened since the last poll. */
export interface Polled {
  datagrams: Uint8Array[];
  events: ConnectionEvent[];
}

/** The copies of a Disconnect that still leave. */
interface Farewell {
  established: Established;
  reason: number;
  copies: number;
  nextAt: number;
}

export class Connection implements MessagePort {
  readonly stats: ConnectionStats = newStats();

  private readonly random: Random;
  private largestDatagram: number;
  private events: ConnectionEvent[] = [];
  private session: SessionState;
  private hasSession = false;
  private established: Established | undefined;
  private attempt: Attempt | undefined;
  /** When the next attempt starts. */
  private attemptAt = Infinity;
  /** Attempts since the last ConnectionAccepted. */
  private attempts = 0;
  /** What names the session in the next attempt. */
  private resumption: Resumption | undefined;
  /** What names it from the first authentic datagram of the connection on. */
  private nextResumption: Resumption | undefined;
  private farewell: Farewell | undefined;
  private isClosed = false;

  constructor(
    private readonly options: ConnectionOptions,
    now: number,
  ) {
    this.random = options.random ?? platformRandom;
    this.largestDatagram = options.largestDatagram ?? DATAGRAM_BYTES_BASE;
    this.session = this.newSession();
    this.startAttempt(now);
  }

  get state(): 'connecting' | 'connected' | 'reconnecting' | 'closed' {
    if (this.isClosed) return 'closed';
    if (this.established) return 'connected';
    return this.hasSession ? 'reconnecting' : 'connecting';
  }

  get roundTrip(): number {
    return this.established?.roundTrip ?? 0;
  }

  /** Whether all reliable messages that were sent are acknowledged. */
  get isIdle(): boolean {
    return this.session.sender.isIdle;
  }

  /** Whether a datagram arrived from a server that has the keys, over the connection that there is. */
  get hasHeard(): boolean {
    return this.established?.hasHeard ?? false;
  }

  /** Takes a datagram that arrived. Whatever it holds, this does not throw. */
  receive(received: Uint8Array, now: number): void {
    const { drops } = this.stats;
    // Node's Buffers are Uint8Arrays whose `slice` does not copy.
    const datagram = new Uint8Array(received.buffer, received.byteOffset, received.length);
    if (datagram.length < HEADER_BYTES || datagram.length > DATAGRAM_BYTES_MAX) {
      drops.size += 1;
    } else if (datagram[FLAGS_AT] === 0) {
      this.receivePlain(datagram, now);
    } else if (this.established && !this.established.ending) {
      this.established.receive(datagram, now);
      this.afterReceive(this.established, now);
    } else {
      drops.id += 1;
    }
  }

  /** What leaves now, and what happened. */
  poll(now: number): Polled {
    const datagrams: Uint8Array[] = [];
    if (!this.isClosed) this.advance(now, datagrams);
    this.sayFarewell(now, datagrams);
    const { events } = this;
    this.events = [];
    return { datagrams, events };
  }

  /** When to poll again. Infinity: not before something arrives or is sent. */
  timeout(now: number): number {
    if (this.events.length > 0) return now;
    const farewellAt = this.farewell?.nextAt ?? Infinity;
    if (this.isClosed) return farewellAt;
    return Math.min(
      farewellAt,
      this.established?.timeout(now) ?? Infinity,
      this.attempt?.timeout() ?? Infinity,
      this.attempt ? Infinity : this.attemptAt,
      this.besideAt,
    );
  }

  /** Takes a message. It leaves with the next poll, or when the windows let it go. The bytes are copied. */
  send(channel: number, bytes: Uint8Array): SendResult {
    if (!isChannel(channel)) return 'no such channel';
    if (bytes.length > MESSAGE_BYTES_MAX) return 'too long';
    const reliable = isReliable(channel);
    const isOpen = reliable ? this.hasSession && !this.isClosed : this.established !== undefined;
    if (!isOpen) return 'not connected';
    const isLong = bytes.length > COMPRESSION_BYTES_MIN && (this.options.compress ?? true);
    const compressed = isLong ? compress(bytes) : undefined;
    const travelling = compressed ?? new Uint8Array(bytes);
    const isQueued = reliable
      ? this.session.sender.queue(channel, compressed !== undefined, travelling)
      : this.established!.queueUnreliable(channel, compressed !== undefined, travelling);
    return isQueued ? 'queued' : 'full';
  }

  /** Ends the connection. `atOnce`: all copies of the Disconnect leave with the next poll. */
  close(now: number, atOnce = false): void {
    if (this.isClosed) return;
    if (this.established) this.beginFarewell(this.established, Disconnect.Closed, now, atOnce);
    this.end('closed here');
  }

  /** The datagrams travel another way from now on: over another carrier, or from another address. */
  pathChanged(largestDatagram: number, now: number): void {
    this.largestDatagram = largestDatagram;
    this.established?.pathChanged(largestDatagram);
    // A cookie is good for one address alone.
    if (this.attempt?.hasStarted && !this.isClosed) this.startAttempt(now);
  }

  /** A ping leaves with the next poll, if there is a connection. */
  ping(): void {
    this.established?.requestPing();
  }

  /** Asks the server for new keys, if the document allows it now. */
  rekey(now: number): void {
    this.established?.keys.ask(now);
  }

  /** How often the keys of the present connection were replaced. */
  get rekeys(): number {
    return this.established?.keys.replacements ?? 0;
  }

  // What arrives

  private receivePlain(datagram: Uint8Array, now: number): void {
    const outcome = this.isClosed ? false : (this.attempt?.receive(datagram, now) ?? false);
    if (outcome === false) this.stats.drops.unencrypted += 1;
    else if (outcome !== true) this.connected(outcome, now);
  }

  private connected({ parameters, split, secrets }: Connected, now: number): void {
    this.attempt = undefined;
    this.attempts = 0;
    const { id, resumed, heartbeat, timeout } = parameters;
    const resumption = { token: secrets.token, resumeSecret: secrets.resumeSecret, core: id & 0xff };
    if (resumed) {
      this.session.sender.restart();
      this.nextResumption = resumption;
    } else {
      this.session = this.newSession();
      this.resumption = resumption;
      this.nextResumption = undefined;
    }
    this.hasSession = true;
    const { session, stats, random, largestDatagram } = this;
    const { integrityKeys, rekey } = this.options;
    const answer = (index: number, nonce: Uint8Array): Uint8Array | undefined => {
      const key = integrityKeys?.[index];
      const covered = concatenated(secrets.transcript, nonce);
      return key && concatenated(nonce.subarray(0, 8), hmacSha256(key, covered));
    };
    const deliver = this.deliver;
    this.established = new Established(
      { end: 'client', id, heartbeat, timeout, split, session, deliver, largestDatagram, stats, random, rekey, answer },
      now,
    );
    this.events.push({ kind: 'connected', id, resumed });
  }

  private readonly deliver = (channel: number, compressed: boolean, bytes: Uint8Array): boolean => {
    const message = compressed ? decompress(bytes) : bytes;
    if (!message) return false;
    this.events.push({ kind: 'message', message: { channel, bytes: message } });
    return true;
  };

  private afterReceive(established: Established, now: number): void {
    if (established.heardAt === now && established.hasHeard) {
      // The connection lives: an attempt to replace it is over.
      this.attempt = undefined;
      this.attemptAt = Infinity;
      if (this.nextResumption) this.resumption = this.nextResumption;
      this.nextResumption = undefined;
    }
    if (established.ending) this.gone(established, established.ending, now);
  }

  private newSession(): SessionState {
    return new SessionState(this.deliver);
  }

  // The life of connections

  private advance(now: number, datagrams: Uint8Array[]): void {
    const { established } = this;
    established?.poll(now, datagrams);
    if (established?.ending) this.gone(established, established.ending, now);
    if (now >= this.besideAt) this.attemptAt = Math.min(this.attemptAt, now);
    if (!this.attempt && now >= this.attemptAt) this.startAttempt(now);
    const failure = this.attempt?.failure(now);
    if (failure) this.attemptFailed(failure, now);
    this.attempt?.poll(now, datagrams);
  }

  /** When an attempt starts beside a silent connection. */
  private get besideAt(): number {
    const { established } = this;
    const isDue = established && !this.attempt && this.attemptAt === Infinity && this.reconnects;
    return isDue ? established.heardAt + established.heartbeat + RECONNECT_AFTER : Infinity;
  }

  private get reconnects(): boolean {
    return this.options.reconnect ?? true;
  }

  private startAttempt(now: number): void {
    const { serverKey, preSharedKey } = this.options;
    const { resumption, random } = this;
    this.attemptAt = Infinity;
    this.attempt = Attempt.start({ serverKey, preSharedKey, resumption, random }, now);
    if (!this.attempt) this.end('wrong key');
  }

  private attemptFailed(reason: CloseReason, now: number): void {
    this.attempt = undefined;
    if (!this.reconnects) {
      this.end(reason);
      return;
    }
    this.attemptAt = now + this.nextWait();
    if (!this.established) this.events.push({ kind: 'reconnecting', reason });
  }

  private gone(established: Established, ending: Ending, now: number): void {
    this.established = undefined;
    if (ending.by === 'violation') {
      this.beginFarewell(established, ending.reason, now, false);
      const isCompression = ending.reason === Disconnect.BadCompression;
      this.end(isCompression ? 'bad compression by the server' : 'violation by the server');
      return;
    }
    const reason = ending.by === 'timeout' ? 'timeout' : reasonOfDisconnect(ending.reason);
    const isTransient = ending.by === 'timeout' || RECONNECT_REASONS.includes(ending.reason);
    if (!isTransient || !this.reconnects) {
      this.end(reason);
      return;
    }
    if (ending.by === 'peer' && ending.reason === NOT_RESUMABLE) {
      this.resumption = undefined;
      this.nextResumption = undefined;
      this.hasSession = false;
      this.session = this.newSession();
    }
    this.events.push({ kind: 'reconnecting', reason });
    if (!this.attempt) this.attemptAt = Math.min(this.attemptAt, now + this.nextWait());
  }

  private nextWait(): number {
    const wait = Math.min(RECONNECT_FIRST * 2 ** this.attempts, RECONNECT_MAX);
    this.attempts += 1;
    return wait * (0.5 + 0.5 * fractionOf(this.random));
  }

  private end(reason: CloseReason): void {
    this.isClosed = true;
    this.established = undefined;
    this.attempt = undefined;
    this.events.push({ kind: 'closed', reason });
  }

  private beginFarewell(established: Established, reason: number, now: number, atOnce: boolean): void {
    this.farewell = { established, reason, copies: DISCONNECT_COPIES, nextAt: atOnce ? -Infinity : now };
  }

  private sayFarewell(now: number, datagrams: Uint8Array[]): void {
    const { farewell } = this;
    while (farewell && farewell.copies > 0 && now >= farewell.nextAt) {
      datagrams.push(farewell.established.disconnect(farewell.reason));
      farewell.copies -= 1;
      farewell.nextAt += DISCONNECT_INTERVAL;
    }
    if (farewell?.copies === 0) this.farewell = undefined;
  }
}
