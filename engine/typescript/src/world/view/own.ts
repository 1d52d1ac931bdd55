/** What snapshots say of the player itself: PROTOCOL.md#snapshots, owner block. */

import type { Reader } from '../../bytes/reader.js';
import type { Struct } from '../contract/struct.js';
import { OWNER_BASELINE_MAX } from '../limits.js';
import { readOwner, readSnapshotHeader, type Owner, type SnapshotHeader } from '../messages/snapshot.js';
import { Received, type Acknowledgment } from '../received.js';

/** Owner blocks that are kept: one for each number that can be a baseline. */
const KEPT = OWNER_BASELINE_MAX + 1;

/** The start of a snapshot that is news, before it is noted. */
export interface Start<O> {
  readonly header: SnapshotHeader;
  readonly tick: number;
  readonly owner: Owner<O>;
}

/** The player's own state and its body, and which snapshots were applied. */
export class OwnView<O> {
  private received = new Received(0);
  private readonly kept: ({ readonly number: number; readonly owner: Owner<O> } | undefined)[] = [];
  private readonly blank: Owner<O>;
  private current: Owner<O>;
  private header: SnapshotHeader | undefined;
  private newestTick = 0;

  constructor(
    private readonly type: Struct<O>,
    blank: O,
  ) {
    this.blank = { body: null, own: blank };
    this.current = this.blank;
  }

  /** Forgets everything: a presence begins, whose first snapshot has number `first`. */
  begin(first: number): void {
    this.received = new Received(first);
    this.kept.length = 0;
    this.current = this.blank;
    this.header = undefined;
    this.newestTick = 0;
  }

  /**
   * Reads head and owner block, and changes nothing. Gives 'old' if the snapshot is not newer than the newest. If the bytes
   * are none, or the baseline is not known, the reader fails.
   */
  read(reader: Reader): Start<O> | 'old' | undefined {
    const header = readSnapshotHeader(reader);
    if (reader.failed) return undefined;
    if (!this.received.isNews(header.number)) return 'old';
    const base = this.baseline(header);
    if (!base) return undefined;
    const owner = readOwner(header, base, reader, this.type);
    return reader.failed ? undefined : { header, tick: this.extended(header.tick), owner };
  }

  /** The snapshot was applied. */
  note({ header, tick, owner }: Start<O>): void {
    this.kept[header.number % KEPT] = { number: header.number, owner };
    this.received.note(header.number);
    this.current = owner;
    this.header = header;
    this.newestTick = tick;
  }

  /** The tick of the newest snapshot, which does not wrap at 2^32; 0 before the first. */
  get tick(): number {
    return this.newestTick;
  }

  /** The head of the newest snapshot. */
  get newest(): SnapshotHeader | undefined {
    return this.header;
  }

  /** The player's own state and its body, as of the newest snapshot. */
  get owner(): Owner<O> {
    return this.current;
  }

  /** The acknowledgment of the snapshots that were applied. */
  acknowledgment(): Acknowledgment | undefined {
    return this.received.acknowledgment();
  }

  private baseline({ number, baseline }: SnapshotHeader): Owner<O> | undefined {
    if (baseline === 0) return this.blank;
    const wanted = (number - baseline) & 0xffff;
    const kept = this.kept[wanted % KEPT];
    return kept?.number === wanted ? kept.owner : undefined;
  }

  /** The tick nearest to the newest one that has `tick` as its lower 32 bits. */
  private extended(tick: number): number {
    if (!this.header) return tick;
    return Math.max(0, this.newestTick + ((tick - this.header.tick) | 0));
  }
}
