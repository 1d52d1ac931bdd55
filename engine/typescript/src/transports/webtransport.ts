/** WebTransport: QUIC datagrams. The best carrier. */

import { DATAGRAM_BYTES_BASE, DATAGRAM_BYTES_MIN } from '../wire/limits.js';
import type { Opener, Transport } from './transport.js';

/** Datagrams that may wait in the browser. Further ones are dropped. */
const WAITING_MAX = 128;

export interface WebTransportAddress {
  /** Begins with `https:`. */
  url: string;
  /** SHA-256 hashes of certificates to accept beside those that the browser trusts. */
  certificateHashes: readonly Uint8Array[];
}

/** `address` is asked before each attempt, because certificates that are accepted by their hash do not last. */
export function webTransport(address: () => Promise<WebTransportAddress>): Opener {
  return {
    kind: 'webtransport',
    async open(events, signal) {
      if (typeof WebTransport === 'undefined') throw new Error('there is no WebTransport here');
      const { url, certificateHashes } = await address();
      signal.throwIfAborted();
      const session = new WebTransport(url, optionsOf(certificateHashes));
      let isOpen = true;
      const close = (): void => {
        if (!isOpen) return;
        isOpen = false;
        try {
          session.close();
        } catch {
          // It failed before.
        }
      };
      const ended = (why: string): void => {
        if (isOpen) events.closed(why);
        isOpen = false;
      };
      signal.addEventListener('abort', close);
      session.closed.then(
        () => ended('the WebTransport session closed'),
        (error: unknown) => ended(`the WebTransport session failed: ${String(error)}`),
      );
      await session.ready;
      const { datagrams } = session;
      const largest = datagrams.maxDatagramSize;
      if (largest < DATAGRAM_BYTES_MIN) {
        close();
        throw new Error(`the WebTransport session takes datagrams of ${largest} bytes at most`);
      }
      void read(datagrams.readable, (datagram) => {
        if (isOpen) events.received(datagram);
      });
      return transportOf(datagrams, Math.min(largest, DATAGRAM_BYTES_BASE), () => isOpen, close);
    },
  };
}

function optionsOf(hashes: readonly Uint8Array[]): WebTransportOptions {
  const options: WebTransportOptions = { congestionControl: 'low-latency', requireUnreliable: true };
  if (hashes.length > 0) {
    options.serverCertificateHashes = hashes.map((value) => ({ algorithm: 'sha-256', value: value as BufferSource }));
  }
  return options;
}

function transportOf(
  datagrams: WebTransportDatagramDuplexStream,
  largestDatagram: number,
  isOpen: () => boolean,
  close: () => void,
): Transport {
  const writer = writableOf(datagrams).getWriter();
  let waiting = 0;
  const written = (): void => {
    waiting -= 1;
  };
  return {
    kind: 'webtransport',
    largestDatagram,
    send(datagram) {
      if (!isOpen() || waiting >= WAITING_MAX) return;
      waiting += 1;
      writer.write(datagram).then(written, written);
    },
    close,
  };
}

/** Newer browsers make the stream, older ones have it. */
function writableOf(datagrams: WebTransportDatagramDuplexStream): WritableStream<Uint8Array> {
  const newer = datagrams as { createWritable?: () => WritableStream<Uint8Array> };
  return newer.createWritable?.() ?? datagrams.writable;
}

/** Reads until the stream ends. Its end is told by the session. */
async function read(stream: ReadableStream<Uint8Array>, received: (datagram: Uint8Array) => void): Promise<void> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      received(value);
    }
  } catch {
    // The session is gone.
  }
}
