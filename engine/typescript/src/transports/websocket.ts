/** WebSocket: passes wherever web pages do, but TCP delays datagrams behind lost ones. One message is one datagram. */

import { DATAGRAM_BYTES_BASE } from '../wire/limits.js';
import { listening } from './listening.js';
import type { Opener, Transport } from './transport.js';

const SUBPROTOCOL = 'ringshard.1';
/** What waits in the browser beyond this is dropped: it would arrive too late. The largest message in pieces fits. */
const BUFFERED_BYTES_MAX = 131072;

/** `url`: begins with `wss:` or `ws:`. */
export function webSocket(url: string): Opener {
  return {
    kind: 'websocket',
    open(events, signal) {
      if (typeof WebSocket === 'undefined') return Promise.reject(new Error('there is no WebSocket here'));
      const socket = new WebSocket(url, SUBPROTOCOL);
      socket.binaryType = 'arraybuffer';
      const { listen, stop } = listening(socket);
      const close = (): void => {
        stop();
        socket.close();
      };
      signal.addEventListener('abort', close);
      const transport: Transport = {
        kind: 'websocket',
        largestDatagram: DATAGRAM_BYTES_BASE,
        send(datagram) {
          if (socket.readyState === 1 && socket.bufferedAmount < BUFFERED_BYTES_MAX) socket.send(datagram as BufferSource);
        },
        close,
      };
      return new Promise((resolve, reject) => {
        let isOpen = false;
        listen('open', () => {
          isOpen = true;
          resolve(transport);
        });
        listen('message', (event) => {
          const { data } = event as MessageEvent<unknown>;
          if (data instanceof ArrayBuffer) events.received(new Uint8Array(data));
        });
        listen('close', (event) => {
          stop();
          const { code, reason } = event as CloseEvent;
          const why = `the WebSocket closed with code ${code}${reason ? `: ${reason}` : ''}`;
          if (isOpen) events.closed(why);
          else reject(new Error(why));
        });
      });
    },
  };
}
