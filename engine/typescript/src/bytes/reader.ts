/**
 * Checked reading of little-endian values.
 *
 * A read past the end gives 0 or nothing and sets `failed`, which stays set: a parser reads all of its fields and then
 * asks once. Nothing here throws, whatever the bytes are.
 */

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class Reader {
  /** Set by the first read that does not succeed. */
  failed = false;
  /** Where the next read begins, counted from the beginning of the bytes. */
  offset = 0;

  private readonly view: DataView;

  constructor(readonly source: Uint8Array) {
    this.view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  /** The number of bytes that were not read. */
  get remaining(): number {
    return this.source.length - this.offset;
  }

  /** Whether every read succeeded and nothing is left. */
  get complete(): boolean {
    return !this.failed && this.remaining === 0;
  }

  /** Marks what was read as invalid, for checks that the caller makes. */
  fail(): void {
    this.failed = true;
  }

  u8(): number {
    const at = this.take(1);
    return at < 0 ? 0 : this.view.getUint8(at);
  }

  u16(): number {
    const at = this.take(2);
    return at < 0 ? 0 : this.view.getUint16(at, true);
  }

  u32(): number {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getUint32(at, true);
  }

  u64(): bigint {
    const at = this.take(8);
    return at < 0 ? 0n : this.view.getBigUint64(at, true);
  }

  /** A u64 that fits a number without loss. A larger one fails. */
  u53(): number {
    const low = this.u32();
    const high = this.u32();
    if (high > 0x1fffff) {
      this.failed = true;
      return 0;
    }
    return high * 0x1_0000_0000 + low;
  }

  i8(): number {
    const at = this.take(1);
    return at < 0 ? 0 : this.view.getInt8(at);
  }

  i16(): number {
    const at = this.take(2);
    return at < 0 ? 0 : this.view.getInt16(at, true);
  }

  i32(): number {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getInt32(at, true);
  }

  i64(): bigint {
    const at = this.take(8);
    return at < 0 ? 0n : this.view.getBigInt64(at, true);
  }

  /** An IEEE 754 number, finite or not. */
  f32(): number {
    const at = this.take(4);
    return at < 0 ? 0 : this.view.getFloat32(at, true);
  }

  f64(): number {
    const at = this.take(8);
    return at < 0 ? 0 : this.view.getFloat64(at, true);
  }

  /** A varint of the shortest form that is at most 2^53 − 1. Others fail. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let at = 0; at < 8; at += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (this.failed || (byte === 0 && at > 0) || value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    this.failed = true;
    return 0;
  }

  /** A varint of the shortest form that fits a u64. Others fail. */
  varint64(): bigint {
    let value = 0n;
    for (let at = 0; at < 10; at += 1) {
      const byte = this.u8();
      if (at === 9 && byte > 1) break;
      value |= BigInt(byte & 0x7f) << BigInt(7 * at);
      if (byte < 0x80) {
        if (this.failed || (byte === 0 && at > 0)) break;
        return value;
      }
    }
    this.failed = true;
    return 0n;
  }

  /** A view of the next bytes, or an empty one. */
  bytes(length: number): Uint8Array {
    const at = this.take(length);
    return at < 0 ? this.source.subarray(0, 0) : this.source.subarray(at, at + length);
  }

  /** A view of everything that was not read. */
  rest(): Uint8Array {
    return this.bytes(this.remaining);
  }

  /** So many bytes of UTF-8. Anything else fails. */
  utf8(length: number): string {
    const bytes = this.bytes(length);
    try {
      return UTF8.decode(bytes);
    } catch {
      this.failed = true;
      return '';
    }
  }

  private take(length: number): number {
    const at = this.offset;
    if (this.failed || !(length >= 0 && length <= this.source.length - at)) {
      this.failed = true;
      return -1;
    }
    this.offset = at + length;
    return at;
  }
}
