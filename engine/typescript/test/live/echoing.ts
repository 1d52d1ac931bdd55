/** A client of a server that sends each message back. */

import { connectUdp } from '../../src/node.js';
import type { Session } from '../../src/session/session.js';
import { Seeded } from '../seeded.js';
import { Events } from './events.js';
import { type Content, isReliable, Ledger } from './ledger.js';
import { pass, until } from './waiting.js';

/** A message on an unreliable channel that has not come back for so long is replaced, so many times. */
const REPLACE_AFTER = 1000;
const REPLACEMENTS_MAX = 10;

export class Echoing {
  readonly events = new Events();
  private readonly ledger: Ledger;
  private readonly session: Session;

  constructor(port: number, serverKey: Uint8Array, reconnect: boolean, number: number) {
    const { events } = this;
    const ledger = new Ledger(new Seeded(number + 1));
    this.ledger = ledger;
    this.session = connectUdp('127.0.0.1', port, {
      serverKey,
      reconnect,
      connected: (_id, resumed) => events.push(resumed ? 'resumed' : 'connected'),
      message: ({ channel, bytes }) => ledger.noteReceived(channel, bytes),
      reconnecting: (reason) => events.push('reconnecting', reason),
      closed: (reason) => events.push('closed', reason),
    });
  }

  /** Sends a message and waits for its echo. */
  async echo(channel: number, size: number, content: Content): Promise<void> {
    const [from, sent] = [this.ledger.count(channel), [] as Uint8Array[]];
    const isBack = (): boolean => this.ledger.hasComeBack(channel, sent, from);
    for (let tries = 0; tries <= REPLACEMENTS_MAX && !isBack(); tries += 1) {
      const bytes = this.ledger.make(size, content);
      sent.push(bytes);
      await this.send(channel, bytes);
      if (isReliable(channel)) break;
      const replaceAt = performance.now() + REPLACE_AFTER;
      while (!isBack() && performance.now() < replaceAt) await pass(1);
    }
    await until(`the echo of ${size} bytes on channel ${channel}`, isBack);
  }

  /** Sends a message of each size on each channel. */
  async sendEach(channels: readonly number[], sizes: readonly number[]): Promise<void> {
    for (const channel of channels) {
      for (const size of sizes) await this.send(channel, this.ledger.make(size, 'random'));
    }
  }

  async expectEchoes(share: number): Promise<void> {
    try {
      await until('the echoes', () => this.ledger.isComplete(share) && this.session.isIdle);
    } finally {
      this.ledger.check(share);
    }
  }

  refuse(channel: number, size: number): void {
    const result = this.session.send(channel, new Uint8Array(size));
    if (result !== 'too long') throw new Error(`a message of ${size} bytes is ${result}`);
  }

  async rekey(): Promise<void> {
    const { rekeys } = this.session;
    this.session.rekey();
    await until('new keys', () => this.session.rekeys > rekeys);
  }

  close(): void {
    this.session.close();
  }

  /** Waits while too much waits to be sent. */
  private async send(channel: number, bytes: Uint8Array): Promise<void> {
    let result = this.session.send(channel, bytes);
    await until('room for a message', () => {
      if (result === 'full') result = this.session.send(channel, bytes);
      return result !== 'full';
    });
    if (result !== 'queued') throw new Error(`a message of ${bytes.length} bytes on channel ${channel}: ${result}`);
    this.ledger.noteSent(channel, bytes);
  }
}
