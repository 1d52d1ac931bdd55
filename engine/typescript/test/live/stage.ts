/** What a scenario has: a server, the relay before it, and clients. */

import { Seeded } from '../seeded.js';
import { Echoing } from './echoing.js';
import { Player, type WalkBounds } from './player.js';
import { Relay } from './relay.js';
import { LiveServer } from './server.js';
import { until } from './waiting.js';

export class Stage {
  private readonly clients = new Map<number, Echoing | Player>();

  private constructor(
    readonly server: LiveServer,
    readonly relay: Relay,
  ) {}

  static async start(args: readonly string[]): Promise<Stage> {
    const server = await LiveServer.start(...args);
    return new Stage(server, await Relay.start(server.port, new Seeded(1)));
  }

  connect(client: number, hasRightKey: boolean, reconnect: boolean): void {
    const key = this.server.key.slice();
    if (!hasRightKey) key[0]! ^= 1;
    this.add(client, new Echoing(this.relay.port, key, reconnect, client));
  }

  enter(client: number, hasRightLevel: boolean): void {
    this.add(client, new Player(this.relay.port, this.server.key, hasRightLevel, client));
  }

  client(number: number): Echoing | Player {
    const client = this.clients.get(number);
    if (!client) throw new Error(`there is no client ${number}`);
    return client;
  }

  echoing(number: number): Echoing {
    const client = this.client(number);
    if (client instanceof Echoing) return client;
    throw new Error(`client ${number} is a player`);
  }

  player(number: number): Player {
    const client = this.client(number);
    if (client instanceof Player) return client;
    throw new Error(`client ${number} is no player`);
  }

  /** All players walk until this one has made so many inputs. */
  async walk(client: number, ticks: number, bounds: WalkBounds): Promise<void> {
    const players = [...this.clients.values()].filter((other) => other instanceof Player);
    for (const player of players) player.walks = true;
    try {
      await this.player(client).madeInputs(ticks, bounds);
    } finally {
      for (const player of players) player.walks = false;
    }
  }

  async expectDigests(least: number): Promise<void> {
    let agreed = 0;
    let isAsking = false;
    const ask = async (): Promise<void> => {
      agreed = await this.server.events('world_digests_agreed');
      isAsking = false;
    };
    await until(`${least} digests that agree`, () => {
      if (!isAsking) void ask();
      isAsking = true;
      return agreed >= least;
    });
    const differ = await this.server.events('world_digests_differ');
    if (differ > 0) throw new Error(`${differ} digests differ`);
  }

  /** Throws if a client told what no step expected. */
  end(): void {
    for (const client of this.clients.values()) client.events.end();
  }

  async stop(): Promise<void> {
    for (const client of this.clients.values()) client.close();
    this.relay.stop();
    await this.server.stop();
  }

  private add(number: number, client: Echoing | Player): void {
    if (this.clients.has(number)) throw new Error(`there is a client ${number} already`);
    this.clients.set(number, client);
  }
}
