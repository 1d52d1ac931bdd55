/** Why a call, a download, or a request to a login door has no answer. */

import { readValue } from './values/data.js';

/** How a call ended without an answer. */
export type Failed =
  /** The server refused it, or it failed there: see `status`. */
  | 'refused'
  /** Nobody knows whether it was executed: look at the present state before you call again. */
  | 'unknown'
  /** It was cancelled before it was executed. */
  | 'cancelled'
  /** Its deadline passed before it was executed. */
  | 'expired'
  /** It was executed, but the answer is not of the type that the page expects. */
  | 'unreadable'
  /** It was not sent: too many calls or downloads are open. */
  | 'full'
  /** What was downloaded is not what the page may use. */
  | 'damaged';

/** A call without an answer. The message is for people. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError';

  constructor(
    readonly why: Failed,
    message: string,
    /** As in HTTP, with 'refused'; otherwise 0. */
    readonly status = 0,
    /** Milliseconds after which it can be tried again; 0: trying again does not help. */
    readonly wait = 0,
  ) {
    super(message);
  }

  /** Whether the call may have been executed. If not, it is safe to call again. */
  get mayBeExecuted(): boolean {
    if (this.why !== 'refused') return this.why === 'unknown' || this.why === 'unreadable';
    return this.status >= 500 && this.status !== 503;
  }
}

/** What a refusal says: a record with a text `message`. */
export function refusalInWords(status: number, value: Uint8Array): string {
  const read = readValue(value);
  if (read?.schema.is === 'record') {
    const message = (read.data as Record<string, unknown>)['message'];
    if (typeof message === 'string') return message;
  }
  return `the server refused the call with status ${status}`;
}
