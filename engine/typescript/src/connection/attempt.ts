/** One attempt to connect: PROTOCOL.md#client-handshake. */

import { Writer } from '../bytes/writer.js';
import {
  type DerivedSecrets,
  derivedSecrets,
  fractionOf,
  keyPair,
  type Random,
  resumedKeys,
  type SplitKeys,
} from '../crypto/keys.js';
import { Initiator } from '../crypto/noise.js';
import {
  equal,
  OPTION_PRE_SHARED_KEY,
  type Parameters,
  readAnswer,
  readParameters,
  Suite,
  writeConnect,
} from '../wire/handshake.js';
import { coreRequest } from '../wire/header.js';
import {
  BUSY_TIMEOUT,
  BUSY_WAIT_MAX,
  CONNECT_RETRY_FIRST,
  CONNECT_RETRY_MAX,
  CONNECT_TIMEOUT,
  COOKIE_BYTES,
  HANDSHAKE_TAG_BYTES,
  TOKEN_BYTES,
} from '../wire/limits.js';
import { type CloseReason, reasonOfDenial } from './types.js';

const SUITES = Suite.ChaCha20Poly1305;
const DENIED_BUSY = 7;

/** Names a session to resume. */
export interface Resumption {
  token: Uint8Array;
  resumeSecret: Uint8Array;
  /** The core of the connection that carried it last. */
  core: number;
}

export interface AttemptOptions {
  serverKey: Uint8Array;
  preSharedKey: Uint8Array | undefined;
  resumption: Resumption | undefined;
  random: Random;
}

/** The attempt succeeded. */
export interface Connected {
  parameters: Parameters;
  split: SplitKeys;
  secrets: DerivedSecrets;
}

export class Attempt {
  private readonly initiator: Initiator;
  private readonly writer = new Writer();
  private cookie: Uint8Array = new Uint8Array(COOKIE_BYTES);
  private connects = 0;
  private connectAt: number;
  /** A denial asked for no Connect before. */
  private holdUntil = -Infinity;
  /** When a Connect left at once because of a Cookie. */
  private cookieAnsweredAt = -Infinity;
  private busyAt: number | undefined;
  private hasForeignAnswer = false;
  private denial: number | undefined;

  private constructor(
    private readonly options: AttemptOptions,
    initiator: Initiator,
    private readonly startedAt: number,
  ) {
    this.initiator = initiator;
    this.connectAt = startedAt;
  }

  /** Nothing if no server can have the key. */
  static start(options: AttemptOptions, now: number): Attempt | undefined {
    const { serverKey, preSharedKey, resumption, random } = options;
    const token = resumption?.token ?? new Uint8Array(TOKEN_BYTES);
    const ephemeral = keyPair(random);
    const initiator = Initiator.start({ serverKey, ephemeral, suites: SUITES, token, preSharedKey });
    return initiator && new Attempt(options, initiator, now);
  }

  /** An unencrypted packet. False: it is dropped. Something: the server accepts. */
  receive(datagram: Uint8Array, now: number): Connected | boolean {
    const answer = readAnswer(datagram, this.initiator.message.subarray(0, HANDSHAKE_TAG_BYTES));
    switch (answer?.type) {
      case 'cookie':
        return this.takeCookie(answer.cookie, now);
      case 'denied':
        this.denied(answer.reason, answer.wait, now);
        return true;
      case 'accepted':
        return this.accepted(answer.noise);
      default:
        return false;
    }
  }

  /** Appends the Connect that is due. */
  poll(now: number, datagrams: Uint8Array[]): void {
    if (now < this.nextConnect) return;
    this.connects += 1;
    const wait = Math.min(CONNECT_RETRY_FIRST * 2 ** (this.connects - 1), CONNECT_RETRY_MAX);
    this.connectAt = now + wait * (0.75 + 0.5 * fractionOf(this.options.random));
    const { preSharedKey, resumption } = this.options;
    this.writer.clear();
    writeConnect(this.writer, {
      id: resumption ? coreRequest(resumption.core) : 0,
      suites: SUITES,
      options: preSharedKey ? OPTION_PRE_SHARED_KEY : 0,
      cookie: this.cookie,
      noise: this.initiator.message,
    });
    datagrams.push(this.writer.copy());
  }

  /** Whether a Connect has left. */
  get hasStarted(): boolean {
    return this.connects > 0;
  }

  timeout(): number {
    return Math.min(this.nextConnect, this.deadline);
  }

  /** Why the attempt failed, if it did. */
  failure(now: number): CloseReason | undefined {
    if (now < this.deadline) return undefined;
    if (this.hasForeignAnswer) return 'wrong key';
    return this.denial === undefined ? 'no answer' : reasonOfDenial(this.denial);
  }

  private get nextConnect(): number {
    return Math.max(this.connectAt, this.holdUntil);
  }

  private get deadline(): number {
    const usual = this.startedAt + CONNECT_TIMEOUT;
    if (this.busyAt === undefined) return usual;
    return Math.max(usual, Math.min(this.busyAt + CONNECT_TIMEOUT, this.startedAt + BUSY_TIMEOUT));
  }

  private takeCookie(cookie: Uint8Array, now: number): boolean {
    if (equal(cookie, this.cookie)) return false;
    this.cookie = cookie.slice();
    if (now >= this.cookieAnsweredAt + CONNECT_RETRY_FIRST) {
      this.cookieAnsweredAt = now;
      this.connectAt = now;
    }
    return true;
  }

  private denied(reason: number, wait: number, now: number): void {
    this.denial = reason;
    if (reason === DENIED_BUSY) this.busyAt = now;
    if (wait > 0) this.holdUntil = now + Math.min(wait, BUSY_WAIT_MAX) * (1 + fractionOf(this.options.random));
  }

  private accepted(noise: Uint8Array): Connected | boolean {
    const { resumption } = this.options;
    const accepted = this.initiator.finish(noise);
    const parameters = accepted && readParameters(accepted.parameters, SUITES, resumption !== undefined);
    if (!accepted || !parameters) {
      this.hasForeignAnswer = true;
      return false;
    }
    let { split } = accepted;
    if (parameters.resumed && resumption) split = resumedKeys(split, resumption.resumeSecret);
    return { parameters, split, secrets: derivedSecrets(split) };
  }
}
