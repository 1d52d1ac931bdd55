import assert from 'node:assert/strict';
import { test } from 'node:test';

import { x25519 as reference } from '@noble/curves/ed25519.js';

import { x25519 } from '../../src/crypto/x25519.js';
import { Seeded } from '../seeded.js';
import { fromHex, toHex } from '../vectors.js';

test('X25519 is that of RFC 7748', () => {
  const scalar = fromHex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4');
  const u = fromHex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c');
  assert.equal(toHex(x25519.getSharedSecret(scalar, u)), 'c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
  const alice = fromHex('77076d0a7318a57d3c16c17251b26645df0f28c4b6d4a1d1b5f0b1e4d9a0b9f5');
  assert.equal(toHex(x25519.getPublicKey(alice)), toHex(reference.getPublicKey(alice)));
});

test('X25519 gives what the library gives, and refuses points of small order', () => {
  const random = new Seeded(7);
  for (let times = 0; times < 20; times += 1) {
    const [secret, other] = [random.bytes(32), random.bytes(32)];
    assert.equal(toHex(x25519.getPublicKey(secret)), toHex(reference.getPublicKey(secret)));
    const shared = x25519.getSharedSecret(secret, reference.getPublicKey(other));
    assert.equal(toHex(shared), toHex(reference.getSharedSecret(other, reference.getPublicKey(secret))));
  }
  for (const point of ['00', '01', 'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f']) {
    assert.throws(() => x25519.getSharedSecret(random.bytes(32), fromHex(point.padEnd(64, '0'))));
  }
});
