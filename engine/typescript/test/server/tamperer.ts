/** One direction of a hostile carrier: it does what it likes with datagrams, and knows no keys. The same seed does the same. */

import { crc32c } from '../../src/bytes/crc32c.js';
import type { Seeded } from '../seeded.js';

const TAMPERINGS = ['drop', 'flip', 'overwrite', 'rename', 'cut', 'extend', 'splice', 'repeat', 'hold', 'replay', 'invent'] as const;
export type Tampering = (typeof TAMPERINGS)[number];

/** Datagrams that are remembered, to be sent again or to build others from them. */
const HISTORY_MAX = 64;
/** Datagrams that pass a held one, at most. */
const HELD_FOR_MAX = 16;
const DATAGRAM_BYTES_MAX = 1472;
const HEADER_BYTES = 14;
const CHECKSUM_BYTES = 4;
const FLAGS_AT = 5;

export class Tamperer {
  readonly done = new Map<Tampering, number>(TAMPERINGS.map((tampering) => [tampering, 0]));
  private held: { passing: number; datagram: Uint8Array }[] = [];
  private readonly history: Uint8Array[] = [];

  /** `share`: of the datagrams, how many are tampered with. */
  constructor(
    private readonly random: Seeded,
    public share: number,
  ) {}

  /** Takes a datagram. Gives those that arrive now, in order: none, this one, others. */
  pass(datagram: Uint8Array): Uint8Array[] {
    const { random } = this;
    let arriving: Uint8Array[] = [datagram.slice()];
    if (random.chance(this.share)) {
      const tampering = random.pick(TAMPERINGS);
      this.done.set(tampering, this.done.get(tampering)! + 1);
      arriving = this.tamper(tampering, datagram.slice());
    }
    if (this.history.length < HISTORY_MAX) this.history.push(datagram.slice());
    else this.history[random.below(HISTORY_MAX)] = datagram.slice();
    for (const held of this.held) held.passing -= 1;
    arriving.push(...this.held.filter(({ passing }) => passing === 0).map((held) => held.datagram));
    this.held = this.held.filter(({ passing }) => passing > 0);
    return arriving;
  }

  private tamper(tampering: Tampering, datagram: Uint8Array): Uint8Array[] {
    const { random, history } = this;
    const former = (): Uint8Array => (history.length > 0 ? random.pick(history) : datagram);
    const at = random.below(datagram.length);
    switch (tampering) {
      case 'drop':
        return [];
      case 'hold':
        this.held.push({ passing: 1 + random.below(HELD_FOR_MAX), datagram });
        return [];
      case 'repeat':
        return Array.from({ length: 2 + random.below(4) }, () => datagram.slice());
      case 'replay':
        return [former().slice(), datagram];
      case 'invent':
        return [random.bytes(random.below(DATAGRAM_BYTES_MAX)), datagram];
      case 'flip':
        for (let flips = 1 + random.below(8); flips > 0; flips -= 1) {
          datagram[random.below(datagram.length)]! ^= 1 << random.below(8);
        }
        return [this.repaired(datagram)];
      case 'overwrite':
        datagram.set(random.bytes(1 + random.below(datagram.length - at)), at);
        return [this.repaired(datagram)];
      case 'rename':
        datagram.set(random.bytes(Math.min(HEADER_BYTES, datagram.length)));
        return [this.repaired(datagram)];
      case 'cut':
        return [this.repaired(datagram.slice(0, at))];
      case 'extend':
        return [this.repaired(joined(datagram, random.bytes(1 + random.below(DATAGRAM_BYTES_MAX))))];
      case 'splice':
        return [this.repaired(joined(datagram.subarray(0, at), former().subarray(at)))];
    }
  }

  /** An altered unencrypted packet whose checksum is wrong is not looked at further: most get a right one. */
  private repaired(datagram: Uint8Array): Uint8Array {
    const end = datagram.length - CHECKSUM_BYTES;
    if (end > HEADER_BYTES && datagram[FLAGS_AT] === 0 && this.random.chance(0.75)) {
      new DataView(datagram.buffer).setUint32(end, crc32c(datagram.subarray(0, end)), true);
    }
    return datagram;
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
