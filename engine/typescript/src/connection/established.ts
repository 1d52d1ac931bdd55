/**
 * A connection from the handshake to its end: sealed datagrams, frames, acknowledgments, losses, heartbeats.
 *
 * It neither reads a clock nor sends: `receive` takes a datagram, `poll` gives what leaves, `timeout` says when to poll
 * again. It serves both ends; what only one end does depends on `end`, or is in what surrounds it.
 */

import { Reader } from '../bytes/reader.js';
import { Writer } from '../bytes/writer.js';
import type { Random, SplitKeys } from '../crypto/keys.js';
import { type Ack, ACK_BYTES_MIN } from '../wire/ack.js';
import { isReliable } from '../wire/channels.js';
import { type Frame, FrameKind, readFrames, writeFrame, writeFrameHead } from '../wire/frames.js';
import { coreOf, readHeader, slotOf, writeEncryptedHeader } from '../wire/header.js';
import { BUCKETS, FRAME_HEADER_BYTES, HEADER_BYTES, TAG_BYTES } from '../wire/limits.js';
import type { Contents } from './in_flight.js';
import { Liveness } from './liveness.js';
import { Received } from './received.js';
import { Recovery } from './recovery.js';
import { type End, type RekeyLimits, TrafficKeys } from './rekey.js';
import type { Deliver, Outcome } from './reliable_receiver.js';
import { Sequences } from './sequences.js';
import type { SessionState } from './session_state.js';
import type { ConnectionStats } from './types.js';
import { UnreliableReceiver, UnreliableSender } from './unreliable.js';

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

const FRAMES_OVERHEAD = HEADER_BYTES + TAG_BYTES;
/** Room that an Ack gets, at least. Its oldest runs are left out where there is no more. */
const ACK_RESERVE = FRAME_HEADER_BYTES + ACK_BYTES_MIN + 32;

export class Established {
  /** Set when the connection is gone. */
  ending: Ending | undefined;
  /** Whether an authentic datagram arrived. */
  hasHeard = false;
  /** When the last authentic datagram arrived; at first, when this end had the keys. */
  heardAt: number;
  readonly keys: TrafficKeys;

  private id: number;
  private previousId: number | undefined;
  /** The highest sequence that brought a NewId. */
  private idSequence = 0;
  private hasElicited = false;
  private readonly sequences: Sequences;
  private readonly received = new Received();
  private readonly recovery: Recovery;
  private readonly liveness: Liveness;
  private readonly unreliableSender = new UnreliableSender();
  private readonly unreliableReceiver: UnreliableReceiver;
  private integrity: Uint8Array | undefined;
  private readonly writer = new Writer(1500);
  private readonly header = new Writer(HEADER_BYTES);

  constructor(
    private readonly options: EstablishedOptions,
    now: number,
  ) {
    const { id, split, end, random, rekey, deliver, heartbeat, largestDatagram, stats } = options;
    this.id = id;
    this.heardAt = now;
    this.keys = new TrafficKeys(split, end, now, random, rekey);
    this.sequences = new Sequences(random);
    this.unreliableReceiver = new UnreliableReceiver(deliver);
    this.liveness = new Liveness(heartbeat, random, end === 'client', now);
    const events = {
      acknowledged: (contents: Contents) => this.acknowledged(contents),
      lost: (contents: Contents) => this.sendAgain(contents),
    };
    this.recovery = new Recovery(largestDatagram, events, stats);
  }

  /** Milliseconds; from acknowledgments or, where nothing was acknowledged, from pings. 0: not measured. */
  get roundTrip(): number {
    return this.recovery.roundTrip || this.liveness.roundTrip;
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
    const header = readHeader(new Reader(datagram));
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
    const plaintext = this.keys.open(header.flags, datagram, now, this.recovery.probeTimeout);
    if (plaintext) this.authentic(sequence, plaintext, now);
    else drops.notAuthentic += 1;
  }

  /** Appends the datagrams that leave now. */
  poll(now: number, datagrams: Uint8Array[]): void {
    if (this.ending) return;
    if (now >= this.heardAt + this.options.timeout) {
      this.ending = { by: 'timeout' };
      return;
    }
    this.liveness.advance(now);
    this.keys.advance(now);
    this.recovery.advance(now);
    for (let built = this.build(now); built; built = this.build(now)) datagrams.push(built);
    const probe = this.buildMtuProbe(now);
    if (probe) datagrams.push(probe);
  }

  /** When to poll again. */
  timeout(now: number): number {
    if (this.ending) return Infinity;
    if (this.hasUrgent) return now;
    const { sender } = this.options.session;
    return Math.min(
      this.heardAt + this.options.timeout,
      this.liveness.timeout(),
      this.keys.timeout(),
      this.recovery.timeout(),
      this.received.ackAt,
      sender.hasSendable(this.room) ? this.recovery.maySendAt(now) : Infinity,
    );
  }

  /** The path changed: another carrier, or another address. PROTOCOL.md#migration. */
  pathChanged(largestDatagram: number): void {
    this.recovery.restart(largestDatagram);
    this.liveness.isPingDue = true;
  }

  /** A ping leaves with the next poll. */
  requestPing(): void {
    this.liveness.isPingDue = true;
  }

  /** A datagram with these frames alone. */
  sealed(frames: Uint8Array): Uint8Array {
    this.writer.clear();
    this.writer.bytes(frames);
    return this.seal(this.sequences.take());
  }

  /** A datagram with a Disconnect. */
  disconnect(reason: number): Uint8Array {
    const writer = new Writer();
    writeFrame(writer, FrameKind.Disconnect, Uint8Array.of(reason));
    return this.sealed(writer.written());
  }

  /** Datagrams carry this id from now on. Those with the one before it are still opened. */
  renumber(id: number): void {
    if (id === this.id) return;
    this.previousId = this.id;
    this.id = id;
  }

  // What arrives

  private authentic(sequence: number, plaintext: Uint8Array, now: number): void {
    const follows = sequence === this.received.highest + 1;
    this.received.mark(sequence, now);
    this.hasHeard = true;
    this.heardAt = now;
    this.liveness.heard();
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
      case 'fragment':
        return this.takeMessage(frame, now);
      case 'ping':
        this.liveness.pinged(frame.value);
        return false;
      case 'pong':
        this.liveness.ponged(frame.value, now);
        return false;
      case 'pathChallenge':
        this.liveness.challenged(frame.value);
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
        return this.options.end === 'server' || this.bad();
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
    const reliable = isReliable(channel);
    const outcome = reliable ? this.reliable(frame) : this.unreliable(frame, now);
    if (outcome === 'violation') this.violation();
    if (outcome === 'bad compression') this.ending = { by: 'violation', reason: Disconnect.BadCompression };
    return reliable;
  }

  private reliable(frame: Frame & { kind: 'message' | 'fragment' }): Outcome {
    const { receiver } = this.options.session;
    if (frame.kind === 'fragment') return receiver.fragment(frame.fragment);
    return receiver.message(frame.channel, frame.number, frame.compressed, frame.bytes);
  }

  private unreliable(frame: Frame & { kind: 'message' | 'fragment' }, now: number): Outcome {
    const receiver = this.unreliableReceiver;
    const isGood =
      frame.kind === 'fragment'
        ? receiver.fragment(frame.fragment, now)
        : receiver.message(frame.channel, frame.number, frame.compressed, frame.bytes);
    return isGood ? 'accepted' : 'bad compression';
  }

  private takeAck(ack: Ack, now: number): void {
    if (!this.sequences.isPossible(ack)) {
      this.violation();
      return;
    }
    if (!this.hasElicited) return;
    this.keys.acknowledged(ack.ranges);
    this.recovery.acknowledge(ack, now);
  }

  private takeNewId(id: number, sequence: number): boolean {
    const isOwn = coreOf(id) === coreOf(this.id) && slotOf(id) === slotOf(this.id);
    if (this.options.end === 'server' || !isOwn) return this.bad();
    if (sequence < this.idSequence) return true;
    this.idSequence = sequence;
    this.renumber(id);
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

  private acknowledged(contents: Contents): void {
    for (const part of contents.parts) this.options.session.sender.acknowledged(part);
  }

  private sendAgain(contents: Contents): void {
    for (const part of contents.parts) this.options.session.sender.lost(part);
    if (contents.rekey > 0) this.keys.frameLost(contents.rekey);
    // The answer to a later challenge takes the place of this one.
    this.integrity ??= contents.integrity;
  }

  // What leaves

  /** Bytes for frames in a datagram. */
  private get room(): number {
    return this.recovery.datagramBytes - FRAMES_OVERHEAD;
  }

  /** Whether something waits that leaves with the next poll in any case. */
  private get hasUrgent(): boolean {
    return (
      this.liveness.isDue ||
      this.recovery.isProbeDue ||
      this.integrity !== undefined ||
      this.keys.frameDue() !== undefined ||
      this.unreliableSender.hasSendable
    );
  }

  /** The next datagram, if one is due. */
  private build(now: number): Uint8Array | undefined {
    const { writer, received } = this;
    writer.clear();
    const isAckWaiting = received.isAckWaiting;
    const contents = this.fill(now, this.room - (isAckWaiting ? ACK_RESERVE : 0));
    if (isAckWaiting && (writer.length > 0 || now >= received.ackAt || this.isHeldByAck(now))) this.writeAck(now);
    if (writer.length === 0) return undefined;
    const sequence = this.sequences.take();
    const datagram = this.seal(sequence);
    if (contents) this.elicited(contents, sequence, datagram.length, now);
    return datagram;
  }

  /** Whether what waits has no room beside an Ack: then the Ack leaves first. */
  private isHeldByAck(now: number): boolean {
    const { sender } = this.options.session;
    return this.unreliableSender.hasSendable || (this.recovery.maySend(now) && sender.hasSendable(this.room));
  }

  /** Writes frames; gives what is ack-eliciting of them, if anything is. */
  private fill(now: number, room: number): Contents | undefined {
    const { writer, recovery } = this;
    const contents: Contents = { parts: [], rekey: 0, integrity: this.integrity, probe: 0 };
    this.liveness.fill(writer, room, now);
    const rekey = this.keys.frameDue();
    if (rekey) {
      writeFrame(writer, rekey.kind, rekey.body);
      contents.rekey = rekey.kind;
    }
    if (this.integrity) writeFrame(writer, FrameKind.Integrity, this.integrity);
    this.integrity = undefined;
    this.unreliableSender.fill(writer, room - writer.length, this.room);
    if (recovery.maySend(now)) {
      contents.parts = this.options.session.sender.fill(writer, room - writer.length, this.room);
    }
    if (contents.parts.length > 0 || contents.rekey > 0 || contents.integrity) return contents;
    if (!recovery.isProbeDue || room - writer.length < FRAME_HEADER_BYTES) return undefined;
    writeFrameHead(writer, FrameKind.Probe, 0);
    return contents;
  }

  private writeAck(now: number): void {
    const { writer } = this;
    const head = writer.length;
    writeFrameHead(writer, FrameKind.Ack, 0);
    this.received.writeAck(writer, now, this.room - writer.length);
    writer.setU16(head, (FrameKind.Ack << 11) | (writer.length - head - FRAME_HEADER_BYTES));
  }

  private buildMtuProbe(now: number): Uint8Array | undefined {
    const size = this.hasHeard ? this.recovery.mtuProbeDue(now) : undefined;
    if (size === undefined) return undefined;
    const length = size - FRAMES_OVERHEAD - FRAME_HEADER_BYTES;
    this.writer.clear();
    writeFrameHead(this.writer, FrameKind.Probe, length);
    this.writer.zeros(length);
    const sequence = this.sequences.take();
    const datagram = this.seal(sequence);
    this.elicited({ parts: [], rekey: 0, integrity: undefined, probe: size }, sequence, size, now);
    return datagram;
  }

  private elicited(contents: Contents, sequence: number, bytes: number, now: number): void {
    this.hasElicited = true;
    if (contents.rekey > 0) this.keys.frameSent(sequence);
    this.recovery.sent({ ...contents, sequence, bytes, at: now });
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
}
