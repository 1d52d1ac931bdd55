/** Little-endian writing into a buffer that grows. A writer is reused: `clear` keeps its buffer. */

const UTF8 = new TextEncoder();

export class Writer {
  /** The number of bytes written. */
  length = 0;

  private buffer: Uint8Array<ArrayBuffer>;
  private view: DataView;

  /** `capacity`: bytes that fit before the buffer grows. */
  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity);
    this.view = new DataView(this.buffer.buffer);
  }

  /** Forgets what was written. Views that `written` gave are overwritten by what follows. */
  clear(): void {
    this.length = 0;
  }

  /** Forgets everything after the first `length` bytes. */
  truncate(length: number): void {
    this.length = Math.min(this.length, length);
  }

  /** A view of what was written. It holds until the next write or `clear`. */
  written(): Uint8Array<ArrayBuffer> {
    return this.buffer.subarray(0, this.length);
  }

  /** A copy of what was written. */
  copy(): Uint8Array<ArrayBuffer> {
    return this.buffer.slice(0, this.length);
  }

  u8(value: number): this {
    const at = this.grow(1);
    this.view.setUint8(at, value);
    return this;
  }

  u16(value: number): this {
    const at = this.grow(2);
    this.view.setUint16(at, value, true);
    return this;
  }

  u32(value: number): this {
    const at = this.grow(4);
    this.view.setUint32(at, value, true);
    return this;
  }

  u64(value: bigint): this {
    const at = this.grow(8);
    this.view.setBigUint64(at, value, true);
    return this;
  }

  /** An integer from 0 to 2^53 − 1, as a u64. */
  u53(value: number): this {
    return this.u32(value % 0x1_0000_0000).u32(Math.floor(value / 0x1_0000_0000));
  }

  i8(value: number): this {
    return this.u8(value);
  }

  i16(value: number): this {
    return this.u16(value);
  }

  i32(value: number): this {
    return this.u32(value);
  }

  i64(value: bigint): this {
    return this.u64(value);
  }

  f32(value: number): this {
    const at = this.grow(4);
    this.view.setFloat32(at, value, true);
    return this;
  }

  f64(value: number): this {
    const at = this.grow(8);
    this.view.setFloat64(at, value, true);
    return this;
  }

  /** An integer from 0 to 2^53 − 1, as a varint. */
  varint(value: number): this {
    let rest = value;
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    return this.u8(rest);
  }

  /** A u64, as a varint. */
  varint64(value: bigint): this {
    let rest = BigInt.asUintN(64, value);
    while (rest >= 0x80n) {
      this.u8(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.u8(Number(rest));
  }

  bytes(bytes: Uint8Array): this {
    const at = this.grow(bytes.length);
    this.buffer.set(bytes, at);
    return this;
  }

  zeros(count: number): this {
    const at = this.grow(count);
    this.buffer.fill(0, at, at + count);
    return this;
  }

  /** The UTF-8 of a text, without its length. */
  utf8(text: string): this {
    return this.bytes(UTF8.encode(text));
  }

  /** Overwrites two bytes that were written before. */
  setU16(at: number, value: number): void {
    this.view.setUint16(at, value, true);
  }

  /** Overwrites one byte that was written before. */
  setU8(at: number, value: number): void {
    this.view.setUint8(at, value);
  }

  private grow(count: number): number {
    const at = this.length;
    const needed = at + count;
    if (needed > this.buffer.length) {
      const larger = new Uint8Array(Math.max(needed, this.buffer.length * 2));
      larger.set(this.buffer.subarray(0, at));
      this.buffer = larger;
      this.view = new DataView(larger.buffer);
    }
    this.length = needed;
    return at;
  }
}
