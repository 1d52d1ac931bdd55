/** UDP, for Node. */

import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

import { DATAGRAM_BYTES_BASE } from '../wire/limits.js';
import type { Opener, Transport } from './transport.js';

/** Opens a socket to a server. `host`: an IP address or a name. */
export function udp(host: string, port: number): Opener {
  return {
    kind: 'udp',
    open(events, signal) {
      const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
      let isOpen = true;
      const close = (): void => {
        if (isOpen) socket.close();
        isOpen = false;
      };
      socket.on('message', (datagram) => {
        if (isOpen) events.received(datagram);
      });
      const transport: Transport = {
        kind: 'udp',
        largestDatagram: DATAGRAM_BYTES_BASE,
        send: (datagram) => {
          // An error of one datagram, such as a port without a server, is a loss.
          if (isOpen) socket.send(datagram, () => undefined);
        },
        close,
      };
      signal.addEventListener('abort', close);
      return new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.connect(port, host, () => {
          socket.off('error', reject);
          socket.on('error', () => undefined);
          resolve(transport);
        });
      });
    },
  };
}
