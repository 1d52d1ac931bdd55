/** Gateways: which servers they reach, and over which carriers. */

import { equal } from '../wire/handshake.js';
import type { Opener, TransportKind } from './transport.js';
import { webRtc } from './webrtc.js';
import { webSocket } from './websocket.js';
import { webTransport, type WebTransportAddress } from './webtransport.js';

/** A gateway's own description, from `GET /v1/gateway`. Its field `peers` is for native clients: pages have no UDP. */
export interface GatewayInfo {
  name: string;
  servers: { name: string; key: Uint8Array }[];
  webtransport: { port: number; certificateHashes: Uint8Array[] } | undefined;
  webrtc: boolean;
  websocket: boolean;
}

/** Best first. */
export const TRANSPORT_ORDER: readonly TransportKind[] = ['webtransport', 'webrtc', 'websocket'];

/** Milliseconds after which a description is fetched again before it is used. */
const INFO_AGE_MAX = 10000;
const FETCH_TIMEOUT = 10000;

/** Fetches the description of the gateway at an origin such as `https://play.example`. */
export async function fetchGateway(origin: string): Promise<GatewayInfo> {
  const url = new URL('/v1/gateway', origin);
  const response = await fetch(url, { signal: AbortSignal.timeout(FETCH_TIMEOUT) });
  if (!response.ok) throw new Error(`${url.href} answered with status ${response.status}: is this a gateway?`);
  const info = readGateway(await response.json());
  if (!info) throw new Error(`${url.href} does not describe a gateway`);
  return info;
}

/** Nothing if it is not what a gateway answers. */
export function readGateway(value: unknown): GatewayInfo | undefined {
  if (!isRecord(value) || !Array.isArray(value['servers'])) return undefined;
  const servers: GatewayInfo['servers'] = [];
  for (const server of value['servers'] as unknown[]) {
    const key = isRecord(server) ? readHex(server['key'], 32) : undefined;
    if (!isRecord(server) || typeof server['name'] !== 'string' || !key) return undefined;
    servers.push({ name: server['name'], key });
  }
  return {
    name: typeof value['name'] === 'string' ? value['name'] : '',
    servers,
    webtransport: readWebTransport(value['webtransport']),
    webrtc: value['webrtc'] === true,
    websocket: value['websocket'] === true,
  };
}

function readWebTransport(value: unknown): GatewayInfo['webtransport'] {
  if (!isRecord(value)) return undefined;
  const { port, certificateHashes } = value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65535) return undefined;
  const hashes = Array.isArray(certificateHashes) ? (certificateHashes as unknown[]) : [];
  return { port, certificateHashes: hashes.flatMap((hash) => readHex(hash, 32) ?? []) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function readHex(value: unknown, length: number): Uint8Array | undefined {
  if (typeof value !== 'string' || value.length !== 2 * length || !/^[0-9a-f]*$/i.test(value)) return undefined;
  return Uint8Array.from({ length }, (_, at) => parseInt(value.slice(2 * at, 2 * at + 2), 16));
}

/** The carriers to a server of a gateway that both ends have, best first. `kinds`: the ones to use. */
export function gatewayOpeners(
  origin: string,
  server: string,
  info: GatewayInfo,
  kinds: readonly TransportKind[] = TRANSPORT_ORDER,
): Opener[] {
  const path = (last: string): URL => new URL(`/v1/servers/${encodeURIComponent(server)}/${last}`, origin);
  const ofKind = (kind: TransportKind): Opener | undefined => {
    switch (kind) {
      case 'webtransport':
        return info.webtransport && webTransport(webTransportAddress(origin, path('webtransport'), info));
      case 'webrtc':
        return info.webrtc ? webRtc(path('webrtc').href) : undefined;
      case 'websocket': {
        const url = path('websocket');
        url.protocol = url.protocol === 'http:' ? 'ws:' : 'wss:';
        return info.websocket ? webSocket(url.href) : undefined;
      }
      default:
        return undefined;
    }
  };
  return TRANSPORT_ORDER.filter((kind) => kinds.includes(kind)).flatMap((kind) => ofKind(kind) ?? []);
}

/** The carriers to the server with this public key, by a fresh description. None if the gateway has no such server, or several. */
export async function openersByKey(
  origin: string,
  key: Uint8Array,
  kinds?: readonly TransportKind[],
): Promise<Opener[]> {
  const info = await fetchGateway(origin);
  const [server, another] = info.servers.filter((server) => equal(server.key, key));
  return server && !another ? gatewayOpeners(origin, server.name, info, kinds) : [];
}

/** Where the WebTransport session is opened, from a description that is not old. */
function webTransportAddress(origin: string, path: URL, first: GatewayInfo): () => Promise<WebTransportAddress> {
  let info = first;
  let fetchedAt = performance.now();
  return async () => {
    if (performance.now() - fetchedAt > INFO_AGE_MAX) {
      info = await fetchGateway(origin);
      fetchedAt = performance.now();
    }
    if (!info.webtransport) throw new Error('the gateway has no WebTransport any more');
    const url = new URL(path);
    url.protocol = 'https:';
    url.port = `${info.webtransport.port}`;
    // Browsers may resolve the name to an address where the gateway does not listen.
    if (url.hostname === 'localhost') url.hostname = '127.0.0.1';
    return { url: url.href, certificateHashes: info.webtransport.certificateHashes };
  };
}
