/**
 * X25519 (RFC 7748) by the ladder alone.
 *
 * The library's own `x25519` multiplies the base point on the Edwards curve, three times as fast. A client makes a key per
 * attempt and per rekey, so the code for that would be bytes of the bundle for nothing.
 */

import { pow } from '@noble/curves/abstract/modular.js';
import { montgomery, type MontgomeryECDH } from '@noble/curves/abstract/montgomery.js';

const P = 2n ** 255n - 19n;

/** PROTOCOL.md#noise: `getSharedSecret` throws where the result is all zeros. */
export const x25519: MontgomeryECDH = /* @__PURE__ */ montgomery({
  P,
  type: 'x25519',
  powPminus2: (x) => pow(x, P - 2n, P),
  adjustScalarBytes: (bytes: Uint8Array) => {
    bytes[0]! &= 0xf8;
    bytes[31] = (bytes[31]! & 0x7f) | 0x40;
    return bytes;
  },
});
