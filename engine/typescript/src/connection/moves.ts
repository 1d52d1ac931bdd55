/** The servers of a session that moves from one to another: PROTOCOL.md#moves. */

/** A server that the session is at, moves to or came from. */
export interface Place {
  /** The caller's number for the way there. That of the first server is 0. */
  readonly number: number;
  readonly serverKey: Uint8Array;
  /** The largest datagram that the way there takes, in bytes. */
  largestDatagram: number;
  /** The core that knows the session, while it moves. */
  core: number;
  /** The server has said that it does not have the session. */
  isWithoutSession: boolean;
}

export class Moves {
  /** The server to which the attempt beside the connection is, if it is not the present one. */
  target: Place | undefined;
  /** The server that the session came from, until the present one is heard: it may have the session still. */
  former: Place | undefined;

  /** `current`: the server that has the connection, or that the client tries to reach. */
  constructor(public current: Place) {}

  get isMoving(): boolean {
    return this.target !== undefined || this.former !== undefined;
  }

  /** The server of the next attempt. */
  get sought(): Place {
    return this.target ?? this.current;
  }

  /** The server that can have the session although the present one does not. */
  get other(): Place | undefined {
    return this.former?.isWithoutSession === false ? this.former : undefined;
  }

  at(number: number): Place | undefined {
    return [this.current, this.target, this.former].find((place) => place?.number === number);
  }

  /** The target has accepted the session, which `core` of the present server knows. */
  arrive(core: number): void {
    if (!this.target) return;
    if (!this.former) this.current.core = core;
    this.former = this.current;
    this.current = this.target;
    this.target = undefined;
  }

  /** The client tries the other server: the one that did not serve its last connection. */
  alternate(): void {
    if (this.former) [this.current, this.former] = [this.former, this.current];
  }

  /** The present server is heard, so it has the session. */
  settle(): void {
    if (this.target === this.former) this.target = undefined;
    this.former = undefined;
    this.current.isWithoutSession = false;
  }

  /** The session begins anew at the present server. */
  forget(): void {
    this.target = undefined;
    this.former = undefined;
    this.current.isWithoutSession = false;
  }
}
