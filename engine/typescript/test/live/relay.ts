/** Carries datagrams between clients and a server on the loopback address, badly if told so. */

import { createSocket, type Socket } from 'node:dgram';

import type { Seeded } from '../seeded.js';

export interface Badness {
  /** Shares of datagrams. */
  loss: number;
  duplicates: number;
  /** Milliseconds that each datagram is delayed, at least and at most: what differs is reordered. */
  delay: readonly [number, number];
}

export class Relay {
  /** Nothing passes while this is set. */
  isCut = false;
  /** Bytes of all datagrams that came here, both ways. */
  carried = 0;
  badness: Badness = { loss: 0, duplicates: 0, delay: [0, 0] };

  private readonly outside = createSocket('udp4');
  private readonly towardsServer = new Map<string, Socket>();

  private constructor(
    private readonly serverPort: number,
    private readonly random: Seeded,
  ) {
    this.outside.on('message', (datagram, from) => {
      const inside = this.inside(from.port);
      this.pass(datagram, () => inside.send(datagram, this.serverPort, '127.0.0.1', () => undefined));
    });
  }

  static start(serverPort: number, random: Seeded): Promise<Relay> {
    const relay = new Relay(serverPort, random);
    return new Promise((resolve) => relay.outside.bind(0, '127.0.0.1', () => resolve(relay)));
  }

  get port(): number {
    return this.outside.address().port;
  }

  /** The server sees all clients at new addresses from now on. */
  changeAddresses(): void {
    for (const socket of this.towardsServer.values()) socket.close();
    this.towardsServer.clear();
  }

  stop(): void {
    this.changeAddresses();
    this.outside.close();
  }

  private inside(clientPort: number): Socket {
    const key = `${clientPort}`;
    let socket = this.towardsServer.get(key);
    if (!socket) {
      socket = createSocket('udp4');
      socket.on('message', (datagram) => {
        this.pass(datagram, () => this.outside.send(datagram, clientPort, '127.0.0.1', () => undefined));
      });
      this.towardsServer.set(key, socket);
    }
    return socket;
  }

  private pass(datagram: Uint8Array, send: () => void): void {
    const { loss, duplicates, delay } = this.badness;
    this.carried += datagram.length;
    if (this.isCut || this.random.chance(loss)) return;
    const copies = this.random.chance(duplicates) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      const wait = delay[0] + this.random.next() * (delay[1] - delay[0]);
      const guarded = (): void => {
        try {
          send();
        } catch {
          // The socket was closed in the meantime: the datagram is lost.
        }
      };
      if (wait > 0) setTimeout(guarded, wait);
      else guarded();
    }
  }
}
