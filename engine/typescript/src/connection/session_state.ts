/** What the reliable channels carry. It goes on when a connection resumes it: PROTOCOL.md#resumption. */

import { type Deliver, ReliableReceiver } from './reliable_receiver.js';
import { ReliableSender } from './reliable_sender.js';

export class SessionState {
  readonly sender = new ReliableSender();
  readonly receiver: ReliableReceiver;

  constructor(deliver: Deliver) {
    this.receiver = new ReliableReceiver(deliver);
  }
}
