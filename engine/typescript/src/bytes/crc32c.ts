/** CRC32C: PROTOCOL.md#unencrypted-packets. */

const POLYNOMIAL_REFLECTED = 0x82f63b78;

let table: Uint32Array | undefined;

function tableOfBytes(): Uint32Array {
  if (table) return table;
  const made = new Uint32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let value = byte;
    for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL_REFLECTED : value >>> 1;
    made[byte] = value;
  }
  table = made;
  return made;
}

/** The checksum of `bytes`. With `before`, the checksum of what had the checksum `before`, followed by `bytes`. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const ofByte = tableOfBytes();
  let value = ~before;
  for (let at = 0; at < bytes.length; at += 1) value = (value >>> 8) ^ ofByte[(value ^ bytes[at]!) & 0xff]!;
  return ~value >>> 0;
}
