/** One entity in a client's view, and its recent versions: PROTOCOL.md#snapshots. */

import type { Struct } from '../contract/struct.js';
import type { EntityId } from '../entity.js';
import { BASELINE_AGE_MAX } from '../limits.js';
import type { EntryHead } from '../messages/snapshot.js';
import { sameState, type State } from '../state.js';

/** Versions are counted modulo this. */
const VERSIONS = BASELINE_AGE_MAX + 1;

/** One version of an entity that was received. */
export interface Sample<S> {
  readonly version: number;
  /** The tick of the first snapshot that has this version. The state was the same from then until `tick`. */
  readonly since: number;
  /** The tick of the last snapshot that has this version. */
  readonly tick: number;
  readonly state: State<S>;
}

/** An entity in view. */
export class Seen<S> {
  /** Newest last, each version once: at least one, at most 32. The server sends differences from one of them. */
  private readonly known: Sample<S>[];

  constructor(
    readonly id: EntityId,
    version: number,
    tick: number,
    state: State<S>,
    private readonly type: Struct<S>,
  ) {
    this.known = [{ version, since: tick, tick, state }];
  }

  /** The known versions, oldest first. */
  get samples(): readonly Sample<S>[] {
    return this.known;
  }

  /** The newest known state. */
  get state(): State<S> {
    return this.newest.state;
  }

  /** The tick of the newest known state. */
  get tick(): number {
    return this.newest.tick;
  }

  /** The state that an entry with this head is a difference from; undefined if it is not held. */
  baseline(head: EntryHead): State<S> | undefined {
    const at = this.find((head.version + VERSIONS - head.age) % VERSIONS);
    return this.known[at]?.state;
  }

  /** Holds a version that came as a difference. What is older than its baseline stays for `history` ticks. */
  takeDifference(head: EntryHead, tick: number, state: State<S>, history: number): void {
    const base = this.find((head.version + VERSIONS - head.age) % VERSIONS);
    // The server never uses an older baseline again. Before the horizon, nothing is shown any more.
    const horizon = tick - history;
    let old = 0;
    while (old < base && this.known[old + 1]!.since <= horizon) old += 1;
    if (old > 0) this.known.splice(0, old);
    this.note(head.version, tick, state);
  }

  /** Holds a version that came in full. The older ones stay, so that poses are interpolated from them. */
  takeFull(head: EntryHead, tick: number, state: State<S>): void {
    this.note(head.version, tick, state);
  }

  private get newest(): Sample<S> {
    return this.known[this.known.length - 1]!;
  }

  /** The newest versions are at the end, and wanted most often. */
  private find(version: number): number {
    let at = this.known.length - 1;
    while (at >= 0 && this.known[at]!.version !== version) at -= 1;
    return at;
  }

  private note(version: number, tick: number, state: State<S>): void {
    const { newest } = this;
    if (newest.version === version) {
      // The server repeats a version until it is acknowledged.
      const since = sameState(newest.state, state, this.type) ? newest.since : tick;
      this.known[this.known.length - 1] = { version, since, tick, state };
      return;
    }
    const former = this.find(version);
    if (former >= 0) this.known.splice(former, 1);
    this.known.push({ version, since: tick, tick, state });
  }
}
