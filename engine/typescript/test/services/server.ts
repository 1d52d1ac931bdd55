/** The services of a server, as PROTOCOL.md#at-most-once describes them, for tests. It has one action, which takes its time. */

import { Writer } from '../../src/bytes/writer.js';
import { toHex } from '../vectors.js';
import type { Seeded } from '../seeded.js';
import { readCall, readCancel, readHello, writeGreeting, writeOutcome } from './messages.js';

interface Running {
  readonly at: number;
  readonly status: number;
  readonly value: Uint8Array;
  isStarted: boolean;
}

interface Memory {
  readonly epoch: bigint;
  lowest: number;
  readonly running: Map<number, Running>;
  readonly outcomes: Map<number, { readonly status: number; readonly value: Uint8Array; readonly at: number }>;
}

/** What the action does with a request. */
export interface Handled {
  readonly status: number;
  readonly value: Uint8Array;
  /** Milliseconds until it is done. */
  readonly takes: number;
}

const OUTCOME_LIFETIME = 50_000;

export class ServicesServer {
  /** How often the request with these bytes was executed, over all processes. */
  readonly executed = new Map<string, number>();
  /** Messages to the client. */
  readonly out: Uint8Array[] = [];
  /** Messages that no client may send. */
  malformed = 0;
  private memories = new Map<string, Memory>();
  private instance: string | undefined;
  private isInside = false;

  constructor(
    private readonly random: Seeded,
    private readonly handle: (path: string, value: Uint8Array) => Handled,
  ) {}

  /** A presence of the client begins. */
  entered(): void {
    this.isInside = true;
    this.instance = undefined;
  }

  left(): void {
    this.isInside = false;
    this.instance = undefined;
  }

  /** Another process: it knows nothing of the former one. */
  restart(): void {
    this.left();
    this.memories = new Map();
    this.out.length = 0;
  }

  receive(message: Uint8Array, now: number): void {
    if (!this.isInside) return;
    const hello = readHello(message);
    const [call, cancel] = [readCall(message), readCancel(message)];
    if (hello) this.greet(toHex(hello));
    else if (call) this.call(call, now);
    else if (cancel !== undefined) this.cancel(cancel, now);
    else this.malformed += 1;
  }

  /** Lets time pass: what runs may end. */
  step(now: number): void {
    for (const memory of this.memories.values()) {
      for (const [number, running] of memory.running) {
        if (running.at > now) continue;
        memory.running.delete(number);
        this.end(memory, number, running.status, running.value, now);
      }
      for (const [number, { at }] of memory.outcomes) if (now - at > OUTCOME_LIFETIME) this.forget(memory, number);
    }
  }

  private greet(instance: string): void {
    // A second Hello of a presence with another instance is dropped.
    if (this.instance !== undefined && this.instance !== instance) return;
    this.instance = instance;
    const memory = this.memories.get(instance) ?? {
      epoch: BigInt(this.random.below(2 ** 32)), lowest: 1, running: new Map(), outcomes: new Map(),
    };
    this.memories.set(instance, memory);
    const writer = new Writer();
    writeGreeting(memory.epoch, writer);
    this.out.push(writer.copy());
  }

  private call(call: NonNullable<ReturnType<typeof readCall>>, now: number): void {
    const memory = this.memory();
    const { number } = call;
    if (!memory || memory.epoch !== call.epoch) return this.answer(number, 520);
    for (const old of memory.outcomes.keys()) if (old < call.oldest) this.forget(memory, old);
    memory.lowest = Math.max(memory.lowest, call.oldest);
    if (memory.running.has(number)) return;
    const outcome = memory.outcomes.get(number);
    if (outcome) return this.answer(number, outcome.status, outcome.value);
    if (number < memory.lowest) return this.answer(number, 520);
    const { status, value, takes } = this.handle(call.path, call.value);
    if (status === 200) {
      const key = toHex(call.value);
      this.executed.set(key, (this.executed.get(key) ?? 0) + 1);
    }
    memory.running.set(number, { at: now + takes, status, value, isStarted: true });
  }

  private cancel(number: number, now: number): void {
    const memory = this.memory();
    if (!memory) return this.answer(number, 520);
    if (memory.running.has(number)) return;
    const outcome = memory.outcomes.get(number);
    if (outcome) return this.answer(number, outcome.status, outcome.value);
    if (number < memory.lowest) return this.answer(number, 520);
    this.end(memory, number, 499, new Uint8Array(0), now);
  }

  private end(memory: Memory, number: number, status: number, value: Uint8Array, now: number): void {
    memory.outcomes.set(number, { status, value, at: now });
    if (this.memory() === memory) this.answer(number, status, value);
  }

  private forget(memory: Memory, number: number): void {
    memory.outcomes.delete(number);
    memory.lowest = Math.max(memory.lowest, number + 1);
  }

  private memory(): Memory | undefined {
    return this.instance === undefined ? undefined : this.memories.get(this.instance);
  }

  private answer(number: number, status: number, value: Uint8Array = new Uint8Array(0)): void {
    const writer = new Writer();
    writeOutcome({ number, status, wait: status === 429 || status === 503 ? 1500 : 0, value }, writer);
    this.out.push(writer.copy());
  }
}
