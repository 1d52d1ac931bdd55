/** A session with a server: a connection, the carrier of its datagrams, and the timers that drive both. */

import { Connection } from '../connection/connection.js';
import type {
  CloseReason,
  ConnectionEvent,
  ConnectionOptions,
  ConnectionStats,
  Message,
  MessagePort,
  SendResult,
} from '../connection/types.js';
import { fetchGateway, gatewayOpeners } from '../transports/gateway.js';
import { Selector } from '../transports/select.js';
import { platformTimers, type Timers } from '../transports/timers.js';
import type { Opener, Transport, TransportKind } from '../transports/transport.js';

/** What a session tells. All are optional. */
export interface SessionHandlers {
  /** A connection is there. `resumed`: the reliable channels continue; if not, what was under way is lost. */
  connected?(id: number, resumed: boolean): void;
  /** `message.bytes` hold until the handler returns: copy them to keep them. */
  message?(message: Message): void;
  /** The connection is gone or could not be made; the session tries again. */
  reconnecting?(reason: CloseReason): void;
  /** The session is over. */
  closed?(reason: CloseReason): void;
  /** Another carrier is in use, or none. */
  transport?(kind: TransportKind | undefined): void;
  /** A carrier failed. `why` is for people. */
  transportFailed?(kind: TransportKind, why: string): void;
}

export interface SessionOptions extends ConnectionOptions, SessionHandlers {
  timers?: Timers;
}

/** For sessions over a gateway. */
export interface ConnectOptions extends Omit<SessionOptions, 'serverKey'> {
  /** The server's name at the gateway. Default: its first. */
  server?: string | undefined;
  /**
   * The server's public key, 32 bytes. Default: the one that the gateway names. Then an attacker who controls the
   * gateway could pose as the server.
   */
  serverKey?: Uint8Array | undefined;
  /** The carriers that may be used. Default: all. Their order is fixed: WebTransport, WebRTC, WebSocket. */
  transports?: readonly TransportKind[] | undefined;
}

export class Session implements MessagePort {
  private readonly connection: Connection;
  private readonly selector: Selector;
  private readonly timers: Timers;
  private timer: unknown;
  private isFlushDue = false;
  private shownKind: TransportKind | undefined;
  private path: Transport | undefined;
  /** Events whose handlers were not called yet. */
  private readonly untold: ConnectionEvent[] = [];

  /** Starts to connect over the best carrier that works. `openers`: best first. */
  constructor(
    openers: readonly Opener[],
    private readonly options: SessionOptions,
  ) {
    this.timers = options.timers ?? platformTimers;
    this.connection = new Connection(options, this.timers.now());
    this.selector = new Selector(
      openers,
      {
        received: (datagram) => this.received(datagram),
        moved: (transport) => this.moved(transport),
        ask: () => {
          this.connection.ping();
          this.flush();
        },
        failed: (kind, why) => {
          // What is left of a session that is over is not worth another carrier.
          if (this.connection.state === 'closed') this.selector.close();
          else options.transportFailed?.(kind, why);
        },
      },
      this.timers,
    );
    this.selector.start();
  }

  /**
   * Starts a session with a server behind the gateway at `origin`, such as `https://play.example`. Resolves when the
   * session has begun to connect; its handlers tell the rest. Rejects if the gateway cannot be asked, has no such
   * server, or offers no carrier that may be used.
   */
  static async connect(origin: string, options: ConnectOptions = {}): Promise<Session> {
    const info = await fetchGateway(origin);
    const server = info.servers.find(({ name }) => options.server === undefined || name === options.server);
    if (!server) {
      const names = info.servers.map(({ name }) => name).join(', ') || 'none';
      throw new Error(`the gateway has no server ${options.server ?? ''}; it has: ${names}`);
    }
    const openers = gatewayOpeners(origin, server.name, info, options.transports);
    if (openers.length === 0) throw new Error('the gateway offers none of the carriers that may be used');
    return new Session(openers, { ...options, serverKey: options.serverKey ?? server.key });
  }

  get state(): 'connecting' | 'connected' | 'reconnecting' | 'closed' {
    return this.connection.state;
  }

  /** The carrier in use. */
  get transport(): TransportKind | undefined {
    return this.shownKind;
  }

  /** Milliseconds. 0: not measured. */
  get roundTrip(): number {
    return this.connection.roundTrip;
  }

  get stats(): Readonly<ConnectionStats> {
    return this.connection.stats;
  }

  /** Whether all reliable messages that were sent are acknowledged. */
  get isIdle(): boolean {
    return this.connection.isIdle;
  }

  /** Sends a message. The bytes are copied. Messages that are sent together leave together. */
  send(channel: number, bytes: Uint8Array): SendResult {
    const result = this.connection.send(channel, bytes);
    if (result === 'queued') this.flushSoon();
    return result;
  }

  /** How often the keys of the present connection were replaced. */
  get rekeys(): number {
    return this.connection.rekeys;
  }

  /** Ends the session. `atOnce`: nothing can leave later, because the page goes away. */
  close(atOnce = false): void {
    this.connection.close(this.timers.now(), atOnce);
    this.flush();
  }

  /** Asks the server for new keys, if it may be asked now. */
  rekey(): void {
    this.connection.rekey(this.timers.now());
    this.flush();
  }

  /** The network of the device may have changed: the connection tests its path. */
  networkChanged(): void {
    if (this.path) this.connection.pathChanged(this.path.largestDatagram, this.timers.now());
    this.flush();
  }

  private received(datagram: Uint8Array): void {
    this.connection.receive(datagram, this.timers.now());
    this.flush();
  }

  private moved(transport: Transport | undefined): void {
    if (transport && transport !== this.path) {
      this.connection.pathChanged(transport.largestDatagram, this.timers.now());
    }
    this.path = transport ?? this.path;
    const { kind } = this.selector;
    if (kind !== this.shownKind) {
      this.shownKind = kind;
      this.options.transport?.(kind);
    }
    this.flush();
  }

  private flushSoon(): void {
    if (this.isFlushDue) return;
    this.isFlushDue = true;
    queueMicrotask(() => {
      if (this.isFlushDue) this.flush();
    });
  }

  private flush(): void {
    this.isFlushDue = false;
    this.timers.clear(this.timer);
    const { datagrams, events } = this.connection.poll(this.timers.now());
    for (const datagram of datagrams) this.selector.send(datagram);
    const now = this.timers.now();
    const at = this.connection.timeout(now);
    if (at < Infinity) this.timer = this.timers.set(() => this.flush(), Math.max(0, at - now));
    else if (this.connection.state === 'closed') this.selector.close();
    this.tell(events);
  }

  /** Calls the handlers. What one throws neither stops the session nor keeps events from the others. */
  private tell(events: readonly ConnectionEvent[]): void {
    this.untold.push(...events);
    for (let event = this.untold.shift(); event; event = this.untold.shift()) {
      if (event.kind === 'connected') this.options.connected?.(event.id, event.resumed);
      else if (event.kind === 'message') this.options.message?.(event.message);
      else if (event.kind === 'reconnecting') this.options.reconnecting?.(event.reason);
      else this.options.closed?.(event.reason);
    }
  }
}
