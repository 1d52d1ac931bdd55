/**
 * The snapshots of a server's world for one client: PROTOCOL.md#baselines. It chooses among all baselines that the document
 * allows, so that a client which forgets one too early fails.
 */

import { Writer } from '../../../src/bytes/writer.js';
import { crc32c } from '../../../src/bytes/crc32c.js';
import type { Contract, EntityId, OwnOf, ShownOf, Struct } from '../../../src/world/index.js';
import { BASELINE_AGE_MAX, OWNER_BASELINE_MAX } from '../../../src/world/limits.js';
import type { Owner } from '../../../src/world/messages/snapshot.js';
import type { Acknowledgment } from '../../../src/world/received.js';
import { writeWhole, type State } from '../../../src/world/state.js';
import { Seeded } from '../../seeded.js';
import { writeSnapshotHead, type SnapshotHead } from './messages.js';
import { writeDifference, writeFull, writeGone } from './states.js';

/** An entity as it is. */
export interface Truth<S> {
  readonly index: number;
  readonly generation: number;
  version: number;
  state: State<S>;
  /** Whether the client is to see it. */
  isInView: boolean;
}

/** What a snapshot said of an index: a version, or that it is gone. */
type Said<S> = { readonly generation: number; readonly version: number; readonly state: State<S> } | 'gone';

interface Sent<C extends Contract> {
  readonly number: number;
  readonly owner: Owner<OwnOf<C>>;
  readonly entries: Map<number, Said<ShownOf<C>>>;
}

/** What the server knows of an index at the client. */
interface Known<S> {
  generation: number;
  /** Versions that were acknowledged, and may be baselines. */
  readonly versions: Map<number, State<S>>;
  /** No older version may be a baseline again. */
  baselineMin: number;
  /** Acknowledgments of earlier snapshots do not count: since then, the entity was said to be gone. */
  since: number;
  /** The client may have the entity, and is to learn that it is gone. */
  mayBeThere: boolean;
}

export interface SnapshotStart extends Omit<SnapshotHead, 'number' | 'baseline'> {
  readonly owner: Owner<unknown>;
}

export class SnapshotSender<C extends Contract> {
  readonly truths = new Map<number, Truth<ShownOf<C>>>();
  /** What the client has, as the acknowledgments tell. */
  readonly mirror = new Map<number, Exclude<Said<ShownOf<C>>, 'gone'>>();
  /** Whether the mirror is exact: no acknowledgment told too little. */
  isMirrorExact = true;
  /** Numbers do not wrap here. */
  next: number;

  private readonly shown: Struct<ShownOf<C>>;
  private readonly blankOwner: Owner<OwnOf<C>>;
  private readonly sent = new Map<number, Sent<C>>();
  private readonly known = new Map<number, Known<ShownOf<C>>>();
  private newestAcknowledged: number;
  private ownerAcknowledged: Sent<C>[] = [];

  constructor(
    private readonly contract: C,
    readonly first: number,
    private readonly random: Seeded,
  ) {
    this.shown = contract.shown as Struct<ShownOf<C>>;
    this.blankOwner = { body: null, own: contract.own.blank as OwnOf<C> };
    this.next = first;
    this.newestAcknowledged = first - 1;
  }

  /** Another entity takes the place of the one at its index. */
  put(truth: Truth<ShownOf<C>>): void {
    this.truths.set(truth.index, truth);
  }

  /** Writes a snapshot with about this share of what there is to tell. */
  snapshot(start: SnapshotStart, share: number): Uint8Array {
    const writer = new Writer();
    const owner = start.owner as Owner<OwnOf<C>>;
    const sent: Sent<C> = { number: this.next, owner, entries: new Map() };
    const usable = this.ownerAcknowledged.filter(({ number }) => this.next - number <= OWNER_BASELINE_MAX);
    const base = usable.length > 0 && !this.random.chance(0.1) ? this.random.pick(usable) : undefined;
    const baseline = base ? this.next - base.number : 0;
    const head = { ...start, number: this.next & 0xffff, baseline };
    writeSnapshotHead(head, owner, base?.owner ?? this.blankOwner, writer, this.contract.own as Struct<OwnOf<C>>);
    for (const index of new Set([...this.known.keys(), ...this.truths.keys()])) {
      if (this.random.chance(share)) this.writeEntry(index, sent, writer);
    }
    this.sent.set(this.next, sent);
    this.next += 1;
    return writer.copy();
  }

  /** The newest number that was acknowledged. */
  get newest(): number {
    return this.newestAcknowledged;
  }

  /** Whether the client has everything as it is. */
  get isAtRest(): boolean {
    const inView = [...this.truths.values()].filter(({ isInView }) => isInView);
    return (
      this.mirror.size === inView.length &&
      [...this.known.values()].filter(({ mayBeThere }) => mayBeThere).length === inView.length &&
      inView.every(({ index, generation, version }) => {
        const has = this.mirror.get(index);
        return has?.generation === generation && has.version === version;
      })
    );
  }

  acknowledged({ newest, low, high }: Acknowledgment): void {
    const number = this.newestAcknowledged + (((newest - this.newestAcknowledged) << 16) >> 16);
    if (number < this.newestAcknowledged || !this.sent.has(number)) return;
    if (number - this.newestAcknowledged > 65) this.isMirrorExact = false;
    const before = (BigInt(high) << 32n) | BigInt(low);
    for (let bit = 63; bit >= 0; bit -= 1) {
      const older = number - 1 - bit;
      if ((before >> BigInt(bit)) & 1n && older > this.newestAcknowledged) this.applied(older);
    }
    if (number > this.newestAcknowledged) this.applied(number);
    this.newestAcknowledged = number;
    for (const old of this.sent.keys()) if (old < number - 100) this.sent.delete(old);
  }

  /** The digest of what the client has. */
  mirrorDigest(): number {
    let digest = 0;
    for (const index of [...this.mirror.keys()].sort((a, b) => a - b)) {
      const { generation, state } = this.mirror.get(index)!;
      const writer = new Writer();
      writeWhole(state, writer.u16(index).u8(generation), this.shown);
      digest = crc32c(writer.copy(), digest);
    }
    return digest;
  }

  private applied(number: number): void {
    const sent = this.sent.get(number);
    if (!sent) return;
    this.ownerAcknowledged.push(sent);
    this.ownerAcknowledged = this.ownerAcknowledged.slice(-40);
    for (const [index, said] of sent.entries) this.entryApplied(index, said, number);
  }

  private entryApplied(index: number, said: Said<ShownOf<C>>, number: number): void {
    if (said === 'gone') this.mirror.delete(index);
    else this.mirror.set(index, said);
    const known = this.known.get(index);
    if (!known) return;
    if (said === 'gone') {
      if (number >= known.since) known.mayBeThere = false;
    } else if (number >= known.since && said.generation === known.generation) {
      known.versions.set(said.version, said.state);
    }
  }

  private writeEntry(index: number, sent: Sent<C>, writer: Writer): void {
    const truth = this.truths.get(index);
    const known = this.known.get(index);
    if (!truth?.isInView) {
      if (!known?.mayBeThere) return;
      writeGone(index, writer);
      sent.entries.set(index, 'gone');
      known.versions.clear();
      known.since = this.next;
      return;
    }
    const { generation, version, state } = truth;
    const fresh = this.knownOf(index, generation);
    const bases = [...fresh.versions].filter(
      ([base]) => version > base && version - base <= BASELINE_AGE_MAX && base >= fresh.baselineMin,
    );
    const isSettled = fresh.versions.has(version) && this.mirror.get(index)?.version === version;
    if (isSettled && this.random.chance(0.9)) return;
    fresh.mayBeThere = true;
    sent.entries.set(index, { generation, version, state });
    if (bases.length === 0 || this.random.chance(0.05)) {
      writeFull(index, generation, version, state, writer, this.shown);
      return;
    }
    const [baseVersion, base] = this.random.pick(bases);
    fresh.baselineMin = baseVersion;
    writeDifference(index, version, state, baseVersion, base, writer, this.shown);
  }

  private knownOf(index: number, generation: number): Known<ShownOf<C>> {
    const known = this.known.get(index);
    if (known?.generation === generation && known.mayBeThere) return known;
    const fresh = { generation, versions: new Map(), baselineMin: 0, since: this.next, mayBeThere: true };
    this.known.set(index, fresh);
    return fresh;
  }
}

/** The entity as the client names it. */
export function idOf(truth: { readonly index: number; readonly generation: number }): EntityId {
  return ((truth.generation << 16) | truth.index) as EntityId;
}
