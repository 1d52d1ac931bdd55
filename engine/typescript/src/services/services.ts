/**
 * What a page asks of the services of a server, while its player is in the world: calls with answers, and notices.
 *
 * The calls go over the session of the world. Hand in each message of the session (`received`), and call `update` once per
 * frame, or at `timeout` at the latest.
 */

import type { MessagePort } from '../connection/types.js';
import { DEADLINE_DEFAULT, type CallOptions, type ServiceAction } from './action.js';
import { Calls, type CallEnd } from './calls.js';
import { refusalInWords, ServiceError } from './error.js';
import { readNotice, SERVICE_KINDS, type Notice } from './messages.js';
import { readValue, valueBytes } from './values/data.js';
import { valueAs } from './values/typed.js';

/** Where the client is: a `WorldClient`. */
export interface Presences {
  /** Counts how often it has entered the world. */
  readonly presences: number;
  readonly isInWorld: boolean;
  /** Whether a connection carries the session. */
  readonly isConnected: boolean;
}

export interface ServicesOptions {
  /** Is called with each notice: chat, presence, notifications. */
  readonly onNotice?: (notice: Notice) => void;
  /** Milliseconds of a clock that does not go back. Default: the platform's. */
  readonly clock?: () => number;
  /** 16 random bytes that nobody else knows, new for each start of the page. Default: those of the platform. */
  readonly instance?: Uint8Array;
}

/** Counts since the start. */
export interface ServicesStats {
  /** Messages that break the rules. */
  malformed: number;
  /** Messages about calls that have ended, or that came too early. */
  outdated: number;
}

/** Services messages leave on this channel: reliable, and not in the way of the game's own. */
const CHANNEL = 2;

export class Services {
  readonly stats: ServicesStats = { malformed: 0, outdated: 0 };

  private readonly calls: Calls;
  private readonly waiting = new Map<number, (end: CallEnd) => void>();
  private readonly clock: () => number;
  private readonly onNotice: (notice: Notice) => void;
  /** The presence that the calls know of; 0: none. */
  private presence = 0;

  constructor(
    private readonly client: Presences,
    options: ServicesOptions = {},
  ) {
    this.clock = options.clock ?? (() => performance.now());
    this.onNotice = options.onNotice ?? ((): void => {});
    const instance = options.instance ?? crypto.getRandomValues(new Uint8Array(16));
    if (instance.length !== 16) throw new RangeError(`an instance of ${instance.length} bytes; it has 16`);
    const ended = (number: number, end: CallEnd): void => {
      const resolve = this.waiting.get(number);
      this.waiting.delete(number);
      resolve?.(end);
    };
    this.calls = new Calls(instance, ended, Math.random);
  }

  /** Calls that have not ended. */
  get open(): number {
    return this.calls.size;
  }

  /**
   * Calls an action, and gives its answer. It is executed at most once. While the client is outside the world, the call waits.
   *
   * Rejects with a RangeError if the request does not fit its type, and with a ServiceError if there is no answer.
   */
  async call<Q, A>(action: ServiceAction<Q, A>, request: Q, options: CallOptions = {}): Promise<A> {
    const { deadline = DEADLINE_DEFAULT, signal } = options;
    const value = valueBytes(action.request.schema, request);
    if (signal?.aborted === true) throw new ServiceError('cancelled', `${action.path} was cancelled`);
    const number = this.calls.call(this.clock(), action.path, value, deadline);
    if (number === 'full') throw new ServiceError('full', `${action.path} was not called: too many calls are open`);
    const cancel = (): void => this.calls.cancel(this.clock(), number);
    signal?.addEventListener('abort', cancel);
    const end = await new Promise<CallEnd>((resolve) => this.waiting.set(number, resolve));
    signal?.removeEventListener('abort', cancel);
    if (end.is !== 'answered') throw failure(action.path, end);
    return answerOf(action, end.value);
  }

  /** Takes a message of the session. False if it is none of the services. Whatever its bytes are, nothing is thrown. */
  received(message: Uint8Array): boolean {
    this.follow();
    switch (message[0]) {
      case SERVICE_KINDS.greeting:
      case SERVICE_KINDS.outcome: {
        const taken = this.calls.received(this.clock(), message);
        if (taken !== 'taken') this.stats[taken] += 1;
        return true;
      }
      case SERVICE_KINDS.notice: {
        const notice = readNotice(message);
        if (notice) this.onNotice(notice);
        else this.stats.malformed += 1;
        return true;
      }
      default:
        return false;
    }
  }

  /** Sends what is due, and ends calls whose deadline is over. Call it once per frame. */
  update(port: MessagePort): void {
    this.follow();
    const now = this.clock();
    this.calls.expire(now);
    // While there is no connection, copies would only wait beside each other.
    if (!this.client.isConnected) return;
    for (let message = this.calls.next(now); message; message = this.calls.next(now)) {
      // What does not leave is repeated.
      if (port.send(CHANNEL, message) !== 'queued') return;
    }
  }

  /** When to call `update` next, at the latest, by the clock; Infinity: never. */
  timeout(): number {
    return this.calls.timeout();
  }

  /** Ends all calls: the page does without the services. */
  close(): void {
    this.calls.close();
  }

  private follow(): void {
    const presence = this.client.isInWorld ? this.client.presences : 0;
    if (presence === this.presence) return;
    this.presence = presence;
    if (presence === 0) this.calls.left();
    else this.calls.entered(this.clock());
  }
}

function failure(path: string, end: Exclude<CallEnd, { is: 'answered' }>): ServiceError {
  switch (end.is) {
    case 'refused':
      return new ServiceError('refused', refusalInWords(end.status, end.value), end.status, end.wait);
    case 'unknown':
      return new ServiceError('unknown', `${path}: nobody knows whether it was executed`);
    case 'cancelled':
      return new ServiceError('cancelled', `${path} was cancelled`);
    default:
      return new ServiceError('expired', `${path} was not executed in time`);
  }
}

function answerOf<A>({ path, answer }: Pick<ServiceAction<never, A>, 'path' | 'answer'>, bytes: Uint8Array): A {
  const value = readValue(bytes);
  try {
    if (value) return valueAs(answer, value);
  } catch (error) {
    if (error instanceof RangeError) throw new ServiceError('unreadable', `the answer of ${path}: ${error.message}`);
    throw error;
  }
  throw new ServiceError('unreadable', `the answer of ${path} is no value`);
}
