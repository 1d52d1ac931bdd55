/** A message that arrives in pieces: PROTOCOL.md#fragments. */

import type { Fragment } from '../wire/fragment.js';
import { FRAGMENT_GRAIN_BYTES } from '../wire/limits.js';

export class Reassembly {
  readonly bytes: Uint8Array;
  readonly compressed: boolean;

  private readonly have: Uint8Array;
  private missing: number;

  /** For the message that `fragment` is a piece of. The piece itself is not added. */
  constructor(fragment: Fragment) {
    this.bytes = new Uint8Array(fragment.size);
    this.compressed = fragment.compressed;
    this.missing = Math.ceil(fragment.size / FRAGMENT_GRAIN_BYTES);
    this.have = new Uint8Array(this.missing);
  }

  get isComplete(): boolean {
    return this.missing === 0;
  }

  /** Whether the piece brought something new. Pieces of another size field bring nothing. */
  add(fragment: Fragment): boolean {
    if (fragment.size !== this.bytes.length || fragment.compressed !== this.compressed) return false;
    const first = fragment.offset / FRAGMENT_GRAIN_BYTES;
    const end = Math.ceil((fragment.offset + fragment.piece.length) / FRAGMENT_GRAIN_BYTES);
    let added = 0;
    for (let grain = first; grain < end; grain += 1) {
      if (this.have[grain]) continue;
      this.have[grain] = 1;
      added += 1;
    }
    if (added > 0) this.bytes.set(fragment.piece, fragment.offset);
    this.missing -= added;
    return added > 0;
  }
}
