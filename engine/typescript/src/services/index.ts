/** Services: calls over the session of a world and over HTTPS, notices, login. */

export { type CallOptions, type ServiceAction, serviceAction } from './action.js';
export { type Account, type Device, Door, type DoorOptions, type Login, type LoginSession, type Ticket } from './door.js';
export {
  type DownloadOptions, Downloads, type DownloadsOptions, type DownloadsStats,
} from './downloads/downloads.js';
export { type Failed, ServiceError } from './error.js';
export type { Notice } from './messages.js';
export { type Presences, Services, type ServicesOptions, type ServicesStats } from './services.js';
export type { AnyValue } from './values/data.js';
export * as values from './values/index.js';
export { valueAs } from './values/typed.js';
export type { ReadValue, ValueType, WrittenValue } from './values/types.js';
