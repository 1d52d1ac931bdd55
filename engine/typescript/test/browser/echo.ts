/**
 * A page for scripts/browsers.sh: a session over a gateway with a server that echoes.
 *
 * `?gateway=http://host:port&transport=webrtc`; `transport` may list several, with commas. `window.echo` tells what goes on.
 */

import { Session } from '../../src/session/session.js';
import type { TransportKind } from '../../src/transports/transport.js';
import { Seeded } from '../seeded.js';

class Echo {
  state = 'connecting';
  transport: TransportKind | undefined;
  /** How often a connection was made. */
  connections = 0;
  readonly failures: string[] = [];
  private session: Session | undefined;
  private readonly arrived: { channel: number; bytes: Uint8Array }[] = [];
  private readonly random = new Seeded(1);

  async connect(query: URLSearchParams): Promise<void> {
    const transports = query.get('transport')?.split(',') as TransportKind[] | undefined;
    this.session = await Session.connect(query.get('gateway') ?? location.origin, {
      transports,
      connected: () => {
        this.connections += 1;
        this.state = 'connected';
      },
      message: ({ channel, bytes }) => this.arrived.push({ channel, bytes: bytes.slice() }),
      reconnecting: () => (this.state = 'reconnecting'),
      closed: (reason) => (this.state = `closed: ${reason}`),
      transport: (kind) => (this.transport = kind),
      transportFailed: (kind, why) => this.failures.push(`${kind}: ${why}`),
    });
  }

  /** Echoes messages of several sizes on all channels. Returns how many. */
  async all(): Promise<number> {
    let count = 0;
    for (let channel = 0; channel < 16; channel += 1) {
      for (const size of [0, 1, 300, 1100, 9000]) {
        await this.once(channel, size);
        count += 1;
      }
    }
    return count;
  }

  /** Echoes messages of 65,536 bytes on the channels of each kind. Returns how many. */
  async large(): Promise<number> {
    for (let channel = 0; channel < 4; channel += 1) await this.once(channel, 65536);
    return 4;
  }

  /** One echo. Channels that may lose a message are asked again. */
  async once(channel: number, size: number): Promise<void> {
    const bytes = this.random.bytes(size);
    for (let attempt = 0; attempt < 5; attempt += 1) {
      this.arrived.length = 0;
      const result = this.session?.send(channel, bytes);
      if (result !== 'queued') throw new Error(`channel ${channel}, ${size} bytes: ${result}`);
      if (await this.waits(() => this.arrived.some((message) => isEqual(message.bytes, bytes)), 3000)) {
        if (this.arrived.some((message) => message.channel !== channel)) throw new Error('an echo on another channel');
        return;
      }
    }
    throw new Error(`no echo on channel ${channel} of ${size} bytes; ${this.state}`);
  }

  private async waits(condition: () => boolean, milliseconds: number): Promise<boolean> {
    const end = performance.now() + milliseconds;
    while (!condition()) {
      if (performance.now() > end) return false;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    return true;
  }
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

const echo = new Echo();
Object.defineProperty(window, 'echo', { value: echo });
echo.connect(new URLSearchParams(location.search)).catch((error: unknown) => (echo.state = `failed: ${String(error)}`));
