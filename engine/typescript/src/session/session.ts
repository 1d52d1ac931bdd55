/** A session with a server: a connection, the carrier of its datagrams, and the timers that drive both. */

import { Connection } from '../connection/connection.js';
import type {
  CloseReason,
  ConnectionEvent,
  ConnectionOptions,
  ConnectionStats,
  Message,
  MessagePort,
  OtherServer,
  SendResult,
} from '../connection/types.js';
import { fetchGateway, gatewayOpeners, openersByKey } from '../transports/gateway.js';
import { Selector, type SelectorEvents } from '../transports/select.js';
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
  /**
   * The carriers to another server that the session is to move to, best first. Without this function, if there are none, and if
   * it rejects, the session stays where it is. Over a gateway, the default finds the server there by its key.
   */
  openersTo?: ((server: OtherServer) => readonly Opener[] | Promise<readonly Opener[]>) | undefined;
}

/** The way to a server, by the number that the connection has for it. */
interface Way {
  readonly number: number;
  readonly selector: Selector;
  /** The carrier that was used last. */
  path: Transport | undefined;
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
  /** The way to the server. */
  private way: Way;
  /** The way to the server that the session moves to, or comes from. */
  private other: Way | undefined;
  /** Ways that were opened so far, without the first. */
  private ways = 0;
  private isSeekingWay = false;
  private readonly timers: Timers;
  private timer: unknown;
  private isFlushDue = false;
  private shownKind: TransportKind | undefined;
  /** Events whose handlers were not called yet. */
  private readonly untold: ConnectionEvent[] = [];

  /** Starts to connect over the best carrier that works. `openers`: best first. */
  constructor(
    openers: readonly Opener[],
    private readonly options: SessionOptions,
  ) {
    this.timers = options.timers ?? platformTimers;
    this.connection = new Connection(options, this.timers.now());
    this.way = this.openWay(0, openers);
    this.way.selector.start();
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
    const openersTo = ({ key }: OtherServer): Promise<Opener[]> => openersByKey(origin, key, options.transports);
    return new Session(openers, { openersTo, ...options, serverKey: options.serverKey ?? server.key });
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
    for (const { path, number } of [this.way, ...(this.other ? [this.other] : [])]) {
      if (path) this.connection.pathChanged(path.largestDatagram, this.timers.now(), number);
    }
    this.flush();
  }

  /**
   * The server wants the session to move to another one; a `WorldClient` calls this. The session goes on there with all its
   * reliable messages, or stays if there is no way there or the other server does not take it.
   */
  changeServer(server: OtherServer): void {
    void this.follow(server);
  }

  private async follow(server: OtherServer): Promise<void> {
    const { openersTo } = this.options;
    if (!openersTo || this.isSeekingWay) return;
    this.isSeekingWay = true;
    // A server whose client does not come asks again later.
    const openers = await Promise.resolve(server).then(openersTo).catch(() => []);
    this.isSeekingWay = false;
    const number = this.ways + 1;
    if (openers.length === 0 || !this.connection.moveTo(server, number, this.timers.now())) return;
    this.ways = number;
    this.other = this.openWay(number, openers);
    this.other.selector.start();
    this.flush();
  }

  private openWay(number: number, openers: readonly Opener[]): Way {
    const events: SelectorEvents = {
      received: (datagram) => this.received(datagram),
      moved: (transport) => this.moved(way, transport),
      ask: () => {
        if (way === this.way) this.connection.ping();
        this.flush();
      },
      failed: (kind, why) => {
        // What is left of a session that is over is not worth another carrier.
        if (this.connection.state === 'closed') way.selector.close();
        else this.options.transportFailed?.(kind, why);
      },
    };
    const way: Way = { number, selector: new Selector(openers, events, this.timers), path: undefined };
    return way;
  }

  private received(datagram: Uint8Array): void {
    this.connection.receive(datagram, this.timers.now());
    this.flush();
  }

  private moved(way: Way, transport: Transport | undefined): void {
    if (transport && transport !== way.path) {
      this.connection.pathChanged(transport.largestDatagram, this.timers.now(), way.number);
    }
    way.path = transport ?? way.path;
    this.showKind();
    this.flush();
  }

  private showKind(): void {
    const { kind } = this.way.selector;
    if (kind === this.shownKind) return;
    this.shownKind = kind;
    this.options.transport?.(kind);
  }

  /** Takes the way of the connection, and closes the other one once the session no longer moves. */
  private followConnection(): void {
    if (this.other?.number === this.connection.place) {
      [this.way, this.other] = [this.other, this.way];
      this.showKind();
    }
    if (this.other && !this.connection.isMoving) {
      this.other.selector.close();
      this.other = undefined;
    }
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
    const { datagrams, connects, events } = this.connection.poll(this.timers.now());
    this.followConnection();
    for (const datagram of datagrams) this.way.selector.send(datagram);
    for (const datagram of connects) this.other?.selector.send(datagram);
    const now = this.timers.now();
    const at = this.connection.timeout(now);
    if (at < Infinity) this.timer = this.timers.set(() => this.flush(), Math.max(0, at - now));
    else if (this.connection.state === 'closed') this.way.selector.close();
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
