/** Both directions of the unreliable channels: PROTOCOL.md#messages. */

import type { Writer } from '../bytes/writer.js';
import { Delivery, deliveryOf, isNumbered } from '../wire/channels.js';
import { type Fragment, FRAGMENT_HEADER_BYTES, writeFragment } from '../wire/fragment.js';
import { FrameKind, wholeFrameBytes, writeFrameHead, writeWhole } from '../wire/frames.js';
import {
  CHANNELS,
  FRAGMENT_GRAIN_BYTES,
  FRAGMENT_STALL,
  FRAGMENT_TIMEOUT,
  FRAGMENTED_BYTES_MAX,
  FRAGMENTED_OPEN_MAX,
  FRAME_HEADER_BYTES,
} from '../wire/limits.js';
import { Reassembly } from './reassembly.js';
import type { Deliver } from './reliable_receiver.js';

/** Bytes of messages that may wait for the next poll. */
const WAITING_BYTES_MAX = 512 * 1024;
/** What a message costs beside its bytes. */
const WAITING_COST = 64;

interface Outgoing {
  channel: number;
  number: number;
  compressed: boolean;
  bytes: Uint8Array;
  /** What left of it in pieces. */
  offset: number;
}

export class UnreliableSender {
  private readonly waiting: Outgoing[] = [];
  private readonly numbers: number[] = new Array<number>(CHANNELS).fill(0);
  private waitingBytes = 0;

  get hasSendable(): boolean {
    return this.waiting.length > 0;
  }

  /** Takes a message as it travels. False: too much waits. The bytes are kept until they have left. */
  queue(channel: number, compressed: boolean, bytes: Uint8Array): boolean {
    const cost = bytes.length + WAITING_COST;
    if (this.waitingBytes + cost > WAITING_BYTES_MAX) return false;
    this.waitingBytes += cost;
    this.waiting.push({ channel, number: -1, compressed, bytes, offset: 0 });
    return true;
  }

  /** Writes frames of at most `room` bytes; `roomMax`: the room of a datagram without anything else. */
  fill(writer: Writer, room: number, roomMax: number): void {
    const end = writer.length + room;
    let sent = 0;
    for (const message of this.waiting) {
      if (!this.put(writer, end, roomMax, message)) break;
      this.waitingBytes -= message.bytes.length + WAITING_COST;
      sent += 1;
    }
    this.waiting.splice(0, sent);
  }

  /** Whether all of the message has left. */
  private put(writer: Writer, end: number, roomMax: number, message: Outgoing): boolean {
    const { channel, compressed, bytes } = message;
    const whole = wholeFrameBytes(channel, bytes.length, compressed);
    if (message.offset === 0 && whole <= roomMax) {
      if (whole > end - writer.length) return false;
      writeWhole(writer, channel, isNumbered(channel) ? this.numberOf(message) : 0, compressed, bytes);
      return true;
    }
    while (message.offset < bytes.length) {
      const bytesMax = end - writer.length - FRAME_HEADER_BYTES - FRAGMENT_HEADER_BYTES;
      let length = bytes.length - message.offset;
      if (length > bytesMax) length = Math.floor(bytesMax / FRAGMENT_GRAIN_BYTES) * FRAGMENT_GRAIN_BYTES;
      if (length <= 0) return false;
      const piece = bytes.subarray(message.offset, message.offset + length);
      writeFrameHead(writer, FrameKind.Fragment, FRAGMENT_HEADER_BYTES + length);
      const number = this.numberOf(message);
      writeFragment(writer, { channel, number, offset: message.offset, size: bytes.length, compressed, piece });
      message.offset += length;
    }
    return true;
  }

  private numberOf(message: Outgoing): number {
    if (message.number < 0) {
      message.number = this.numbers[message.channel]!;
      this.numbers[message.channel] = (message.number + 1) & 0xffff;
    }
    return message.number;
  }
}

interface Open {
  channel: number;
  number: number;
  reassembly: Reassembly;
  /** When the last new piece arrived. */
  pieceAt: number;
}

export class UnreliableReceiver {
  private readonly open = new Map<number, Open>();
  private openBytes = 0;
  /** The number of the newest delivered message of each sequenced channel. */
  private readonly newest: (number | undefined)[] = new Array<undefined>(CHANNELS).fill(undefined);

  constructor(private readonly deliver: Deliver) {}

  /** False: it does not decompress. */
  message(channel: number, number: number, compressed: boolean, bytes: Uint8Array): boolean {
    if (deliveryOf(channel) === Delivery.UnreliableSequenced) {
      const newest = this.newest[channel];
      const distance = newest === undefined ? 1 : (number - newest) & 0xffff;
      if (distance === 0 || distance >= 0x8000) return true;
      this.newest[channel] = number;
    }
    return this.deliver(channel, compressed, bytes);
  }

  /** False: it does not decompress. */
  fragment(fragment: Fragment, now: number): boolean {
    const key = fragment.channel * 0x10000 + fragment.number;
    this.giveUp(now - FRAGMENT_TIMEOUT);
    let open = this.open.get(key);
    if (!open) {
      if (!this.makeRoom(fragment.size, now)) return true;
      const { channel, number } = fragment;
      open = { channel, number, reassembly: new Reassembly(fragment), pieceAt: now };
      this.open.set(key, open);
      this.openBytes += fragment.size;
    }
    if (open.reassembly.add(fragment)) open.pieceAt = now;
    if (!open.reassembly.isComplete) return true;
    this.close(key, open);
    return this.message(open.channel, open.number, open.reassembly.compressed, open.reassembly.bytes);
  }

  /** Gives up messages without a new piece since `since`. */
  private giveUp(since: number): void {
    for (const [key, open] of this.open) if (open.pieceAt <= since) this.close(key, open);
  }

  private makeRoom(size: number, now: number): boolean {
    const hasRoom = (): boolean =>
      this.open.size < FRAGMENTED_OPEN_MAX && this.openBytes + size <= FRAGMENTED_BYTES_MAX;
    while (!hasRoom()) {
      const entries = [...this.open].sort(([, one], [, other]) => one.pieceAt - other.pieceAt);
      const [stalled] = entries;
      if (!stalled || now - stalled[1].pieceAt < FRAGMENT_STALL) return false;
      this.close(...stalled);
    }
    return true;
  }

  private close(key: number, open: Open): void {
    this.open.delete(key);
    this.openBytes -= open.reassembly.bytes.length;
  }
}
