/** The ticket of the next attempt to enter, and where it comes from. */

import { TICKET_BYTES_MAX } from '../limits.js';

/** A ticket, or what gets one. */
export type TicketSource = Uint8Array | (() => Promise<Uint8Array>);

/** Where a ticket is: its source was not asked; was asked; the ticket is there. */
type Next = { readonly is: 'unasked' | 'asked' } | { readonly is: 'there'; readonly ticket: Uint8Array };

export class Tickets {
  private next: Next = { is: 'unasked' };
  /** Counts the questions to the source: what answers an earlier one is for nobody. */
  private asked = 0;

  /** @throws RangeError The ticket is longer than 1,024 bytes. */
  constructor(private source: TicketSource) {
    checked(source);
  }

  /** Takes another source. @throws RangeError The ticket is longer than 1,024 bytes. */
  change(source: TicketSource = this.source): void {
    this.source = checked(source);
    this.forget();
  }

  /** The next attempt needs another ticket: this one was used, or may expire. */
  forget(): void {
    this.next = { is: 'unasked' };
    this.asked += 1;
  }

  /** Whether the source was asked, and has not answered. */
  get isAwaited(): boolean {
    return this.next.is === 'asked';
  }

  /** The ticket, if it is there. `failed` is called once if there is none. */
  take(failed: (why: unknown) => void): Uint8Array | undefined {
    if (this.source instanceof Uint8Array) return this.source;
    if (this.next.is === 'unasked') void this.ask(this.source, failed);
    return this.next.is === 'there' ? this.next.ticket : undefined;
  }

  private async ask(source: () => Promise<Uint8Array>, failed: (why: unknown) => void): Promise<void> {
    this.next = { is: 'asked' };
    this.asked += 1;
    const question = this.asked;
    try {
      const ticket = checked(await source());
      if (question === this.asked) this.next = { is: 'there', ticket };
    } catch (why) {
      if (question !== this.asked) return;
      this.forget();
      failed(why);
    }
  }
}

function checked<T extends TicketSource>(ticket: T): T {
  if (ticket instanceof Uint8Array && ticket.length > TICKET_BYTES_MAX) throw new RangeError(`a ticket of ${ticket.length} bytes; 1,024 is most`);
  return ticket;
}
