/** What carries datagrams to a server, or to a gateway before it. */

export type TransportKind = 'webtransport' | 'webrtc' | 'websocket' | 'udp';

/** A carrier that is open. Datagrams may be lost, repeated and reordered. */
export interface Transport {
  readonly kind: TransportKind;
  /** Bytes of the largest datagram that it takes. */
  readonly largestDatagram: number;
  /** Sends a datagram, or drops it. Does not throw. The bytes must not change afterwards. */
  send(datagram: Uint8Array): void;
  close(): void;
}

/** What a carrier tells. Nothing after `close`. */
export interface TransportEvents {
  received(datagram: Uint8Array): void;
  /** The carrier is gone. `why` is for people. */
  closed(why: string): void;
}

/** Opens a carrier, or rejects with the reason. An aborted `signal` ends the attempt and frees what it holds. */
export interface Opener {
  readonly kind: TransportKind;
  open(events: TransportEvents, signal: AbortSignal): Promise<Transport>;
}
