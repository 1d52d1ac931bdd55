/** A client and a test server over a bad link, in simulated time. The same seed gives the same run. */

import { Connection } from '../../src/connection/connection.js';
import type { ConnectionEvent, ConnectionOptions } from '../../src/connection/types.js';
import { Seeded } from '../seeded.js';
import { TestServer, type TestServerOptions } from './server.js';

export interface LinkQuality {
  loss: number;
  duplicates: number;
  /** Milliseconds one way, at least and at most. */
  delay: readonly [number, number];
}

interface Flying {
  at: number;
  order: number;
  toServer: boolean;
  datagram: Uint8Array;
  /** The client's address. */
  address: string;
}

const POLLS_AT_ONE_TIME_MAX = 10000;

export class Simulation {
  now = 1000;
  readonly random: Seeded;
  readonly server: TestServer;
  readonly client: Connection;
  readonly events: ConnectionEvent[] = [];
  readonly inbox: { channel: number; bytes: Uint8Array }[] = [];
  quality: LinkQuality = { loss: 0, duplicates: 0, delay: [5, 5] };
  isCut = false;
  address = 'client:1';
  /** Sees every datagram that leaves the client. */
  onSent: (datagram: Uint8Array, now: number) => void = () => undefined;
  /** Changes what arrives at the client, or drops it. */
  onReturn: (datagram: Uint8Array) => Uint8Array | undefined = (datagram) => datagram;
  /** Takes what leaves an end, and gives what travels on. */
  carry: (datagram: Uint8Array, toServer: boolean) => readonly Uint8Array[] = (datagram) => [datagram];

  private flying: Flying[] = [];
  private order = 0;

  constructor(
    seed: number,
    server: Partial<TestServerOptions> = {},
    options: Partial<ConnectionOptions> = {},
    quality?: LinkQuality,
  ) {
    this.random = new Seeded(seed);
    if (quality) this.quality = quality;
    this.server = new TestServer({ heartbeat: 5000, timeout: 15000, ...server }, new Seeded(seed + 1));
    const random = new Seeded(seed + 2);
    this.client = new Connection(
      { serverKey: this.server.key, random: (length) => random.bytes(length), ...options },
      this.now,
    );
  }

  /** What happened, as words. */
  get news(): string[] {
    return this.events.map((event) => {
      if (event.kind === 'connected') return event.resumed ? 'resumed' : 'connected';
      return event.kind === 'message' ? 'message' : `${event.kind}: ${event.reason}`;
    });
  }

  /** Runs until the condition holds. Throws after `limit` milliseconds. */
  until(what: string, condition: () => boolean, limit = 30000): void {
    const end = this.now + limit;
    let polls = 0;
    this.exchange();
    while (!condition()) {
      const next = this.nextTime();
      if (next > end) throw new Error(`waited ${limit} ms in vain: ${what}; ${this.news.slice(-5).join(', ')}`);
      polls = next > this.now ? 0 : polls + 1;
      if (polls > POLLS_AT_ONE_TIME_MAX) throw new Error(`time stands still at ${this.now}`);
      this.now = Math.max(this.now, next);
      this.exchange();
    }
  }

  run(milliseconds: number): void {
    const end = this.now + milliseconds;
    let polls = 0;
    this.exchange();
    for (;;) {
      const next = this.nextTime();
      polls = next > this.now ? 0 : polls + 1;
      if (polls > POLLS_AT_ONE_TIME_MAX) throw new Error(`time stands still at ${this.now}`);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.exchange();
    }
    this.now = end;
  }

  connect(): void {
    this.until('connected', () => this.events.some((event) => event.kind === 'connected') && this.server.clients.size > 0);
  }

  /** Sends a datagram to the client as if it came from the server, at once. */
  inject(datagram: Uint8Array): void {
    this.client.receive(datagram, this.now);
  }

  private nextTime(): number {
    const times = this.flying.map((flying) => flying.at);
    return Math.min(...times, this.client.timeout(this.now), this.server.timeout(this.now));
  }

  private exchange(): void {
    const due = this.flying.filter((flying) => flying.at <= this.now);
    this.flying = this.flying.filter((flying) => flying.at > this.now);
    due.sort((one, other) => one.at - other.at || one.order - other.order);
    for (const { toServer, datagram, address } of due) {
      if (toServer) {
        this.server.receive(datagram, address, this.now);
      } else if (address === this.address) {
        const arrived = this.onReturn(datagram);
        if (arrived) this.client.receive(arrived, this.now);
      }
    }
    const { datagrams, events } = this.client.poll(this.now);
    for (const event of events) {
      this.events.push(event);
      if (event.kind !== 'message') continue;
      this.inbox.push({ channel: event.message.channel, bytes: event.message.bytes.slice() });
    }
    for (const datagram of datagrams) {
      this.onSent(datagram, this.now);
      for (const carried of this.carry(datagram, true)) this.fly(carried, true, this.address);
    }
    for (const { to, datagram } of this.server.poll(this.now)) {
      for (const carried of this.carry(datagram, false)) this.fly(carried, false, to);
    }
  }

  private fly(datagram: Uint8Array, toServer: boolean, address: string): void {
    const { loss, duplicates, delay } = this.quality;
    if (this.isCut || this.random.chance(loss)) return;
    for (let copy = this.random.chance(duplicates) ? 2 : 1; copy > 0; copy -= 1) {
      this.order += 1;
      const at = this.now + delay[0] + this.random.next() * (delay[1] - delay[0]);
      this.flying.push({ at, order: this.order, toServer, datagram, address });
    }
  }
}
