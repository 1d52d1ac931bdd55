/**
 * The page of a gateway. It plays on the first server of the gateway that it comes from. Its address may say otherwise:
 * `?gateway=https://host&server=NAME&transport=websocket`; `transport` may list several, with commas.
 */

import { Session } from '../src/session/session.js';
import type { TransportKind } from '../src/transports/transport.js';
import { inspect } from './inspect.js';
import { Play, type Carrier, type Happened } from './play.js';
import { TRANSPORTS } from './words.js';

const query = new URLSearchParams(location.search);

function transports(): TransportKind[] | undefined {
  const wanted = query.get('transport')?.split(',');
  return wanted && (['webtransport', 'webrtc', 'websocket'] as const).filter((kind) => wanted.includes(kind));
}

/** A session that a page can use before it is there. */
class GatewayCarrier implements Carrier {
  private session: Session | undefined;

  constructor(private readonly happened: Happened) {
    void this.connect();
  }

  get transport(): TransportKind | undefined {
    return this.session?.transport;
  }

  get roundTrip(): number {
    return this.session?.roundTrip ?? 0;
  }

  send: Carrier['send'] = (channel, bytes) => this.session?.send(channel, bytes) ?? 'not connected';

  close(): void {
    this.session?.close(true);
  }

  networkChanged(): void {
    this.session?.networkChanged();
  }

  private async connect(): Promise<void> {
    const { happened } = this;
    try {
      this.session = await Session.connect(query.get('gateway') ?? location.origin, {
        server: query.get('server') ?? undefined,
        transports: transports(),
        connected: (id, resumed) => happened.event({ kind: 'connected', id, resumed }),
        message: (message) => happened.event({ kind: 'message', message }),
        reconnecting: (reason) => happened.event({ kind: 'reconnecting', reason }),
        closed: (reason) => happened.event({ kind: 'closed', reason }),
        transport: (kind) => kind && happened.moved(kind),
        transportFailed: (kind, why) => happened.tell(`${TRANSPORTS[kind]} does not work: ${why}.`),
      });
    } catch (error) {
      happened.failed(error instanceof Error ? error.message : String(error));
    }
  }
}

let carrier: GatewayCarrier | undefined;
inspect(new Play((happened) => (carrier = new GatewayCarrier(happened))));
window.addEventListener('pagehide', () => carrier?.close());
// A page that the browser has kept: its session is over.
window.addEventListener('pageshow', (event) => event.persisted && location.reload());
window.addEventListener('online', () => carrier?.networkChanged());
