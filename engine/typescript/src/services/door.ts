/**
 * The login door of a server: accounts, tickets for its world, and calls of actions over HTTPS.
 *
 * A page of another origin than the door's can ask only if its origin is in the server's setting `login-origins`.
 */

import { DEADLINE_DEFAULT, type CallOptions, type ServiceAction } from './action.js';
import { ServiceError } from './error.js';
import { CALL_RETRY_FIRST, CALL_RETRY_MAX, DEADLINE_MAX } from './limits.js';
import { fromBase64Url, toBase64Url } from './values/base64.js';
import { valueBytes } from './values/data.js';
import { fromJson, toJson } from './values/json.js';

export interface DoorOptions {
  /** The token of an earlier login, if there is one. */
  readonly token?: string | undefined;
  /** What asks. Default: the platform's `fetch`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** A player that has logged in. Times are milliseconds since 1970. */
export interface Account {
  readonly account: number;
  readonly name: string;
}

/** A new login. */
export interface Login extends Account {
  readonly session: number;
  /** Proves the login until `expires`. Anybody who has it can act as the player: keep it secret. */
  readonly token: string;
  readonly expires: number;
}

/** The right to enter a world once, within 30 s: PROTOCOL.md#tickets. */
export interface Ticket {
  /** What `WorldClient` shows to the server. */
  readonly bytes: Uint8Array;
  /** The server's public key, for the option `serverKey` of a session. */
  readonly serverKey: Uint8Array;
  /** UDP host and port, for clients that are no pages. Without a host: the door's. */
  readonly address: string;
  readonly expires: number;
}

/** A login of the account that has not ended. */
export interface LoginSession {
  readonly id: number;
  /** Such as `password`. */
  readonly way: string;
  readonly network: string;
  readonly created: number;
  readonly seen: number;
  readonly expires: number;
}

/** A device of the account that can log in. */
export interface Device {
  readonly id: number;
  readonly label: string;
  /** Milliseconds since 1970. */
  readonly created: number;
}

/** Milliseconds for one request. */
const REQUEST_TIMEOUT = 15_000;
/** So long a ticket is asked for again, while the door does not answer or is busy. */
const TICKET_DEADLINE = 30_000;
/** Bytes of an answer that are read. */
const ANSWER_BYTES_MAX = 1 << 20;

/** What a request sends beside its path. */
interface Ask {
  readonly method?: 'GET' | 'POST' | 'DELETE';
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
}

export class Door {
  /** The token of the present login; undefined: nobody is logged in. */
  token: string | undefined;

  private readonly ask: (url: string, init: RequestInit) => Promise<Response>;

  /** `origin`: such as `https://play.example:3567`. */
  constructor(
    readonly origin: string,
    options: DoorOptions = {},
  ) {
    this.token = options.token;
    this.ask = options.fetch ?? ((url, init) => fetch(url, init));
  }

  /** Makes an account, and logs in. Rejects with a ServiceError: status 409 if the email is taken. */
  async register(player: { readonly email: string; readonly name: string; readonly password: string }): Promise<Login> {
    return this.loggedIn(await this.request('/v1/accounts', { body: player }));
  }

  /** Logs in. Rejects with a ServiceError: status 401 if email or password are wrong, 429 with a wait after many attempts. */
  async logIn(player: { readonly email: string; readonly password: string }): Promise<Login> {
    return this.loggedIn(await this.request('/v1/login', { body: player }));
  }

  /**
   * Logs in by the key of a device that was added to the account. Rejects with a ServiceError: status 401 if it was not added,
   * or was removed.
   */
  async logInByDevice(key: CryptoKeyPair): Promise<Login> {
    return this.loggedIn(await this.request('/v1/login', { body: { device: await this.proof(key, 'login') } }));
  }

  /**
   * Lets a device log in without a password from now on. A page makes the key once, and keeps it in IndexedDB; then no script
   * can read its secret half: `await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])`.
   */
  async addDevice(key: CryptoKeyPair, label: string): Promise<Device> {
    return (await this.request('/v1/devices', { body: { device: await this.proof(key, 'add'), label } })) as Device;
  }

  /** The devices that can log in. */
  async devices(): Promise<Device[]> {
    const { devices } = fieldsOf(await this.request('/v1/devices', { method: 'GET' }));
    if (!Array.isArray(devices)) throw unreadable('/v1/devices');
    return devices as Device[];
  }

  /** Removes a device, and ends its logins. */
  async removeDevice(device: number): Promise<void> {
    await this.request(`/v1/devices/${device}`, { method: 'DELETE' });
  }

  /** Goes on with the token of an earlier login. Rejects with a ServiceError: status 401 if it holds no longer. */
  async resume(token: string): Promise<Account> {
    const account = readAccount(await this.request('/v1/login', { body: { token } }));
    this.token = token;
    return account;
  }

  /** Ends the login. The player stays in the world. */
  async logOut(): Promise<void> {
    await this.request('/v1/logout');
    this.token = undefined;
  }

  /** The logins of the account. */
  async sessions(): Promise<LoginSession[]> {
    const { sessions } = fieldsOf(await this.request('/v1/sessions', { method: 'GET' }));
    if (!Array.isArray(sessions)) throw unreadable('/v1/sessions');
    return sessions as LoginSession[];
  }

  /** Ends a login of the account. */
  async revoke(session: number): Promise<void> {
    await this.request(`/v1/sessions/${session}`, { method: 'DELETE' });
  }

  /**
   * A ticket for a server of the door: for the one with this public key, or for the first. While the door does not answer or
   * is busy, it is asked again, for 30 s. Each attempt to enter needs a new ticket:
   * `new WorldClient(rules, { ticket: async () => (await door.ticket()).bytes })`.
   */
  async ticket(server?: Uint8Array): Promise<Ticket> {
    const body = server && { server: Array.from(server, (byte) => byte.toString(16).padStart(2, '0')).join('') };
    return readTicket(await this.repeated('/v1/ticket', { body }, TICKET_DEADLINE));
  }

  /**
   * Calls an action over HTTPS, inside the world or not. While the door does not answer, the call is repeated with the same
   * `Idempotency-Key`, so the server executes it once. A server that starts again meanwhile does not know the key: what must
   * never be executed twice is for `Services.call`.
   *
   * Rejects with a RangeError if the request does not fit its type, and with a ServiceError if there is no answer.
   */
  async call<Q, A>(action: ServiceAction<Q, A>, request: Q, options: CallOptions = {}): Promise<A> {
    const { schema } = action.request;
    // Refuses what does not fit.
    valueBytes(schema, request);
    if (options.signal?.aborted === true) throw new ServiceError('cancelled', `${action.path} was cancelled`);
    const key = toBase64Url(crypto.getRandomValues(new Uint8Array(24)));
    const ask = { body: toJson(schema, request), headers: { 'idempotency-key': key }, signal: options.signal };
    const deadline = Math.min(options.deadline ?? DEADLINE_DEFAULT, DEADLINE_MAX);
    const json = await this.repeated(action.path, ask, deadline);
    try {
      return fromJson(action.answer.schema, json) as A;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new ServiceError('unreadable', `the answer of ${action.path}: ${error.message}`);
    }
  }

  /** Proves that this program has the secret half of a key, by a challenge of the door. */
  private async proof(pair: CryptoKeyPair, purpose: 'login' | 'add'): Promise<unknown> {
    const key = toBase64Url(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
    const { challenge } = fieldsOf(await this.request('/v1/challenge', { body: { key } }));
    const random = typeof challenge === 'string' ? fromBase64Url(challenge) : undefined;
    if (random?.length !== 32) throw unreadable('/v1/challenge');
    const signed = Uint8Array.of(...new TextEncoder().encode(`ringshard device ${purpose} 1`), ...random);
    const signature = await crypto.subtle.sign('Ed25519', pair.privateKey, signed);
    return { key, challenge, signature: toBase64Url(new Uint8Array(signature)) };
  }

  private loggedIn(json: unknown): Login {
    const { session, token, expires } = fieldsOf(json);
    if (typeof session !== 'number' || typeof token !== 'string' || typeof expires !== 'number') throw unreadable('/v1/login');
    const login = { ...readAccount(json), session, token, expires };
    this.token = token;
    return login;
  }

  /** Asks until there is an answer, or the deadline is over. */
  private async repeated(path: string, ask: Ask, deadline: number): Promise<unknown> {
    const until = performance.now() + deadline;
    for (let tries = 0; ; tries += 1) {
      const left = until - performance.now();
      try {
        return await this.request(path, ask, Math.min(left, REQUEST_TIMEOUT));
      } catch (error) {
        const again = error instanceof ServiceError && (error.why === 'unknown' || (error.status >= 500 && error.wait > 0));
        const own = Math.min(CALL_RETRY_FIRST * 2 ** tries, CALL_RETRY_MAX) * (0.75 + Math.random() / 2);
        const wait = again ? Math.max(error.wait, own) : Infinity;
        if (performance.now() + wait >= until || ask.signal?.aborted === true) throw error;
        await new Promise((resolve) => setTimeout(resolve, wait));
      }
    }
  }

  /** Asks once. The JSON of the answer; rejects with a ServiceError. */
  private async request(path: string, ask: Ask = {}, timeout = REQUEST_TIMEOUT): Promise<unknown> {
    const { method = 'POST', body, signal } = ask;
    const headers: Record<string, string> = { ...ask.headers };
    if (this.token !== undefined) headers['authorization'] = `Bearer ${this.token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const times = AbortSignal.timeout(Math.max(1, Math.ceil(timeout)));
    const init: RequestInit = { method, headers, credentials: 'omit', redirect: 'error', signal: either(times, signal) };
    let text: string;
    let status: number;
    try {
      const sent = body === undefined ? init : { ...init, body: JSON.stringify(body) };
      const response = await this.ask(new URL(path, this.origin).href, sent);
      status = response.status;
      text = await boundedText(response);
    } catch (error) {
      if (signal?.aborted === true) throw new ServiceError('unknown', `${path} was cancelled under way`);
      throw new ServiceError('unknown', `${new URL(path, this.origin).href} does not answer: ${String(error)}`);
    }
    const json = parsed(text);
    if (status >= 200 && status < 300) return status === 204 ? null : json;
    throw refusal(status, json);
  }
}

/** A signal that fires with the first of two. */
function either(one: AbortSignal, other: AbortSignal | undefined): AbortSignal {
  if (!other) return one;
  const controller = new AbortController();
  for (const signal of [one, other]) {
    if (signal.aborted) controller.abort();
    else signal.addEventListener('abort', () => controller.abort(), { once: true });
  }
  return controller.signal;
}

/** The text of an answer, up to a bound. */
async function boundedText(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const decoder = new TextDecoder();
  let [text, bytes] = ['', 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    bytes += value.length;
    if (bytes > ANSWER_BYTES_MAX) {
      await reader.cancel();
      throw new Error('the answer is too long');
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Undefined if it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** The fields of an answer; none if it is no object. */
function fieldsOf(json: unknown): Readonly<Record<string, unknown>> {
  return typeof json === 'object' && json !== null ? (json as Record<string, unknown>) : {};
}

function refusal(status: number, json: unknown): ServiceError {
  const { error, wait_ms: wait } = fieldsOf(json);
  const message = typeof error === 'string' ? error : `the door answers with status ${status}`;
  return new ServiceError('refused', message, status, typeof wait === 'number' && wait > 0 ? wait : 0);
}

function readAccount(json: unknown): Account {
  const { account, name } = fieldsOf(json);
  if (typeof account !== 'number' || typeof name !== 'string') throw unreadable('/v1/login');
  return { account, name };
}

function readTicket(json: unknown): Ticket {
  const { ticket, server_key: key, address, expires } = fieldsOf(json);
  const bytes = typeof ticket === 'string' ? fromBase64Url(ticket) : undefined;
  if (!bytes || typeof key !== 'string' || !/^[0-9a-f]{64}$/i.test(key) || typeof address !== 'string') {
    throw unreadable('/v1/ticket');
  }
  const serverKey = Uint8Array.from({ length: 32 }, (_, at) => parseInt(key.slice(2 * at, 2 * at + 2), 16));
  return { bytes, serverKey, address, expires: typeof expires === 'number' ? expires : 0 };
}

function unreadable(path: string): ServiceError {
  return new ServiceError('unreadable', `what the door answers to ${path} cannot be read: is this a login door?`);
}
