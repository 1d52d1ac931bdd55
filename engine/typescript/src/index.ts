/** What a game or a page imports. */

export { Reader } from './bytes/reader.js';
export { Writer } from './bytes/writer.js';
export { crc32c } from './bytes/crc32c.js';
export { Connection, type Polled } from './connection/connection.js';
export type {
  CloseReason,
  ConnectionEvent,
  ConnectionOptions,
  ConnectionStats,
  Drops,
  Message,
  MessagePort,
  OtherServer,
  SendResult,
} from './connection/types.js';
export * from './services/index.js';
export { type ConnectOptions, Session, type SessionHandlers, type SessionOptions } from './session/session.js';
export { fetchGateway, type GatewayInfo, TRANSPORT_ORDER } from './transports/gateway.js';
export type { Timers } from './transports/timers.js';
export type { Opener, Transport, TransportEvents, TransportKind } from './transports/transport.js';
export * from './world/index.js';
