/**
 * The calls of a client: they are repeated until they are answered, and executed at most once (PROTOCOL.md#at-most-once).
 *
 * No I/O and no clock: the user hands in messages, presences and the time, sends what `next` gives, and is told how each
 * call ends, once.
 */

import { Writer } from '../bytes/writer.js';
import { CALL_BYTES_MAX, CALL_RETRY_FIRST, CALL_RETRY_MAX, CALLS_OPEN_MAX, CALLS_SPAN_MAX, DEADLINE_MAX } from './limits.js';
import {
  CALL_BYTES_MIN, DEADLINE_UNIT, isPath, readGreeting, readOutcome, SERVICE_KINDS, STATUS, writeCall, writeCancel, writeHello,
  type Outcome,
} from './messages.js';

/** How a call ends. */
export type CallEnd =
  /** The server executed it. `value`: the bytes of the answer's value. */
  | { readonly is: 'answered'; readonly value: Uint8Array }
  /** The server refused it, or it failed. `wait`: milliseconds after which it can be tried again; 0: does not help. */
  | { readonly is: 'refused'; readonly status: number; readonly wait: number; readonly value: Uint8Array }
  /** Nobody knows whether it was executed. */
  | { readonly is: 'unknown' }
  /** It was cancelled before it was executed. */
  | { readonly is: 'cancelled' }
  /** Its deadline passed before it was executed. */
  | { readonly is: 'expired' };

/** What became of a message. */
export type CallMessageTaken =
  | 'taken'
  /** It concerns no open call of this presence. */
  | 'outdated'
  | 'malformed';

interface OpenCall {
  readonly path: string;
  readonly value: Uint8Array;
  readonly deadline: number;
  /** The epoch that it was sent with; undefined: it was not sent. */
  epoch: bigint | undefined;
  isCancelled: boolean;
  retry: Retry;
}

/** When something is sent next, and how often it was. */
interface Retry {
  at: number;
  tries: number;
}

/** The highest number of a call. */
const NUMBER_MAX = 0xffff_ffff;

export class Calls {
  private nextNumber = 1;
  /** By number, in their order. */
  private readonly open = new Map<number, OpenCall>();
  private isInside = false;
  /** The server's memory of this client; undefined until the Greeting of this presence. */
  private epoch: bigint | undefined;
  /** Whether a Greeting has come in this presence. */
  private isGreeted = false;
  private hello: Retry = { at: 0, tries: 0 };
  private readonly writer = new Writer(256);

  /** `instance`: 16 random bytes, new for each start of the program. `random`: 0 to 1, for the waits. */
  constructor(
    private readonly instance: Uint8Array,
    private readonly onEnd: (number: number, end: CallEnd) => void,
    private readonly random: () => number,
  ) {}

  /** Calls that have not ended. */
  get size(): number {
    return this.open.size;
  }

  /**
   * Makes a call, and gives its number. 'full': too many calls are open. `deadline`: milliseconds from now, at most
   * DEADLINE_MAX.
   *
   * @throws RangeError The path is none, the request is too large, or the deadline is no time.
   */
  call(now: number, path: string, value: Uint8Array, deadline: number): number | 'full' {
    if (!isPath(path)) throw new RangeError(`"${path}" is no path: 2 to 64 of a-z, 0-9, / _ and -, and it begins with /`);
    const bytes = CALL_BYTES_MIN + path.length + value.length;
    if (bytes > CALL_BYTES_MAX) throw new RangeError(`a call of ${bytes} bytes; ${CALL_BYTES_MAX} is most`);
    if (!(deadline > 0)) throw new RangeError(`a deadline of ${deadline} ms`);
    const number = this.nextNumber;
    const isFull = this.open.size >= CALLS_OPEN_MAX || number - this.oldest() >= CALLS_SPAN_MAX;
    if (isFull || number > NUMBER_MAX) return 'full';
    this.nextNumber += 1;
    const until = now + Math.min(deadline, DEADLINE_MAX);
    this.open.set(number, { path, value, deadline: until, epoch: undefined, isCancelled: false, retry: due(now) });
    return number;
  }

  /** Takes a call back. It ends as 'cancelled' unless it is too late for that. */
  cancel(now: number, number: number): void {
    const call = this.open.get(number);
    if (!call || call.isCancelled) return;
    if (call.epoch === undefined) {
      this.end(number, { is: 'cancelled' });
      return;
    }
    call.isCancelled = true;
    call.retry = due(now);
  }

  /** The client is inside the world: a new presence. One that goes on after a resumption is not new. */
  entered(now: number): void {
    this.isInside = true;
    this.hello = due(now);
    this.epoch = undefined;
    this.isGreeted = false;
  }

  /** The client is not inside the world any more. */
  left(): void {
    this.isInside = false;
  }

  /** Takes a Greeting or an Outcome. */
  received(now: number, message: Uint8Array): CallMessageTaken {
    if (message[0] === SERVICE_KINDS.greeting) {
      const epoch = readGreeting(message);
      if (epoch === undefined) return 'malformed';
      if (!this.isInside) return 'outdated';
      this.greeted(now, epoch);
      return 'taken';
    }
    const outcome = readOutcome(message);
    return outcome ? this.takeOutcome(now, outcome) : 'malformed';
  }

  /** The next message to send on a reliable channel; undefined: none now. It holds until the next one. */
  next(now: number): Uint8Array | undefined {
    this.expire(now);
    if (!this.isInside) return undefined;
    this.writer.clear();
    const { epoch } = this;
    if (epoch === undefined) {
      if (this.hello.at > now) return undefined;
      this.tried(this.hello, now);
      writeHello(this.instance, this.writer);
      return this.writer.written();
    }
    for (const [number, call] of this.open) {
      if (call.retry.at > now) continue;
      this.tried(call.retry, now);
      if (call.isCancelled) {
        writeCancel(number, this.writer);
      } else {
        call.epoch = epoch;
        const { path, value } = call;
        writeCall({ number, epoch, oldest: this.oldest(), deadline: units(call, now), path, value }, this.writer);
      }
      return this.writer.written();
    }
    return undefined;
  }

  /** Ends the calls whose deadline is over. `next` does the same. */
  expire(now: number): void {
    for (const [number, call] of this.open) {
      if (call.deadline <= now) this.end(number, { is: call.epoch === undefined ? 'expired' : 'unknown' });
      // With less time than a call can say, it is only waited for.
      else if (units(call, now) === 0) call.retry = due(call.deadline);
    }
  }

  /** When to call `next` again, at the latest; Infinity: never. */
  timeout(): number {
    let least = this.isInside && this.epoch === undefined ? this.hello.at : Infinity;
    const sends = this.isInside && this.epoch !== undefined;
    for (const { deadline, retry } of this.open.values()) least = Math.min(least, deadline, sends ? retry.at : Infinity);
    return least;
  }

  /** The client ends: so do all calls. */
  close(): void {
    this.isInside = false;
    for (const [number, { epoch }] of this.open) this.end(number, { is: epoch === undefined ? 'cancelled' : 'unknown' });
  }

  private greeted(now: number, epoch: bigint): void {
    const isNew = this.epoch !== epoch;
    this.epoch = epoch;
    this.isGreeted = true;
    for (const [number, call] of this.open) {
      // Another memory: what became of the call is lost with the former one.
      if (call.epoch !== undefined && call.epoch !== epoch) this.end(number, { is: 'unknown' });
      else if (isNew) call.retry = due(now);
    }
  }

  private takeOutcome(now: number, { number, status, wait, value }: Outcome): CallMessageTaken {
    // Before the Greeting it may be another server's than the one that has the call: it says nothing about that one.
    if (!this.isGreeted || this.open.get(number)?.epoch === undefined) return 'outdated';
    if (status === STATUS.unknown) {
      // The server may have forgotten this client.
      this.epoch = undefined;
      this.hello = due(now);
    }
    this.end(number, endOf(status, wait, value));
    return 'taken';
  }

  /** The smallest number of an open call, or the next number. */
  private oldest(): number {
    for (const number of this.open.keys()) return number;
    return this.nextNumber;
  }

  /** It is sent now. Waits differ by a quarter, so that clients that began together spread. */
  private tried(retry: Retry, now: number): void {
    const wait = Math.min(CALL_RETRY_FIRST * 2 ** retry.tries, CALL_RETRY_MAX);
    retry.at = now + wait * (0.75 + this.random() / 2);
    retry.tries += 1;
  }

  private end(number: number, end: CallEnd): void {
    this.open.delete(number);
    this.onEnd(number, end);
  }
}

function due(at: number): Retry {
  return { at, tries: 0 };
}

/** What is left of a deadline, as a call says it; 0: too little to send the call. */
function units({ deadline }: OpenCall, now: number): number {
  return Math.max(0, Math.min(DEADLINE_MAX / DEADLINE_UNIT, Math.floor((deadline - now) / DEADLINE_UNIT)));
}

function endOf(status: number, wait: number, value: Uint8Array): CallEnd {
  switch (status) {
    case STATUS.ok:
      return { is: 'answered', value: value.slice() };
    case STATUS.expired:
      return { is: 'expired' };
    case STATUS.cancelled:
      return { is: 'cancelled' };
    case STATUS.unknown:
      return { is: 'unknown' };
    default:
      return { is: 'refused', status, wait, value: value.slice() };
  }
}
