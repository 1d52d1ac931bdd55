/** The least that a page needs of a gateway, for tests: its description, and WebSockets to one server. */

import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import { toHex } from '../vectors.js';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const BINARY = 2;
const CLOSE = 8;

export class MiniGateway {
  private readonly sockets = new Set<Duplex>();

  private constructor(private readonly http: Server) {}

  static async start(name: string, serverPort: number, serverKey: Uint8Array): Promise<MiniGateway> {
    const servers = [{ name, key: toHex(serverKey) }];
    const info = { name: 'mini', servers, webtransport: null, webrtc: false, websocket: true };
    const http = createServer((request, response) => {
      response.statusCode = request.url === '/v1/gateway' ? 200 : 404;
      response.end(JSON.stringify(info));
    });
    const gateway = new MiniGateway(http);
    http.on('upgrade', (request, socket, head) => {
      const isKnown = request.url === `/v1/servers/${name}/websocket` && request.headers['sec-websocket-protocol'] === 'ringshard.1';
      if (!isKnown) {
        socket.end('HTTP/1.1 404 Not Found\r\n\r\n');
        return;
      }
      const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}${GUID}`).digest('base64');
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
          `Sec-WebSocket-Protocol: ringshard.1\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
      gateway.carry(socket, head, serverPort);
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    return gateway;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }

  /** Breaks all WebSockets. */
  cut(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  stop(): void {
    this.cut();
    this.http.close();
  }

  private carry(socket: Duplex, head: Uint8Array, serverPort: number): void {
    (socket as Socket).setNoDelay(true);
    this.sockets.add(socket);
    const udp = createSocket('udp4');
    udp.on('message', (datagram) => {
      if (socket.writable) socket.write(frame(datagram));
    });
    let waiting = Buffer.from(head);
    socket.on('data', (chunk: Buffer) => {
      waiting = Buffer.concat([waiting, chunk]);
      for (let read = readFrame(waiting); read; read = readFrame(waiting)) {
        waiting = waiting.subarray(read.end);
        if (read.opcode === BINARY) udp.send(read.payload, serverPort, '127.0.0.1');
        if (read.opcode === CLOSE) socket.end();
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.sockets.delete(socket);
      udp.close();
    });
  }
}

function frame(payload: Buffer): Buffer {
  const head = payload.length < 126 ? [0x82, payload.length] : [0x82, 126, payload.length >> 8, payload.length & 255];
  return Buffer.concat([Buffer.from(head), payload]);
}

/** A whole frame of a client. Nothing if more has to arrive. */
function readFrame(bytes: Buffer): { opcode: number; payload: Buffer; end: number } | undefined {
  if (bytes.length < 2) return undefined;
  const short = bytes[1]! & 0x7f;
  const head = (short === 126 ? 4 : 2) + 4;
  if (bytes.length < head) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short;
  const end = head + length;
  if (bytes.length < end) return undefined;
  const mask = bytes.subarray(head - 4, head);
  const payload = Buffer.from(bytes.subarray(head, end).map((byte, at) => byte ^ mask[at & 3]!));
  return { opcode: bytes[0]! & 15, payload, end };
}
