/** The asks that wait for an answer: PROTOCOL.md#asks-and-events. */

import { ASKS_OPEN_MAX } from '../limits.js';

export class OpenAsks {
  private readonly open = new Set<number>();

  /** Begins with this number. */
  constructor(private next = 0) {}

  /** A number for a new ask; undefined while ASKS_OPEN_MAX are open. */
  begin(): number | undefined {
    if (this.open.size >= ASKS_OPEN_MAX) return undefined;
    while (this.open.has(this.next)) this.next = (this.next + 1) & 0xffff;
    const number = this.next;
    this.open.add(number);
    this.next = (number + 1) & 0xffff;
    return number;
  }

  /** Ends an ask; false if it is not open. */
  end(number: number): boolean {
    return this.open.delete(number);
  }

  /** Ends all asks, and gives their numbers. */
  endAll(): number[] {
    const numbers = [...this.open];
    this.open.clear();
    return numbers;
  }
}
