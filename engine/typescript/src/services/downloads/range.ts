/** A range of a content that is being fetched, and what has arrived of it. */

/** Parts of a range that do not touch. A piece that would make more is not kept. */
const PARTS_MAX = 32;

/** The begin and the end of what has arrived, within the range. */
type Part = readonly [begin: number, end: number];

export class Range {
  /** When it was asked for; undefined: it is to be asked for. */
  asked: number | undefined;
  /** How often it was asked for since something of it arrived. */
  times = 0;
  readonly bytes: Uint8Array;
  /** In order, none touching the next. */
  private parts: Part[] = [];

  constructor(
    /** Where it begins in the content. */
    readonly offset: number,
    length: number,
  ) {
    this.bytes = new Uint8Array(length);
  }

  /** Where it ends in the content. */
  get end(): number {
    return this.offset + this.bytes.length;
  }

  get isComplete(): boolean {
    const [first] = this.parts;
    return first !== undefined && first[0] === 0 && first[1] === this.bytes.length;
  }

  /** From the first byte that is missing to the last: where it begins in the content, and how long it is. */
  missing(): readonly [offset: number, length: number] {
    const [first, last] = [this.parts[0], this.parts.at(-1)];
    const begin = first?.[0] === 0 ? first[1] : 0;
    const end = last?.[1] === this.bytes.length ? last[0] : this.bytes.length;
    return [this.offset + begin, Math.max(0, end - begin)];
  }

  /** Whether a piece lies within the range. */
  holds(offset: number, length: number): boolean {
    return offset >= this.offset && offset + length <= this.end;
  }

  /** Keeps a piece that the range holds. False if nothing of it is new, or if there are too many gaps. */
  keep(offset: number, piece: Uint8Array): boolean {
    const begin = offset - this.offset;
    const end = begin + piece.length;
    if (this.parts.some(([from, to]) => from <= begin && end <= to)) return false;
    const touches = ([from, to]: Part): boolean => from <= end && begin <= to;
    const touched = this.parts.filter(touches);
    if (touched.length === 0 && this.parts.length >= PARTS_MAX) return false;
    this.bytes.set(piece, begin);
    const merged: Part = touched.reduce<Part>(([low, high], [from, to]) => [Math.min(low, from), Math.max(high, to)], [begin, end]);
    this.parts = [...this.parts.filter((part) => !touches(part)), merged].sort(([one], [other]) => one - other);
    return true;
  }
}
