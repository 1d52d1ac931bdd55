/** The actions of a server, as a page declares them. */

import { isPath } from './messages.js';
import { nothing, type ValueType } from './values/types.js';

/** An action of a server: where it is, and the types of its request and its answer. */
export interface ServiceAction<Request, Answer> {
  readonly path: string;
  readonly request: ValueType<unknown, Request>;
  readonly answer: ValueType<Answer, never>;
}

/**
 * Declares an action. Without types, its request and its answer are nothing.
 *
 * @throws RangeError The path is none.
 */
export function serviceAction<Request = null, Answer = null>(
  path: string,
  request: ValueType<unknown, Request> = nothing as unknown as ValueType<unknown, Request>,
  answer: ValueType<Answer, never> = nothing as unknown as ValueType<Answer, never>,
): ServiceAction<Request, Answer> {
  if (!isPath(path)) throw new RangeError(`"${path}" is no path: 2 to 64 of a-z, 0-9, / _ and -, and it begins with /`);
  return { path, request, answer };
}

/** How long a call may take, and how to take it back. */
export interface CallOptions {
  /** Milliseconds until the page gives up: at most 40,000. Default: 10,000. */
  readonly deadline?: number;
  /** Cancels the call. If the server has executed it by then, it is answered all the same. */
  readonly signal?: AbortSignal;
}

export const DEADLINE_DEFAULT = 10_000;
