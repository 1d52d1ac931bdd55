/** What was sent on each channel, and what came back. */

import assert from 'node:assert/strict';

import type { Seeded } from '../seeded.js';

export type Content = 'random' | 'text';

const CHANNELS = 16;
/** Smaller messages have no number. */
const NUMBER_BYTES = 4;

/** What a channel promises, by its number modulo 4: PROTOCOL.md#channels. */
const PROMISES = ['unreliable', 'reliable ordered', 'reliable unordered', 'unreliable sequenced'] as const;

export function isReliable(channel: number): boolean {
  return PROMISES[channel % 4]!.startsWith('reliable');
}

export class Ledger {
  private readonly sent: string[][] = Array.from({ length: CHANNELS }, () => []);
  private readonly received: string[][] = Array.from({ length: CHANNELS }, () => []);
  private made = 0;

  constructor(private readonly random: Seeded) {}

  /** A message of this size that differs from all others, if it has room for a number. */
  make(size: number, content: Content): Uint8Array {
    const text = Buffer.from('again and '.repeat(Math.ceil(size / 10)).slice(0, size));
    const bytes = content === 'text' ? new Uint8Array(text) : this.random.bytes(size);
    if (size >= NUMBER_BYTES) new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, this.made, true);
    this.made += 1;
    return bytes;
  }

  noteSent(channel: number, bytes: Uint8Array): void {
    this.sent[channel]!.push(key(bytes));
  }

  noteReceived(channel: number, bytes: Uint8Array): void {
    this.received[channel]!.push(key(bytes));
  }

  /** How many messages have come back on a channel. */
  count(channel: number): number {
    return this.received[channel]!.length;
  }

  /** Whether one of these messages has come back, apart from the first `from` messages. */
  hasComeBack(channel: number, messages: readonly Uint8Array[], from: number): boolean {
    const fresh = this.received[channel]!.slice(from);
    return messages.some((bytes) => fresh.includes(key(bytes)));
  }

  /** Whether so many messages have come back that `check` can succeed. */
  isComplete(share: number): boolean {
    return this.sent.every((sent, channel) => this.count(channel) >= leastOf(channel, sent.length, share));
  }

  /** Throws unless each channel keeps its promise. */
  check(share: number): void {
    this.sent.forEach((sent, channel) => {
      const received = this.received[channel]!;
      const what = `channel ${channel}: ${received.length} of ${sent.length} messages came back`;
      assert.ok(received.length >= leastOf(channel, sent.length, share), what);
      switch (PROMISES[channel % 4]!) {
        case 'reliable ordered':
          assert.ok(isEqual(received, sent), `${what}; others than were sent, or in another order`);
          break;
        case 'reliable unordered':
          assert.ok(isEqual([...received].sort(), [...sent].sort()), `${what}; others than were sent`);
          break;
        case 'unreliable':
          assert.ok(isPart([...received].sort(), [...sent].sort()), `${what}; others than were sent, or twice`);
          break;
        case 'unreliable sequenced':
          assert.ok(isPart(received, sent), `${what}; others than were sent, or in another order`);
          break;
      }
    });
  }
}

/** How many of so many messages must come back on a channel, at least. */
function leastOf(channel: number, sent: number, share: number): number {
  if (isReliable(channel)) return sent;
  return channel % 4 === 0 ? sent * share : Math.min(sent, 1);
}

function key(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function isEqual(one: readonly string[], other: readonly string[]): boolean {
  return one.length === other.length && one.every((item, at) => item === other[at]);
}

/** Whether `whole` has all items of `part`, in their order. */
function isPart(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const item of whole) if (item === part[at]) at += 1;
  return at === part.length;
}
