/** What a client has told, in order, until a step expects it. */

import { until } from './waiting.js';

export interface ClientEvent {
  event: string;
  reason: string | undefined;
}

/** It counts only where a step expects it. */
const OPTIONAL = 'reconnecting';

export class Events {
  private readonly queue: ClientEvent[] = [];

  push(event: string, reason?: string): void {
    this.queue.push({ event, reason });
  }

  /** Waits for the next event, which must be this one. Without a reason, any is right. */
  async expect(event: string, reason: string | undefined): Promise<void> {
    await until(`the event ${event}`, () => {
      while (event !== OPTIONAL && this.queue[0]?.event === OPTIONAL) this.queue.shift();
      return this.queue.length > 0;
    });
    const next = this.queue.shift()!;
    const isRight = next.event === event && (reason === undefined || next.reason === reason);
    if (!isRight) throw new Error(`expected ${shown({ event, reason })}, told ${shown(next)}`);
  }

  /** Throws if there was an event that no step expected. */
  end(): void {
    const unexpected = this.queue.filter(({ event }) => event !== OPTIONAL).map(shown);
    if (unexpected.length > 0) throw new Error(`no step expects: ${unexpected.join(', ')}`);
  }
}

function shown({ event, reason }: ClientEvent): string {
  return reason === undefined ? event : `${event} (${reason})`;
}
