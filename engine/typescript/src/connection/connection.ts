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
  HEADER_BYTES,
  MESSAGE_BYTES_MAX,
  RECONNECT_AFTER,
  RECONNECT_FIRST,
  RECONNECT_MAX,
} from '../wire/limits.js';
import { Attempt, type Connected, type Resumption } from './attempt.js';
import { Disconnect, type Ending, Established } from './established.js';
import { Farewell } from './farewell.js';
import { Moves } from './moves.js';
import { SessionState } from './session_state.js';
import {
  type CloseReason,
  type ConnectionEvent,
  type ConnectionOptions,
  type ConnectionStats,
  type MessagePort,
  newStats,
  type OtherServer,
  reasonOfDisconnect,
  type SendResult,
} from './types.js';

/** Reasons of a Disconnect after which a client connects again. */
const RECONNECT_REASONS: readonly number[] = [1, 3, 7, 10];
const NOT_RESUMABLE = 10;
const FLAGS_AT = 5;

/** What leaves and what happened since the last poll. */
export interface Polled {
  /** For the server at `Connection.place`. */
  datagrams: Uint8Array[];
  /** For the other server while the session moves. */
  connects: Uint8Array[];
  events: ConnectionEvent[];
}

export class Connection implements MessagePort {
  readonly stats: ConnectionStats = newStats();

  private readonly random: Random;
  private readonly moves: Moves;
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
    const { serverKey, largestDatagram = DATAGRAM_BYTES_BASE } = options;
    this.moves = new Moves({ number: 0, serverKey, largestDatagram, core: 0, isWithoutSession: false });
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

  /** The number of the way to the server of the connection: 0, or one that `moveTo` was given. */
  get place(): number {
    return this.moves.current.number;
  }

  /** Whether the session moves: until the other server is heard, or the session stays. */
  get isMoving(): boolean {
    return this.moves.isMoving;
  }

  /** Whether all reliable messages that were sent are acknowledged. */
  get isIdle(): boolean {
    return this.session.sender.isIdle;
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
    const polled: Polled = { datagrams: [], connects: [], events: [] };
    if (!this.isClosed) this.advance(now, polled);
    this.farewell?.poll(now, polled.datagrams);
    polled.events = this.events;
    this.events = [];
    return polled;
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
    if (this.established) this.farewell = new Farewell(this.established, Disconnect.Closed, now, atOnce);
    this.end('closed here');
  }

  /**
   * The session moves to another server, as the present one says: the client connects to it and resumes there. The present
   * connection stays until the other server accepts, and for good if it does not. `number`: the caller's name for the way.
   * False, and nothing is done, without a connection, while the session moves, and if no server can have the key.
   */
  moveTo({ key, core }: OtherServer, number: number, now: number): boolean {
    if (!this.established || this.established.ending || this.moves.isMoving) return false;
    const former = this.attempt;
    this.moves.target = { number, serverKey: key, largestDatagram: DATAGRAM_BYTES_BASE, core, isWithoutSession: false };
    this.attempt = this.newAttempt(now);
    if (this.attempt) return true;
    this.moves.target = undefined;
    this.attempt = former;
    return false;
  }

  /** The datagrams to the server at `number` travel another way from now on: over another carrier, or from another address. */
  pathChanged(largestDatagram: number, now: number, number = this.place): void {
    const place = this.moves.at(number);
    if (!place) return;
    place.largestDatagram = largestDatagram;
    if (place === this.moves.current) this.established?.pathChanged(largestDatagram);
    // A cookie is good for one address alone.
    if (place === this.moves.sought && this.attempt?.hasStarted && !this.isClosed) this.startAttempt(now);
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
    if (!parameters.resumed && this.asksOther(now)) return;
    this.attempt = undefined;
    this.attempts = 0;
    if (this.moves.target) this.moves.arrive(this.resumption?.core ?? 0);
    else if (!parameters.resumed) this.moves.forget();
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
    const { session, stats, random } = this;
    const { largestDatagram } = this.moves.current;
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

  /** A server accepts the client without the session that moves. Whether the other server has it still. */
  private asksOther(now: number): boolean {
    if (this.moves.target) {
      this.stay();
      return true;
    }
    if (!this.moves.other) return false;
    this.moves.current.isWithoutSession = true;
    this.attempt = undefined;
    this.attemptAt = now + this.nextWait();
    this.events.push({ kind: 'reconnecting', reason: 'not resumable' });
    return true;
  }

  private afterReceive(established: Established, now: number): void {
    if (established.heardAt === now && established.hasHeard && !this.isStillAtFormer(established.ending)) {
      this.moves.settle();
      // The connection lives: an attempt to replace it is over.
      if (!this.moves.target) this.attempt = undefined;
      this.attemptAt = Infinity;
      if (this.nextResumption) this.resumption = this.nextResumption;
      this.nextResumption = undefined;
    }
    if (established.ending) this.gone(established, established.ending, now);
  }

  /** Whether a server says that the session has not moved to it: the former one has it still. */
  private isStillAtFormer(ending: Ending | undefined): boolean {
    return this.moves.former !== undefined && ending?.by === 'peer' && ending.reason === NOT_RESUMABLE;
  }

  private newSession(): SessionState {
    return new SessionState(this.deliver);
  }

  // The life of connections

  private advance(now: number, { datagrams, connects }: Polled): void {
    const { established } = this;
    established?.poll(now, datagrams);
    if (established?.ending) this.gone(established, established.ending, now);
    if (now >= this.besideAt) this.attemptAt = Math.min(this.attemptAt, now);
    if (!this.attempt && now >= this.attemptAt) this.nextAttempt(now);
    const failure = this.attempt?.failure(now);
    if (failure) this.attemptFailed(failure, now);
    this.attempt?.poll(now, this.moves.target ? connects : datagrams);
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

  /** A server that was never heard since the session moved to it may not have it: the one before may. */
  private nextAttempt(now: number): void {
    if (this.established) this.moves.target = this.moves.former;
    else this.moves.alternate();
    this.startAttempt(now);
  }

  private startAttempt(now: number): void {
    this.attemptAt = Infinity;
    this.attempt = this.newAttempt(now);
    if (!this.attempt) this.end('wrong key');
  }

  /** Nothing if no server can have the key. */
  private newAttempt(now: number): Attempt | undefined {
    const { preSharedKey } = this.options;
    const { random, moves } = this;
    const { serverKey, core } = moves.sought;
    const resumption = this.resumption && moves.isMoving ? { ...this.resumption, core } : this.resumption;
    return Attempt.start({ serverKey, preSharedKey, resumption, random }, now);
  }

  /** The session stays where it is. */
  private stay(): void {
    this.attempt = undefined;
    this.moves.target = undefined;
  }

  private attemptFailed(reason: CloseReason, now: number): void {
    if (this.moves.target) {
      this.stay();
      return;
    }
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
      this.farewell = new Farewell(established, ending.reason, now, false);
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
    if (this.moves.target) this.stay();
    if (ending.by === 'peer' && ending.reason === NOT_RESUMABLE && !this.moves.former) {
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
    this.stay();
    this.moves.former = undefined;
    this.events.push({ kind: 'closed', reason });
  }
}
