/** The clock and the timers of the platform, so that tests can have their own. */

export interface Timers {
  /** Milliseconds of a clock that does not go back. */
  now(): number;
  /** Calls once, after `delay` milliseconds. Gives what `clear` takes. */
  set(callback: () => void, delay: number): unknown;
  clear(timer: unknown): void;
}

export const platformTimers: Timers = {
  now: () => performance.now(),
  set: (callback, delay) => setTimeout(callback, delay),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout> | undefined),
};
