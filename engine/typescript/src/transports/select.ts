/**
 * Which carrier is used: the best one that carries datagrams.
 *
 * Carriers are tried in their order, best first. The next is tried when one fails, or has not carried a datagram in
 * time. While a lower one is in use, better ones are tried beside it from time to time.
 */

import type { Timers } from './timers.js';
import type { Opener, Transport, TransportKind } from './transport.js';

/** Milliseconds in which a carrier has to bring the first datagram. */
const FIRST_DATAGRAM = 2500;
/** The same for a better one that has opened: what leaves meanwhile leaves over it, and may be lost. */
const TRIAL = 1000;
/** A datagram may be lost: until the first arrives, the other end is asked again this often. */
const ASK_AGAIN = 300;
const UPGRADE_FIRST = 5000;
const UPGRADE_PERIOD = 30000;
/** Datagrams still arrive over the former carrier for a while. */
const LINGER = 1000;
const RETRY_FIRST = 500;
const RETRY_MAX = 5000;

export interface SelectorEvents {
  received(datagram: Uint8Array): void;
  /** Datagrams leave over this carrier from now on. Nothing: there is none at present. */
  moved(transport: Transport | undefined): void;
  /** Nothing came over the carrier yet: send something that is answered. */
  ask(): void;
  /** A carrier failed; for logs. */
  failed?(kind: TransportKind, why: string): void;
}

/** A carrier that is being opened, on trial, or in use. */
interface Slot {
  index: number;
  transport: Transport | undefined;
  /** Whether a datagram arrived over it. */
  hasCarried: boolean;
  abort: AbortController;
  deadline: unknown;
  asking: unknown;
  fails: (why: string) => void;
  isClosed: boolean;
}

export class Selector {
  private current: Slot | undefined;
  /** A better carrier, until it has carried a datagram. */
  private candidate: Slot | undefined;
  private retryWait = RETRY_FIRST;
  private timer: unknown;
  private isClosed = false;

  constructor(
    private readonly openers: readonly Opener[],
    private readonly events: SelectorEvents,
    private readonly timers: Timers,
  ) {}

  start(): void {
    this.tryFrom(0);
  }

  /** The carrier that is in use, once it has carried a datagram. */
  get kind(): TransportKind | undefined {
    return this.current?.hasCarried ? this.current.transport?.kind : undefined;
  }

  send(datagram: Uint8Array): void {
    this.sending?.transport?.send(datagram);
  }

  close(): void {
    this.isClosed = true;
    this.timers.clear(this.timer);
    this.drop(this.candidate);
    this.drop(this.current);
    this.candidate = undefined;
    this.current = undefined;
  }

  /** Datagrams leave over a candidate as soon as it is open: that is its trial. */
  private get sending(): Slot | undefined {
    return this.candidate?.transport ? this.candidate : this.current;
  }

  // The carrier in use

  private tryFrom(index: number): void {
    this.timers.clear(this.timer);
    if (this.isClosed) return;
    if (index >= this.openers.length) {
      this.current = undefined;
      this.events.moved(undefined);
      this.timer = this.timers.set(() => this.tryFrom(0), this.retryWait);
      this.retryWait = Math.min(this.retryWait * 2, RETRY_MAX);
      return;
    }
    this.current = this.open(index, (slot, why) => {
      if (slot === this.current) this.currentFailed(slot, why);
    });
  }

  private currentFailed(slot: Slot, why: string): void {
    this.fail(slot, why);
    this.current = undefined;
    if (slot.hasCarried) this.events.moved(undefined);
    // A candidate on trial takes over, or fails soon.
    if (this.candidate?.transport) return;
    this.drop(this.candidate);
    this.candidate = undefined;
    this.tryFrom(slot.hasCarried ? 0 : slot.index + 1);
  }

  // A better one beside it

  private scheduleUpgrade(delay: number): void {
    this.timers.clear(this.timer);
    if (this.current && this.current.index > 0) this.timer = this.timers.set(() => this.tryBetter(0), delay);
  }

  private tryBetter(index: number): void {
    if (this.isClosed || !this.current) return;
    if (index >= this.current.index) {
      this.scheduleUpgrade(UPGRADE_PERIOD);
      return;
    }
    this.candidate = this.open(index, (slot, why) => {
      if (slot === this.candidate) this.candidateFailed(slot, why);
      else if (slot === this.current) this.currentFailed(slot, why);
    });
  }

  private candidateFailed(slot: Slot, why: string): void {
    this.fail(slot, why);
    this.candidate = undefined;
    if (!this.current) {
      this.tryFrom(0);
      return;
    }
    if (slot.transport) this.events.moved(this.current.transport);
    this.tryBetter(slot.index + 1);
  }

  private carried(slot: Slot): void {
    if (slot.hasCarried) return;
    slot.hasCarried = true;
    this.timers.clear(slot.deadline);
    this.timers.clear(slot.asking);
    this.retryWait = RETRY_FIRST;
    if (slot === this.candidate) {
      const former = this.current;
      this.candidate = undefined;
      this.current = slot;
      if (former) this.timers.set(() => this.drop(former), LINGER);
      this.scheduleUpgrade(UPGRADE_PERIOD);
    } else {
      this.scheduleUpgrade(UPGRADE_FIRST);
    }
    this.events.moved(slot.transport);
  }

  // One carrier

  private open(index: number, failed: (slot: Slot, why: string) => void): Slot {
    const abort = new AbortController();
    const slot: Slot = {
      index,
      transport: undefined,
      hasCarried: false,
      abort,
      deadline: undefined,
      asking: undefined,
      fails: (why) => {
        if (!slot.isClosed) failed(slot, why);
      },
      isClosed: false,
    };
    const { fails } = slot;
    slot.deadline = this.timers.set(() => fails('it carried no datagram in time'), FIRST_DATAGRAM);
    const received = (datagram: Uint8Array): void => {
      if (slot.isClosed) return;
      this.carried(slot);
      this.events.received(datagram);
    };
    this.openers[index]!.open({ received, closed: fails }, abort.signal).then(
      (transport) => this.opened(slot, transport),
      (error: unknown) => fails(error instanceof Error ? error.message : String(error)),
    );
    return slot;
  }

  private opened(slot: Slot, transport: Transport): void {
    if (slot.isClosed) {
      transport.close();
      return;
    }
    slot.transport = transport;
    if (slot === this.candidate) {
      this.timers.clear(slot.deadline);
      slot.deadline = this.timers.set(() => slot.fails('it carried no datagram in time'), TRIAL);
    }
    const ask = (): void => {
      slot.asking = this.timers.set(ask, ASK_AGAIN);
      this.events.ask();
    };
    slot.asking = this.timers.set(ask, ASK_AGAIN);
    this.events.moved(transport);
  }

  private fail(slot: Slot, why: string): void {
    this.drop(slot);
    this.events.failed?.(this.openers[slot.index]!.kind, why);
  }

  private drop(slot: Slot | undefined): void {
    if (!slot || slot.isClosed) return;
    slot.isClosed = true;
    this.timers.clear(slot.deadline);
    this.timers.clear(slot.asking);
    slot.abort.abort();
    slot.transport?.close();
  }
}
