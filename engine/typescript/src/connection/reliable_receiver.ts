/** What arrives on reliable channels: order, duplicates, pieces and windows. PROTOCOL.md#messages. */

import { Delivery, deliveryOf } from '../wire/channels.js';
import type { Fragment } from '../wire/fragment.js';
import {
  CHANNEL_WINDOW_MESSAGES,
  CHANNELS,
  FRAGMENTED_BYTES_MAX,
  FRAGMENTED_OPEN_MAX,
  MESSAGE_COST_BYTES,
  RELIABLE_WINDOW_BYTES,
  WHOLE_MESSAGE_BYTES_MAX,
} from '../wire/limits.js';
import { Reassembly } from './reassembly.js';

/** Takes a message whose turn has come, as it travelled. False: it does not decompress. */
export type Deliver = (channel: number, compressed: boolean, bytes: Uint8Array) => boolean;

export type Outcome = 'accepted' | 'violation' | 'bad compression';

interface Complete {
  compressed: boolean;
  bytes: Uint8Array;
}

/** A message of an unordered channel that was delivered before an earlier one. */
const DELIVERED = 'delivered';

interface Channel {
  /** The lowest number that was not delivered. */
  next: number;
  /** By number: what is there of messages that were not delivered, and which were delivered early. */
  entries: Map<number, Complete | Reassembly | typeof DELIVERED>;
}

export class ReliableReceiver {
  private readonly channels: Channel[] = Array.from({ length: CHANNELS }, () => ({ next: 0, entries: new Map() }));
  /** Complete messages that wait on ordered channels, and small incomplete ones. */
  private cost = 0;
  private largeOpen = 0;
  private largeBytes = 0;

  constructor(private readonly deliver: Deliver) {}

  /** A message that travelled whole. */
  message(channel: number, number: number, compressed: boolean, bytes: Uint8Array): Outcome {
    const place = this.place(channel, number);
    if (place !== 'new') return place;
    const entry = this.channels[channel]!.entries.get(number);
    if (entry !== undefined && !(entry instanceof Reassembly)) return 'accepted';
    if (entry) this.forget(entry);
    return this.completed(channel, number, { compressed, bytes }, false);
  }

  fragment(fragment: Fragment): Outcome {
    const { channel, number } = fragment;
    const place = this.place(channel, number);
    if (place !== 'new') return place;
    const { entries } = this.channels[channel]!;
    let entry = entries.get(number);
    if (entry === undefined) {
      if (fragment.piece.length === fragment.size) return this.completed(channel, number, wholeOf(fragment), false);
      if (!this.hasRoom(fragment.size)) return 'violation';
      entry = new Reassembly(fragment);
      entries.set(number, entry);
      this.count(fragment.size, 1);
    }
    if (!(entry instanceof Reassembly)) return 'accepted';
    entry.add(fragment);
    if (!entry.isComplete) return 'accepted';
    this.forget(entry);
    return this.completed(channel, number, entry, true);
  }

  private place(channel: number, number: number): 'new' | Outcome {
    const distance = (number - this.channels[channel]!.next) & 0xffff;
    if (distance < CHANNEL_WINDOW_MESSAGES) return 'new';
    return distance < 0x8000 ? 'violation' : 'accepted';
  }

  private completed(channel: number, number: number, message: Complete, isOwned: boolean): Outcome {
    const state = this.channels[channel]!;
    const isNext = number === state.next;
    if (deliveryOf(channel) === Delivery.ReliableOrdered && !isNext) {
      const cost = message.bytes.length + MESSAGE_COST_BYTES;
      if (this.cost + cost > RELIABLE_WINDOW_BYTES) return 'violation';
      this.cost += cost;
      const bytes = isOwned ? message.bytes : message.bytes.slice();
      state.entries.set(number, { compressed: message.compressed, bytes });
      return 'accepted';
    }
    state.entries.set(number, DELIVERED);
    if (!this.deliver(channel, message.compressed, message.bytes)) return 'bad compression';
    return isNext ? this.advance(channel, state) : 'accepted';
  }

  /** Delivers what waited for the message that was just delivered. */
  private advance(channel: number, state: Channel): Outcome {
    for (;;) {
      const entry = state.entries.get(state.next);
      if (entry === undefined || entry instanceof Reassembly) return 'accepted';
      state.entries.delete(state.next);
      state.next = (state.next + 1) & 0xffff;
      if (entry === DELIVERED) continue;
      this.cost -= entry.bytes.length + MESSAGE_COST_BYTES;
      if (!this.deliver(channel, entry.compressed, entry.bytes)) return 'bad compression';
    }
  }

  private hasRoom(size: number): boolean {
    if (size <= WHOLE_MESSAGE_BYTES_MAX) return this.cost + size + MESSAGE_COST_BYTES <= RELIABLE_WINDOW_BYTES;
    return this.largeOpen < FRAGMENTED_OPEN_MAX && this.largeBytes + size <= FRAGMENTED_BYTES_MAX;
  }

  private count(size: number, sign: 1 | -1): void {
    if (size <= WHOLE_MESSAGE_BYTES_MAX) {
      this.cost += sign * (size + MESSAGE_COST_BYTES);
    } else {
      this.largeOpen += sign;
      this.largeBytes += sign * size;
    }
  }

  private forget(entry: Reassembly): void {
    this.count(entry.bytes.length, -1);
  }
}

function wholeOf(fragment: Fragment): Complete {
  return { compressed: fragment.compressed, bytes: fragment.piece };
}
