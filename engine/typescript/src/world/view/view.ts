/** A client's view of the world: its own state, and the entities around its player, as snapshots describe them. */

import { crc32c } from '../../bytes/crc32c.js';
import { Reader } from '../../bytes/reader.js';
import { Writer } from '../../bytes/writer.js';
import type { Contract, OwnOf, ShownOf } from '../contract/contract.js';
import type { Struct } from '../contract/struct.js';
import { entityId, generationOf, indexOf, type EntityId } from '../entity.js';
import { readEntryHead, type EntryHead, type Owner, type SnapshotHeader } from '../messages/snapshot.js';
import type { Acknowledgment } from '../received.js';
import { blankState, readState, writeWhole, type State } from '../state.js';
import { OwnView } from './own.js';
import { Seen } from './seen.js';

/** What a snapshot changed. */
export interface Change {
  /** It came into view; has changed or was confirmed; is gone or too far away. */
  readonly is: 'Entered' | 'Updated' | 'Left';
  readonly entity: EntityId;
}

/** What became of a snapshot: 'old' and 'refused' ones change nothing. */
export type Taken = 'applied' | 'old' | 'refused';

/** An entry that was read and is not applied yet. */
type Entry<S> =
  | { readonly is: 'gone'; readonly head: EntryHead }
  | { readonly is: 'full'; readonly head: EntryHead; readonly id: EntityId; readonly state: State<S> }
  | { readonly is: 'difference'; readonly head: EntryHead; readonly seen: Seen<S>; readonly state: State<S> };

/** What a client knows of the world. */
export class View<C extends Contract> {
  private readonly type: Struct<ShownOf<C>>;
  private readonly blank: State<ShownOf<C>>;
  private readonly own: OwnView<OwnOf<C>>;
  private readonly byIndex = new Map<number, Seen<ShownOf<C>>>();
  private history = 0;
  private exact = true;
  /** Reused by snapshots and digests. */
  private readonly entries: Entry<ShownOf<C>>[] = [];
  private readonly touched = new Set<number>();
  private readonly scratch = new Writer(512);

  /** An empty view: differences begin from these blank values. */
  constructor(contract: C, blank: { readonly own: OwnOf<C>; readonly shown: ShownOf<C> }) {
    this.type = contract.shown as Struct<ShownOf<C>>;
    this.blank = blankState(blank.shown);
    this.own = new OwnView(contract.own as Struct<OwnOf<C>>, blank.own);
  }

  /** Versions are kept at least for so many ticks, so that poses can be interpolated at a past tick. */
  keepHistory(ticks: number): void {
    this.history = ticks;
  }

  /** Forgets everything: a presence begins, whose first snapshot has number `first`. */
  begin(first: number): void {
    this.byIndex.clear();
    this.own.begin(first);
    this.exact = true;
  }

  /** Takes a snapshot, and calls `changed` for each change of an entity. A snapshot with a fault changes nothing. */
  take(message: Uint8Array, changed: (change: Change) => void): Taken {
    const reader = new Reader(message);
    const start = this.own.read(reader);
    if (start === 'old') return 'old';
    if (!start) return 'refused';
    const { tick } = start;
    this.begun();
    while (reader.remaining > 0) {
      // A correct server has at most one entry for an entity. Where there are two, the second builds on the first.
      const head = readEntryHead(reader);
      if (this.touched.has(head.index)) this.apply(tick, changed);
      const entry = this.readEntry(head, reader);
      if (!entry) return this.refused();
      this.entries.push(entry);
      this.touched.add(head.index);
    }
    this.apply(tick, changed);
    this.own.note(start);
    return 'applied';
  }

  /** The tick of the newest snapshot, which does not wrap at 2^32; 0 before the first. */
  get tick(): number {
    return this.own.tick;
  }

  /** The head of the newest snapshot. */
  get newest(): SnapshotHeader | undefined {
    return this.own.newest;
  }

  /** The player's own state and its body, as of the newest snapshot. */
  get owner(): Owner<OwnOf<C>> {
    return this.own.owner;
  }

  /** The acknowledgment of the snapshots that were applied. */
  acknowledgment(): Acknowledgment | undefined {
    return this.own.acknowledgment();
  }

  /** All entities in view, in no particular order. */
  entities(): Iterable<Seen<ShownOf<C>>> {
    return this.byIndex.values();
  }

  /** An entity in view. */
  entity(id: EntityId): Seen<ShownOf<C>> | undefined {
    const seen = this.byIndex.get(indexOf(id));
    return seen?.id === id ? seen : undefined;
  }

  /** The number of entities in view. */
  get size(): number {
    return this.byIndex.size;
  }

  /** Whether digests can be sent: no snapshot was applied in part. */
  get isExact(): boolean {
    return this.exact;
  }

  /** The digest of what is in view: PROTOCOL.md#digest. */
  digest(): number {
    const order = [...this.byIndex.keys()].sort((a, b) => a - b);
    let digest = 0;
    for (const index of order) {
      const { id, state } = this.byIndex.get(index)!;
      this.scratch.clear();
      this.scratch.u16(index).u8(generationOf(id));
      writeWhole(state, this.scratch, this.type);
      digest = crc32c(this.scratch.written(), digest);
    }
    return digest;
  }

  private begun(): void {
    this.entries.length = 0;
    this.touched.clear();
    this.applied = false;
  }

  /** Whether a part of the snapshot that is being read was applied. */
  private applied = false;

  private refused(): Taken {
    if (this.applied) this.exact = false;
    return 'refused';
  }

  /** Undefined if the bytes are no entry, or its baseline is not held. */
  private readEntry(head: EntryHead, reader: Reader): Entry<ShownOf<C>> | undefined {
    if (reader.failed) return undefined;
    if (head.age === 0 && head.fields === 0) return { is: 'gone', head };
    if (head.age === 0) {
      const generation = reader.u8();
      const state = readState(this.blank, head.fields, reader, this.type);
      if (reader.failed || generation === 0) return undefined;
      return { is: 'full', head, id: entityId(head.index, generation), state };
    }
    const seen = this.byIndex.get(head.index);
    const base = seen?.baseline(head);
    if (!seen || !base) return undefined;
    const state = readState(base, head.fields, reader, this.type);
    return reader.failed ? undefined : { is: 'difference', head, seen, state };
  }

  private apply(tick: number, changed: (change: Change) => void): void {
    for (const entry of this.entries) this.applyEntry(entry, tick, changed);
    this.applied ||= this.entries.length > 0;
    this.entries.length = 0;
    this.touched.clear();
  }

  private applyEntry(entry: Entry<ShownOf<C>>, tick: number, changed: (change: Change) => void): void {
    const { index } = entry.head;
    if (entry.is === 'difference') {
      entry.seen.takeDifference(entry.head, tick, entry.state, this.history);
      return changed({ is: 'Updated', entity: entry.seen.id });
    }
    const known = this.byIndex.get(index);
    if (entry.is === 'full' && known?.id === entry.id) {
      known.takeFull(entry.head, tick, entry.state);
      return changed({ is: 'Updated', entity: entry.id });
    }
    if (known) {
      this.byIndex.delete(index);
      changed({ is: 'Left', entity: known.id });
    }
    if (entry.is === 'gone') return;
    this.byIndex.set(index, new Seen(entry.id, entry.head.version, tick, entry.state, this.type));
    changed({ is: 'Entered', entity: entry.id });
  }
}
