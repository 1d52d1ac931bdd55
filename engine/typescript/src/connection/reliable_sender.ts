/** What leaves on reliable channels, until it is acknowledged: PROTOCOL.md#messages and #windows. */

import type { Writer } from '../bytes/writer.js';
import { isReliable } from '../wire/channels.js';
import { FRAGMENT_HEADER_BYTES, writeFragment } from '../wire/fragment.js';
import { FrameKind, wholeFrameBytes, writeFrameHead, writeWhole } from '../wire/frames.js';
import {
  CHANNEL_WINDOW_MESSAGES,
  CHANNELS,
  FRAGMENT_GRAIN_BYTES,
  FRAGMENTED_BYTES_MAX,
  FRAGMENTED_OPEN_MAX,
  FRAME_HEADER_BYTES,
  MESSAGE_COST_BYTES,
  RELIABLE_WINDOW_BYTES,
  WHOLE_MESSAGE_BYTES_MAX,
} from '../wire/limits.js';

/** The cost of the messages that may wait, sent or not. */
const WAITING_COST_MAX = 8 * 1024 * 1024;

const GrainState = { ToSend: 0, InFlight: 1, Acknowledged: 2 } as const;

interface Outgoing {
  channel: number;
  number: number;
  compressed: boolean;
  bytes: Uint8Array;
  /** The state of each FRAGMENT_GRAIN_BYTES of the message; of one, if it is empty. */
  grains: Uint8Array;
  toSend: number;
  unacknowledged: number;
  /** Counts messages in the order in which they were first sent. 0: not yet. */
  order: number;
  /** Counted as one of the large ones in pieces. */
  isLarge: boolean;
  /** In the queue of what leaves again. */
  isQueued: boolean;
}

/** A part of a message that a datagram carries. */
export interface Part {
  message: Outgoing;
  /** The first grain, and the one after the last. */
  from: number;
  to: number;
}

interface Channel {
  channel: number;
  nextNumber: number;
  /** From the oldest that is not acknowledged. */
  messages: Outgoing[];
  /** How many of them were sent, at least in part. */
  begun: number;
}

export class ReliableSender {
  private readonly channels: Channel[] = [];
  private readonly byNumber: (Channel | undefined)[] = [];
  private readonly again: Outgoing[] = [];
  private turn = 0;
  private order = 0;
  private waitingCost = 0;
  /** The cost of the windows of all channels. */
  private windowCost = 0;
  private largeOpen = 0;
  private largeBytes = 0;

  constructor() {
    for (let channel = 0; channel < CHANNELS; channel += 1) {
      if (!isReliable(channel)) continue;
      const state: Channel = { channel, nextNumber: 0, messages: [], begun: 0 };
      this.channels.push(state);
      this.byNumber[channel] = state;
    }
  }

  /** Whether everything that was queued is acknowledged. */
  get isIdle(): boolean {
    return this.waitingCost === 0;
  }

  /** Takes a message as it travels. False: too much waits. The bytes are kept. */
  queue(channel: number, compressed: boolean, bytes: Uint8Array): boolean {
    const state = this.byNumber[channel];
    const cost = bytes.length + MESSAGE_COST_BYTES;
    if (!state || this.waitingCost + cost > WAITING_COST_MAX) return false;
    this.waitingCost += cost;
    const grains = Math.max(1, Math.ceil(bytes.length / FRAGMENT_GRAIN_BYTES));
    state.messages.push({
      channel,
      number: state.nextNumber,
      compressed,
      bytes,
      grains: new Uint8Array(grains),
      toSend: grains,
      unacknowledged: grains,
      order: 0,
      isLarge: false,
      isQueued: false,
    });
    state.nextNumber = (state.nextNumber + 1) & 0xffff;
    return true;
  }

  /** Whether something could leave in a datagram with `room` bytes for frames. */
  hasSendable(room: number): boolean {
    if (this.again.some((message) => message.toSend > 0 && this.mayGo(message, room))) return true;
    return this.channels.some((state) => this.nextOf(state, room) !== undefined);
  }

  /**
   * Writes frames of at most `room` bytes and gives what they hold. `roomMax`: what a datagram without anything else
   * has room for.
   */
  fill(writer: Writer, room: number, roomMax: number): Part[] {
    const parts: Part[] = [];
    const end = writer.length + room;
    if (!this.fillAgain(writer, end, roomMax, parts)) return parts;
    let blocked = 0;
    while (blocked < this.channels.length) {
      const state = this.channels[this.turn % this.channels.length]!;
      const message = this.nextOf(state, roomMax);
      if (!message) {
        blocked += 1;
        this.turn += 1;
        continue;
      }
      const part = this.put(writer, end - writer.length, roomMax, message);
      if (!part) return parts;
      parts.push(part);
      blocked = 0;
      this.turn += 1;
    }
    return parts;
  }

  acknowledged(part: Part): void {
    const { message } = part;
    for (let grain = part.from; grain < part.to; grain += 1) {
      if (message.grains[grain] !== GrainState.InFlight) continue;
      message.grains[grain] = GrainState.Acknowledged;
      message.unacknowledged -= 1;
    }
    if (message.unacknowledged > 0) return;
    if (message.isLarge) {
      message.isLarge = false;
      this.largeOpen -= 1;
      this.largeBytes -= message.bytes.length;
    }
    this.moveWindow(this.byNumber[message.channel]!);
  }

  lost(part: Part): void {
    const { message } = part;
    for (let grain = part.from; grain < part.to; grain += 1) {
      if (message.grains[grain] !== GrainState.InFlight) continue;
      message.grains[grain] = GrainState.ToSend;
      message.toSend += 1;
    }
    if (message.toSend > 0 && message.unacknowledged > 0 && !message.isQueued) {
      message.isQueued = true;
      this.again.push(message);
    }
  }

  /** The session goes on over another connection: what was sent and is not acknowledged leaves again, oldest first. */
  restart(): void {
    this.again.length = 0;
    for (const state of this.channels) {
      for (const message of state.messages.slice(0, state.begun)) {
        message.isQueued = false;
        this.lost({ message, from: 0, to: message.grains.length });
      }
    }
    this.again.sort((one, other) => one.order - other.order);
  }

  /** False if the datagram is full. */
  private fillAgain(writer: Writer, end: number, roomMax: number, parts: Part[]): boolean {
    let at = 0;
    while (at < this.again.length) {
      const message = this.again[at]!;
      if (message.toSend === 0) {
        message.isQueued = false;
        this.again.splice(at, 1);
        continue;
      }
      if (!this.mayGo(message, roomMax)) {
        at += 1;
        continue;
      }
      const part = this.put(writer, end - writer.length, roomMax, message);
      if (!part) return false;
      parts.push(part);
    }
    return true;
  }

  /** The next message of a channel that the windows let go. */
  private nextOf(state: Channel, roomMax: number): Outgoing | undefined {
    const current = state.messages[state.begun - 1];
    if (current && current.toSend > 0 && !current.isQueued) return current;
    const message = state.messages[state.begun];
    if (!message || state.begun >= CHANNEL_WINDOW_MESSAGES) return undefined;
    const cost = message.bytes.length + MESSAGE_COST_BYTES;
    if (this.windowCost + cost > RELIABLE_WINDOW_BYTES) return undefined;
    return this.mayGo(message, roomMax) ? message : undefined;
  }

  /** Whether the windows of large messages let it go, in pieces if it has to. */
  private mayGo(message: Outgoing, roomMax: number): boolean {
    const size = message.bytes.length;
    if (size <= WHOLE_MESSAGE_BYTES_MAX || message.isLarge || this.fitsWhole(message, roomMax)) return true;
    return this.largeOpen < FRAGMENTED_OPEN_MAX && this.largeBytes + size <= FRAGMENTED_BYTES_MAX;
  }

  private fitsWhole(message: Outgoing, room: number): boolean {
    return (
      message.toSend === message.grains.length &&
      wholeFrameBytes(message.channel, message.bytes.length, message.compressed) <= room
    );
  }

  /** Writes one frame of a message. Nothing if there is no room for one. */
  private put(writer: Writer, room: number, roomMax: number, message: Outgoing): Part | undefined {
    if (this.fitsWhole(message, roomMax)) {
      if (!this.fitsWhole(message, room)) return undefined;
      this.begin(message);
      writeWhole(writer, message.channel, message.number, message.compressed, message.bytes);
      return this.leaves(message, 0, message.grains.length);
    }
    const from = message.grains.indexOf(GrainState.ToSend);
    let to = from;
    while (message.grains[to] === GrainState.ToSend) to += 1;
    const bytesMax = room - FRAME_HEADER_BYTES - FRAGMENT_HEADER_BYTES;
    const offset = from * FRAGMENT_GRAIN_BYTES;
    if (Math.min(to * FRAGMENT_GRAIN_BYTES, message.bytes.length) - offset > bytesMax) {
      to = from + Math.floor(bytesMax / FRAGMENT_GRAIN_BYTES);
      if (to <= from) return undefined;
    }
    this.begin(message);
    if (!message.isLarge && message.bytes.length > WHOLE_MESSAGE_BYTES_MAX) {
      message.isLarge = true;
      this.largeOpen += 1;
      this.largeBytes += message.bytes.length;
    }
    const { channel, number, compressed, bytes } = message;
    const piece = bytes.subarray(offset, Math.min(to * FRAGMENT_GRAIN_BYTES, bytes.length));
    writeFrameHead(writer, FrameKind.Fragment, FRAGMENT_HEADER_BYTES + piece.length);
    writeFragment(writer, { channel, number, offset, size: bytes.length, compressed, piece });
    return this.leaves(message, from, to);
  }

  private begin(message: Outgoing): void {
    if (message.order > 0) return;
    this.order += 1;
    message.order = this.order;
    this.windowCost += message.bytes.length + MESSAGE_COST_BYTES;
    this.byNumber[message.channel]!.begun += 1;
  }

  private leaves(message: Outgoing, from: number, to: number): Part {
    message.grains.fill(GrainState.InFlight, from, to);
    message.toSend -= to - from;
    return { message, from, to };
  }

  private moveWindow(state: Channel): void {
    let passed = 0;
    while (passed < state.begun && state.messages[passed]!.unacknowledged === 0) {
      const cost = state.messages[passed]!.bytes.length + MESSAGE_COST_BYTES;
      this.windowCost -= cost;
      this.waitingCost -= cost;
      passed += 1;
    }
    state.messages.splice(0, passed);
    state.begun -= passed;
  }
}
