/** One download, from its first Open to its last byte. */

import { sha256 } from '@noble/hashes/sha2.js';

import { ServiceError } from '../error.js';
import type { Opened, Piece } from './messages.js';
import { Range } from './range.js';

/** An Open without an answer, and a Fetch for which nothing arrives, are repeated after so many milliseconds. */
export const REPEAT = 3000;
/** So often something is asked for in vain before the download fails. */
export const TIMES_MAX = 10;
/** So many bytes that nobody asked for are borne, beside as many as arrived well. */
const UNASKED_MAX = 262_144;
/** The shortest and the longest wait after a refusal that may pass. */
const [WAIT_MIN, WAIT_MAX] = [1000, 60_000];

/** How a page wants a download. */
export interface Wanted {
  readonly name: string;
  /** The SHA-256 of the content, if the page knows it. */
  readonly hash: Uint8Array | undefined;
  readonly bytesMax: number;
  readonly progress: (arrived: number, size: number) => void;
  /** Resolves to whether the signature is right. */
  readonly verify: (opened: Opened) => Promise<boolean>;
}

/** What became of a piece. */
export type PieceTaken = { readonly is: 'new'; readonly range: Range } | { readonly is: 'useless' };

export class Transfer {
  /** When to send an Open; undefined: it is open. */
  openAt: number | undefined;
  opens = 0;
  /** What is being fetched, in the order of the content. */
  readonly ranges: Range[] = [];

  private content: Opened | undefined;
  private refusals = 0;
  private unasked = 0;
  private arrived = 0;
  /** What has arrived in order. */
  private chunks: Uint8Array[] = [];
  private taken = 0;
  private hasher = sha256.create();
  private signed: Promise<boolean> | undefined;

  constructor(
    /** The number of the download. Each Open after a refusal, and in each presence, has another one. */
    public number: number,
    readonly wanted: Wanted,
    now: number,
  ) {
    this.openAt = now;
  }

  get hash(): Uint8Array {
    return this.content!.hash;
  }

  /** Opens it again: what was asked for is asked for again. */
  reopen(number: number, at: number): void {
    this.number = number;
    this.openAt = at;
    this.opens = 0;
    for (const range of this.ranges) {
      range.asked = undefined;
      range.times = 0;
    }
  }

  /**
   * Takes the server's answer. When to open it again; undefined: it is open.
   *
   * @throws ServiceError The download has failed.
   */
  opened(now: number, opened: Opened): number | undefined {
    const { status, size, hash } = opened;
    if (status !== 200) return now + this.waitAfter(status, opened.wait);
    const { bytesMax, hash: known, name } = this.wanted;
    if (size > bytesMax) throw new ServiceError('refused', `${name} has ${size} bytes; the page takes ${bytesMax}`, 413);
    if (known && !isSame(known, hash)) throw new ServiceError('damaged', `${name}: the server has another content`);
    const isOther = !this.content || this.content.size !== size || !isSame(this.content.hash, hash);
    // Pieces of the former content may be on their way: another number tells them apart.
    if (isOther && this.openAt === undefined) return now;
    this.openAt = undefined;
    if (isOther) this.begin(opened);
    return undefined;
  }

  /** Adds the next range, of at most so many bytes. False: there is none. */
  addRange(lengthMax: number): boolean {
    const offset = this.ranges.at(-1)?.end ?? this.taken;
    const length = Math.min(lengthMax, this.content!.size - offset);
    if (length <= 0) return false;
    this.ranges.push(new Range(offset, length));
    return true;
  }

  /**
   * Takes a piece.
   *
   * @throws ServiceError The server sends too much that nobody asked for.
   */
  piece({ offset, bytes }: Piece): PieceTaken {
    const range = this.ranges.find((range) => range.times > 0 && range.holds(offset, bytes.length));
    if (!range?.keep(offset, bytes)) {
      this.unasked += bytes.length;
      if (this.unasked <= UNASKED_MAX + this.arrived) return { is: 'useless' };
      throw new ServiceError('damaged', `${this.wanted.name}: the server sends what nobody asked for`);
    }
    this.refusals = 0;
    range.times = 1;
    this.arrived += bytes.length;
    this.takeRanges();
    this.wanted.progress(this.taken, this.content!.size);
    return { is: 'new', range };
  }

  /** Whether all bytes are there. */
  get isComplete(): boolean {
    return this.content !== undefined && this.openAt === undefined && this.taken === this.content.size;
  }

  /** The content, once it is complete. Rejects with a ServiceError if it is not what it should be. */
  async finish(): Promise<Uint8Array> {
    const { name } = this.wanted;
    if (!isSame(this.hasher.digest(), this.content!.hash)) throw new ServiceError('damaged', `${name} has arrived damaged`);
    const whole = new Uint8Array(this.taken);
    let at = 0;
    for (const chunk of this.chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    if (!(await this.signed)) throw new ServiceError('damaged', `${name} is not signed with the key that the page trusts`);
    return whole;
  }

  /** Begins with a content; what there is of another one is of no use. */
  private begin(opened: Opened): void {
    this.content = opened;
    this.ranges.length = this.chunks.length = 0;
    this.taken = 0;
    this.hasher = sha256.create();
    this.signed = this.wanted.verify(opened);
    // It is looked at when all bytes are there.
    this.signed.catch(() => undefined);
  }

  private takeRanges(): void {
    for (let first = this.ranges[0]; first?.isComplete === true; first = this.ranges[0]) {
      this.ranges.shift();
      this.chunks.push(first.bytes);
      this.hasher.update(first.bytes);
      this.taken = first.end;
    }
  }

  private waitAfter(status: number, wait: number): number {
    const mayPass = [409, 410, 429, 503].includes(status);
    this.refusals += 1;
    if (!mayPass || this.refusals > TIMES_MAX) {
      throw new ServiceError('refused', `the server refuses ${this.wanted.name} with status ${status}`, status, wait);
    }
    // The first time, another content is opened at once.
    if (this.refusals === 1 && status < 429) return 0;
    return Math.min(WAIT_MAX, Math.max(wait, WAIT_MIN * this.refusals));
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
