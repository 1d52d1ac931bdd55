/** Timers and carriers in simulated time, and servers behind them. */

import type { Timers } from '../../src/transports/timers.js';
import type { Opener, Transport, TransportEvents, TransportKind } from '../../src/transports/transport.js';
import type { TestServer } from '../server/server.js';

interface Pending {
  at: number;
  order: number;
  callback: () => void;
}

export class FakeTimers implements Timers {
  private time = 1000;
  private order = 0;
  private readonly pending = new Set<Pending>();

  now(): number {
    return this.time;
  }

  set(callback: () => void, delay: number): Pending {
    this.order += 1;
    const pending = { at: this.time + delay, order: this.order, callback };
    this.pending.add(pending);
    return pending;
  }

  clear(timer: unknown): void {
    this.pending.delete(timer as Pending);
  }

  /** Runs for so many milliseconds; promises are settled in between. */
  async run(milliseconds: number): Promise<void> {
    const end = this.time + milliseconds;
    await settle();
    for (;;) {
      const [next] = [...this.pending].sort((one, other) => one.at - other.at || one.order - other.order);
      if (!next || next.at > end) break;
      this.pending.delete(next);
      this.time = Math.max(this.time, next.at);
      next.callback();
      await settle();
    }
    this.time = end;
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
}

/** How a fake carrier behaves. */
export interface Behaviour {
  /** Rejects after so many milliseconds. */
  refusesAfter?: number;
  /** Opens after so many milliseconds. Default: 10. */
  opensAfter?: number;
  /** Carries nothing, although it is open. */
  isSilent?: boolean;
}

/** A carrier to a test server, whose datagrams take 5 ms. */
export class FakeCarrier implements Opener {
  opens = 0;
  closes = 0;
  openAt: number[] = [];
  /** The carriers that are open. */
  readonly live = new Set<{ address: string; events: TransportEvents }>();

  constructor(
    readonly kind: TransportKind,
    private readonly timers: FakeTimers,
    private readonly network: FakeNetwork,
    readonly behaviour: Behaviour = {},
  ) {
    network.carriers.push(this);
  }

  open(events: TransportEvents, signal: AbortSignal): Promise<Transport> {
    this.opens += 1;
    this.openAt.push(this.timers.now());
    const address = `${this.kind}:${this.opens}`;
    return new Promise((resolve, reject) => {
      const { refusesAfter, opensAfter = 10 } = this.behaviour;
      if (refusesAfter !== undefined) {
        this.timers.set(() => reject(new Error('refused')), refusesAfter);
        return;
      }
      this.timers.set(() => {
        if (signal.aborted) return;
        const live = { address, events };
        this.live.add(live);
        resolve({
          kind: this.kind,
          largestDatagram: 1200,
          send: (datagram) => {
            if (!this.live.has(live) || this.behaviour.isSilent) return;
            this.timers.set(() => this.network.towardsServer(datagram, address), 5);
          },
          close: () => {
            if (this.live.delete(live)) this.closes += 1;
          },
        });
      }, opensAfter);
    });
  }

  /** The network breaks all open carriers of this kind. */
  breaks(): void {
    for (const live of [...this.live]) {
      this.live.delete(live);
      live.events.closed('broken');
    }
  }

  arrives(datagram: Uint8Array, address: string): void {
    if (this.behaviour.isSilent) return;
    for (const live of this.live) if (live.address === address) live.events.received(datagram);
  }
}

/** Takes datagrams to a server and back. */
export class FakeNetwork {
  readonly carriers: FakeCarrier[] = [];
  private timer: unknown;

  constructor(
    private readonly timers: FakeTimers,
    private readonly server: TestServer,
  ) {}

  towardsServer(datagram: Uint8Array, address: string): void {
    this.server.receive(datagram, address, this.timers.now());
    this.pump();
  }

  /** Sends what the server wants to send, and comes back when it wants to send more. */
  pump(): void {
    for (const { to, datagram } of this.server.poll(this.timers.now())) {
      this.timers.set(() => {
        for (const carrier of this.carriers) carrier.arrives(datagram, to);
      }, 5);
    }
    this.timers.clear(this.timer);
    const at = this.server.timeout(this.timers.now());
    if (at < Infinity) this.timer = this.timers.set(() => this.pump(), Math.max(0.1, at - this.timers.now()));
  }
}
