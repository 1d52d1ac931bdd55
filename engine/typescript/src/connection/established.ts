/**
 * A connection from the handshake to its end: sealed datagrams, frames, acknowledgments, losses, heartbeats.
 *
 * It neither reads a clock nor sends: `receive` takes a datagram, `poll` gives what leaves, `timeout` says when to poll
 * again. It serves both ends; what only one end does is in its rules of keys and in the connection around it.
 */

import { Writer } from '../bytes/writer.js';
import { Reader } from '../bytes/reader.js';
import type { Random, SplitKeys } from '../crypto/keys.js';
import type { Ack } from '../wire/ack.js';
import { ACK_BYTES_MIN } from '../wire/ack.js';
import { isReliable } from '../wire/channels.js';
import { type Frame, FrameKind, readFrames, writeFrame, writeFrameHead } from '../wire/frames.js';
import { coreOf, readHeader, slotOf, writeEncryptedHeader } from '../wire/header.js';
import {
  BUCKETS,
  CONNECT_RETRY_FIRST,
  CONNECT_RETRY_MAX,
  FRAME_HEADER_BYTES,
  HEADER_BYTES,
  REPLAY_WINDOW,
  SKIPPED_NUMBER_PERIOD,
  TAG_BYTES,
} from '../wire/limits.js';
import { Congestion } from './congestion.js';
import { type Contents, InFlight, type Sent } from './in_flight.js';
import { Mtu } from './mtu.js';
import { Received } from './received.js';
import { type End, type RekeyLimits, TrafficKeys } from './rekey.js';
import { RoundTrip } from './roundtrip.js';
import type { SessionState } from './session_state.js';
import type { ConnectionStats } from './types.js';
import type { Outcome } from './reliable_receiver.js';
import { UnreliableReceiver, UnreliableSender } from './unreliable.js';
import type { Deliver } from './reliable_receiver.js';

/** Reasons of a Disconnect that this end sends. */
export const Disconnect = { Closed: 0, Violation: 4, BadCompression: 6 } as const;

/** How a connection ended, as this end sees it. */
export type Ending =
  | { by: 'peer'; reason: number }
  | { by: 'timeout' }
  /** This end closes with the reason. */
  | { by: 'violation'; reason: number };

export interface EstablishedOptions {
  end: End;
  id: number;
  heartbeat: number;
  timeout: number;
  split: SplitKeys;
  session: SessionState;
  deliver: Deliver;
  largestDatagram: number;
  stats: ConnectionStats;
  random: Random;
  rekey?: RekeyLimits | undefined;
  /** The answer to an integrity challenge. Nothing if this end has no such key. */
  answer?: (index: number, nonce: Uint8Array) => Uint8Array | undefined;
}

const ACK_RESERVE = FRAME_HEADER_BYTES + ACK_BYTES_MIN + 32;
const FRAMES_OVERHEAD = HEADER_BYTES + TAG_BYTES;
const COLLAPSE_AFTER = 2;
/** Random numbers take so many bytes at a time. */
const VALUE_BYTES = 8;

export class Established {
  /** Set when the connection is gone. */
  ending: Ending | undefined;
  /** Whether an authentic datagram arrived. */
  hasHeard = false;
  /** When the last authentic datagram arrived; at first, when this end had the keys. */
  heardAt: number;
  /** For tests, and for those who want new keys. */
  readonly keys: TrafficKeys;

  private id: number;
  private previousId: number | undefined;
  /** The highest sequence that brought a NewId. */
  private idSequence = 0;
  private sequence = 0;
  private readonly skipped: number[] = [];
  private skipAt: number;
  private hasElicited = false;
  private readonly received = new Received();
  private readonly inFlight = new InFlight();
  private roundTripTime = new RoundTrip();
  private congestion = new Congestion();
  private mtu: Mtu;
  private readonly unreliableSender = new UnreliableSender();
  private readonly unreliableReceiver: UnreliableReceiver;
  private readonly writer = new Writer(1500);
  private readonly header = new Writer(HEADER_BYTES);

  private pingDue = false;
  private pingAt: number;
  private ping: { value: Uint8Array; at: number } | undefined;
  private pongTime = 0;
  private proofs = 0;
  private proofAt: number;
  private pong: Uint8Array | undefined;
  private pathResponse: Uint8Array | undefined;
  private integrity: Uint8Array | undefined;
  private isProbeDue = false;

  constructor(
    private readonly options: EstablishedOptions,
    now: number,
  ) {
    this.id = options.id;
    this.keys = new TrafficKeys(options.split, options.end, now, options.random, options.rekey);
    this.unreliableReceiver = new UnreliableReceiver(options.deliver);
    this.mtu = new Mtu(options.largestDatagram);
    this.heardAt = now;
    this.pingAt = now + options.heartbeat;
    // The first datagram proves that the client has the keys.
    this.pingDue = options.end === 'client';
    this.proofAt = options.end === 'client' ? this.nextProof(now) : Infinity;
    this.skipAt = this.nextSkip();
  }

  /** Milliseconds; from acknowledgments or, where nothing was acknowledged, from pings. 0: not measured. */
  get roundTrip(): number {
    return this.roundTripTime.hasSample ? this.roundTripTime.smoothed : this.pongTime;
  }

  /** Datagrams of this connection carry this id, or the one before it. */
  get connectionId(): number {
    return this.id;
  }

  get core(): number {
    return coreOf(this.id);
  }

  get heartbeat(): number {
    return this.options.heartbeat;
  }

  /** Takes an unreliable message as it travels. False: too much waits. */
  queueUnreliable(channel: number, compressed: boolean, bytes: Uint8Array): boolean {
    return this.unreliableSender.queue(channel, compressed, bytes);
  }

  /** A datagram whose flags are not 0. */
  receive(datagram: Uint8Array, now: number): void {
    const { drops } = this.options.stats;
    const reader = new Reader(datagram);
    const header = readHeader(reader);
    if (header.id !== this.id && header.id !== this.previousId) {
      drops.id += 1;
      return;
    }
    if (header.channel !== 0 || !this.keys.hasKey(header.flags)) {
      drops.flags += 1;
      return;
    }
    const tail = new Reader(header.tail);
    const sequence = tail.u53();
    if (tail.failed || !this.received.isFresh(sequence)) {
      drops.sequence += 1;
      return;
    }
    const plaintext = this.keys.open(header.flags, datagram, now, this.roundTripTime.probeTimeout);
    if (!plaintext) {
      drops.notAuthentic += 1;
      return;
    }
    this.authentic(sequence, plaintext, now);
  }

  /** Appends the datagrams that leave now. */
  poll(now: number, datagrams: Uint8Array[]): void {
    if (this.ending) return;
    if (now >= this.heardAt + this.options.timeout) {
      this.ending = { by: 'timeout' };
      return;
    }
    this.runTimers(now);
    for (let built = this.build(now); built; built = this.build(now)) datagrams.push(built);
    const probe = this.buildMtuProbe(now);
    if (probe) datagrams.push(probe);
  }

  /** When to poll again. */
  timeout(now: number): number {
    if (this.ending) return Infinity;
    const canSend = this.options.session.sender.hasSendable(this.room);
    return Math.min(
      this.heardAt + this.options.timeout,
      this.pingAt,
      this.proofAt,
      this.received.ackAt,
      this.inFlight.lossAt(this.roundTripTime),
      this.inFlight.probeTimeoutAt(this.roundTripTime),
      this.keys.timeout(),
      this.mtu.probeAt(),
      canSend ? this.congestion.nextAt(now, this.roundTripTime.smoothed) : Infinity,
      this.hasUrgent ? now : Infinity,
    );
  }

  /** The path changed: another carrier, or another address. PROTOCOL.md#migration. */
  pathChanged(largestDatagram: number, now: number): void {
    for (const sent of this.inFlight.takeAll()) this.sendAgain(sent);
    this.inFlight.row = 0;
    this.roundTripTime = new RoundTrip();
    this.congestion = new Congestion();
    this.mtu = new Mtu(largestDatagram);
    this.pingDue = true;
    if (!this.hasHeard) this.proofAt = this.nextProof(now);
  }

  /** A ping leaves with the next poll. */
  requestPing(): void {
    this.pingDue = true;
  }

  /** A datagram with a Disconnect. */
  disconnect(reason: number): Uint8Array {
    this.writer.clear();
    writeFrame(this.writer, FrameKind.Disconnect, Uint8Array.of(reason));
    return this.seal(this.nextSequence());
  }

  /** A datagram that says whatever is in `frames`; for tests of the other end. */
  sealed(frames: Uint8Array): Uint8Array {
    this.writer.clear();
    this.writer.bytes(frames);
    return this.seal(this.nextSequence());
  }

  /** The server's side of PROTOCOL.md#new-connection-id. */
  renumber(id: number): void {
    this.previousId = this.id;
    this.id = id;
  }

  // What arrives

  private authentic(sequence: number, plaintext: Uint8Array, now: number): void {
    const follows = sequence === this.received.highest + 1;
    this.received.mark(sequence, now);
    this.hasHeard = true;
    this.heardAt = now;
    this.proofAt = Infinity;
    this.options.stats.datagramsReceived += 1;
    const { frames, bad, violation } = readFrames(plaintext);
    this.options.stats.drops.badFrames += bad;
    let elicits = false;
    for (const frame of frames) {
      if (this.take(frame, sequence, now)) elicits = true;
      if (this.ending) return;
    }
    if (violation) this.violation();
    if (elicits) this.received.elicitsAck(follows, now);
  }

  /** Whether the frame is ack-eliciting. */
  private take(frame: Frame, sequence: number, now: number): boolean {
    switch (frame.kind) {
      case 'message':
        return this.takeMessage(frame, now);
      case 'fragment':
        return this.takeMessage(frame, now);
      case 'ping':
        this.pong = frame.value.slice();
        return false;
      case 'pong':
        this.takePong(frame.value, now);
        return false;
      case 'pathChallenge':
        this.pathResponse = frame.value.slice();
        return false;
      case 'pathResponse':
        return false;
      case 'disconnect':
        this.ending = { by: 'peer', reason: frame.reason };
        return false;
      case 'ack':
        this.takeAck(frame.ack, now);
        return false;
      case 'newId':
        return this.takeNewId(frame.id, sequence);
      case 'integrityChallenge':
        return this.takeChallenge(frame.index, frame.nonce);
      case 'integrityAnswer':
        return this.bad();
      case 'rekeyRequest':
        if (!this.keys.requested(frame.key, now)) this.violation();
        return true;
      case 'rekeyResponse':
        if (!this.keys.responded(frame.requestStart, frame.key, now)) this.violation();
        return true;
      case 'probe':
        return true;
    }
  }

  private takeMessage(frame: Frame & { kind: 'message' | 'fragment' }, now: number): boolean {
    const channel = frame.kind === 'message' ? frame.channel : frame.fragment.channel;
    const { receiver } = this.options.session;
    let outcome: Outcome;
    if (isReliable(channel)) {
      outcome =
        frame.kind === 'message'
          ? receiver.message(channel, frame.number, frame.compressed, frame.bytes)
          : receiver.fragment(frame.fragment);
    } else {
      const isGood =
        frame.kind === 'message'
          ? this.unreliableReceiver.message(channel, frame.number, frame.compressed, frame.bytes)
          : this.unreliableReceiver.fragment(frame.fragment, now);
      outcome = isGood ? 'accepted' : 'bad compression';
    }
    if (outcome === 'violation') this.violation();
    if (outcome === 'bad compression') this.ending = { by: 'violation', reason: Disconnect.BadCompression };
    return isReliable(channel);
  }

  private takePong(value: Uint8Array, now: number): void {
    const { ping } = this;
    if (!ping || !value.every((byte, at) => byte === ping.value[at])) return;
    this.pongTime = now - ping.at;
    this.ping = undefined;
  }

  private takeAck(ack: Ack, now: number): void {
    const isPossible = ack.largest <= this.sequence && !this.skipped.some((skipped) => covers(ack, skipped));
    if (!isPossible) {
      this.violation();
      return;
    }
    if (!this.hasElicited) return;
    this.keys.acknowledged(ack.ranges);
    const acknowledged = this.inFlight.acknowledge(ack, this.roundTripTime, now);
    for (const sent of acknowledged) {
      this.congestion.acknowledged(sent.bytes, sent.at);
      for (const part of sent.parts) this.options.session.sender.acknowledged(part);
      if (sent.probe > 0) this.mtu.probeAcknowledged(sent.probe);
    }
    if (acknowledged.length > 0) {
      this.inFlight.row = 0;
      this.mtu.rowEnded(now);
    }
    this.detectLosses(now);
  }

  private takeNewId(id: number, sequence: number): boolean {
    const isOwn = coreOf(id) === coreOf(this.id) && slotOf(id) === slotOf(this.id);
    if (this.options.end === 'server' || !isOwn) return this.bad();
    if (sequence < this.idSequence) return true;
    this.idSequence = sequence;
    if (id !== this.id) this.renumber(id);
    return true;
  }

  private takeChallenge(index: number, nonce: Uint8Array): boolean {
    if (this.options.end === 'server') return this.bad();
    this.integrity = this.options.answer?.(index, nonce);
    return true;
  }

  private bad(): false {
    this.options.stats.drops.badFrames += 1;
    return false;
  }

  private violation(): void {
    this.ending = { by: 'violation', reason: Disconnect.Violation };
  }

  // Losses

  private runTimers(now: number): void {
    if (now >= this.pingAt) {
      this.pingDue = true;
      this.pingAt = now + this.options.heartbeat;
    }
    if (now >= this.proofAt) {
      this.pingDue = true;
      this.proofAt = this.nextProof(now);
    }
    this.keys.advance(now);
    this.detectLosses(now);
    if (now >= this.inFlight.probeTimeoutAt(this.roundTripTime)) this.probeTimedOut(now);
  }

  private probeTimedOut(now: number): void {
    this.inFlight.row += 1;
    const oldest = this.inFlight.takeOldest();
    if (oldest) this.wasLost(oldest, now);
    if (this.inFlight.row >= COLLAPSE_AFTER) this.congestion.collapse();
    this.mtu.timedOut(this.inFlight.row, now);
    this.isProbeDue = true;
  }

  private detectLosses(now: number): void {
    for (const sent of this.inFlight.lost(this.roundTripTime, now)) this.wasLost(sent, now);
  }

  private wasLost(sent: Sent, now: number): void {
    this.options.stats.datagramsLost += 1;
    if (sent.probe > 0) {
      this.congestion.forgotten(sent.bytes);
      this.mtu.probeLost(now);
    } else {
      this.congestion.lost(sent.bytes, sent.at, now);
    }
    this.sendAgain(sent);
  }

  private sendAgain(sent: Sent): void {
    for (const part of sent.parts) this.options.session.sender.lost(part);
    if (sent.rekey > 0) this.keys.frameLost(sent.rekey);
    // A later challenge has another answer.
    if (sent.integrity && !this.integrity) this.integrity = sent.integrity;
  }

  // What leaves

  /** Bytes for frames in a datagram. */
  private get room(): number {
    return this.mtu.size - FRAMES_OVERHEAD;
  }

  private get hasUrgent(): boolean {
    return (
      this.pingDue ||
      this.isProbeDue ||
      this.pong !== undefined ||
      this.pathResponse !== undefined ||
      this.integrity !== undefined ||
      this.keys.frameDue() !== undefined ||
      this.unreliableSender.hasSendable
    );
  }

  /** The next datagram, if one is due. */
  private build(now: number): Uint8Array | undefined {
    this.writer.clear();
    const isAckWaiting = this.received.isAckWaiting;
    const sequence = this.sequence + 1 === this.skipAt ? this.skip() : this.sequence + 1;
    const room = this.room - (isAckWaiting ? ACK_RESERVE : 0);
    const contents = this.fill(now, sequence, room);
    if (isAckWaiting && (this.writer.length > 0 || now >= this.received.ackAt || this.isHeldByAck(now))) {
      this.writeAck(now, this.room - this.writer.length);
    }
    if (this.writer.length === 0) return undefined;
    this.sequence = sequence;
    const datagram = this.seal(sequence);
    if (contents) this.elicited({ ...contents, sequence, bytes: datagram.length, at: now });
    return datagram;
  }

  /** Whether what waits has no room beside an Ack: then the Ack leaves first. */
  private isHeldByAck(now: number): boolean {
    const { sender } = this.options.session;
    const maySend = this.congestion.maySend(now, this.roundTripTime.smoothed);
    return this.unreliableSender.hasSendable || (maySend && sender.hasSendable(this.room));
  }

  /** Writes frames; gives what is ack-eliciting of them, if anything is. */
  private fill(now: number, sequence: number, room: number): Contents | undefined {
    const { writer } = this;
    const contents: Contents = { parts: [], rekey: 0, integrity: undefined, probe: 0 };
    this.fillSmall(now, room);
    const rekey = this.keys.frameDue();
    if (rekey) {
      writeFrame(writer, rekey.kind, rekey.body);
      this.keys.frameSent(sequence);
      contents.rekey = rekey.kind;
    }
    if (this.integrity) {
      writeFrame(writer, FrameKind.Integrity, this.integrity);
      contents.integrity = this.integrity;
      this.integrity = undefined;
    }
    this.unreliableSender.fill(writer, room - writer.length, this.room);
    if (this.isProbeDue || this.congestion.maySend(now, this.roundTripTime.smoothed)) {
      contents.parts = this.options.session.sender.fill(writer, room - writer.length, this.room);
    }
    let elicits = contents.parts.length > 0 || rekey !== undefined || contents.integrity !== undefined;
    if (this.isProbeDue && !elicits && room - writer.length >= FRAME_HEADER_BYTES) {
      writeFrameHead(writer, FrameKind.Probe, 0);
      elicits = true;
    }
    if (elicits) this.isProbeDue = false;
    return elicits ? contents : undefined;
  }

  private fillSmall(now: number, room: number): void {
    const { writer } = this;
    if (this.pathResponse) writeFrame(writer, FrameKind.PathResponse, this.pathResponse);
    if (this.pong) writeFrame(writer, FrameKind.Pong, this.pong);
    this.pathResponse = undefined;
    this.pong = undefined;
    if (!this.pingDue || room - writer.length < FRAME_HEADER_BYTES + VALUE_BYTES) return;
    this.ping = { value: this.options.random(VALUE_BYTES), at: now };
    this.pingDue = false;
    writeFrame(writer, FrameKind.Ping, this.ping.value);
  }

  private writeAck(now: number, room: number): void {
    const { writer } = this;
    const head = writer.length;
    writeFrameHead(writer, FrameKind.Ack, 0);
    this.received.writeAck(writer, now, room - FRAME_HEADER_BYTES);
    writer.setU16(head, (FrameKind.Ack << 11) | (writer.length - head - FRAME_HEADER_BYTES));
  }

  private buildMtuProbe(now: number): Uint8Array | undefined {
    if (!this.hasHeard) return undefined;
    const isBusy = this.congestion.inFlight > 4 * this.mtu.size;
    const size = this.mtu.probeDue(now, isBusy);
    if (size === undefined) return undefined;
    this.writer.clear();
    const length = size - FRAMES_OVERHEAD - FRAME_HEADER_BYTES;
    writeFrameHead(this.writer, FrameKind.Probe, length);
    this.writer.zeros(length);
    const sequence = this.nextSequence();
    const datagram = this.seal(sequence);
    this.mtu.probeSent();
    const contents = { parts: [], rekey: 0, integrity: undefined, probe: size };
    this.elicited({ ...contents, sequence, bytes: datagram.length, at: now });
    return datagram;
  }

  private elicited(sent: Sent): void {
    this.hasElicited = true;
    this.inFlight.add(sent);
    this.congestion.sent(sent.bytes);
  }

  /** Seals the frames in the writer, padded. */
  private seal(sequence: number): Uint8Array {
    const { writer, header } = this;
    const needed = writer.length + FRAMES_OVERHEAD;
    const size = BUCKETS.find((bucket) => bucket >= needed) ?? needed;
    writer.zeros(size - needed);
    header.clear();
    writeEncryptedHeader(header, this.id, this.keys.flags, sequence);
    this.options.stats.datagramsSent += 1;
    return this.keys.seal(header.written(), writer.written());
  }

  private nextSequence(): number {
    this.sequence = this.sequence + 1 === this.skipAt ? this.skip() : this.sequence + 1;
    return this.sequence;
  }

  /** Leaves out the next sequence, and gives the one after it. */
  private skip(): number {
    this.skipped.push(this.skipAt);
    while (this.skipped[0]! <= this.skipAt - REPLAY_WINDOW) this.skipped.shift();
    this.sequence = this.skipAt;
    this.skipAt = this.nextSkip();
    return this.sequence + 1;
  }

  private nextSkip(): number {
    const random = new Reader(this.options.random(4)).u32();
    return this.sequence + 2 + (random % (2 * SKIPPED_NUMBER_PERIOD));
  }

  private nextProof(now: number): number {
    const wait = Math.min(CONNECT_RETRY_FIRST * 2 ** this.proofs, CONNECT_RETRY_MAX);
    this.proofs += 1;
    return now + wait * (0.75 + 0.5 * this.fraction());
  }

  private fraction(): number {
    return new Reader(this.options.random(4)).u32() / 0x1_0000_0000;
  }
}

function covers(ack: Ack, sequence: number): boolean {
  return ack.ranges.some(({ first, last }) => first <= sequence && sequence <= last);
}
