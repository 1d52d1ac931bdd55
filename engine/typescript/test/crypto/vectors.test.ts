import assert from 'node:assert/strict';
import { test } from 'node:test';

import { gcm } from '@noble/ciphers/aes.js';
import { x25519 } from '@noble/curves/ed25519.js';

import { open, seal } from '../../src/crypto/aead.js';
import { agree, derivedSecrets, hmacSha256, rekeyedKeys, resumedKeys, trafficKey } from '../../src/crypto/keys.js';
import { Initiator, prologueOf } from '../../src/crypto/noise.js';
import { field, toHex, type Vector, vector, vectorNames } from '../vectors.js';

function splitOf(of: Vector, client = 'split_client', server = 'split_server') {
  return { client: field(of, client), server: field(of, server) };
}

for (const name of vectorNames('handshake')) {
  test(`the client's handshake is that of ${name}`, () => {
    const of = vector(name);
    const secret = field(of, 'client_ephemeral_secret');
    const ephemeral = { secret, public: x25519.getPublicKey(secret) };
    assert.deepEqual(ephemeral.public, field(of, 'client_ephemeral_public'));
    const suites = field(of, 'suites')[0]!;
    assert.deepEqual(prologueOf(suites, field(of, 'options')[0]!), field(of, 'prologue'));
    const initiator = Initiator.start({
      serverKey: field(of, 'server_static_public'),
      ephemeral,
      suites,
      token: field(of, 'token'),
      preSharedKey: of.has('pre_shared_key') ? field(of, 'pre_shared_key') : undefined,
    });
    assert.ok(initiator);
    assert.equal(toHex(initiator.message), of.get('noise_1'));

    const damaged = field(of, 'noise_2');
    damaged[63]! ^= 1;
    assert.equal(initiator.finish(damaged), undefined);
    assert.equal(initiator.finish(new Uint8Array(64)), undefined);
    const accepted = initiator.finish(field(of, 'noise_2'));
    assert.ok(accepted, 'the attempt goes on after packets that are not authentic');
    assert.equal(toHex(accepted.parameters), of.get('parameters'));
    assert.deepEqual(accepted.split, splitOf(of));
    if (of.has('resume_secret')) {
      const resumed = resumedKeys(accepted.split, field(of, 'resume_secret'));
      assert.deepEqual(resumed, splitOf(of, 'resumed_client', 'resumed_server'));
    }
  });
}

test('traffic keys are those of the vectors, for both suites', () => {
  for (const [name, length] of [['aes-128-gcm', 16], ['chacha20-poly1305', 32]] as const) {
    const of = vector(`traffic-${name}`);
    assert.deepEqual(trafficKey(field(of, 'split_client'), name, length), field(of, 'key_client'));
    assert.deepEqual(trafficKey(field(of, 'split_server'), name, length), field(of, 'key_server'));
  }
});

test('token, resume secret and transcript are those of the vectors', () => {
  const of = vector('resume-token');
  const secrets = derivedSecrets(splitOf(of));
  assert.deepEqual(secrets.token, field(of, 'token'));
  assert.deepEqual(secrets.resumeSecret, field(of, 'secret'));
  const integrity = vector('integrity');
  assert.deepEqual(secrets.transcript, field(integrity, 'transcript'));
  const nonce = field(integrity, 'nonce');
  const message = Uint8Array.from([...secrets.transcript, ...nonce]);
  assert.deepEqual(hmacSha256(field(integrity, 'key'), message), field(integrity, 'answer'));
});

for (const name of ['rekey-first', 'rekey-second']) {
  test(`keys change as in ${name}`, () => {
    const of = vector(name);
    const shared = agree(field(of, 'requester_secret'), field(of, 'responder_public'));
    assert.ok(shared);
    assert.deepEqual(shared, field(of, 'shared'));
    assert.deepEqual(agree(field(of, 'responder_secret'), field(of, 'requester_public')), shared);
    const next = rekeyedKeys(splitOf(of), shared);
    assert.deepEqual(next, splitOf(of, 'next_client', 'next_server'));
    assert.deepEqual(trafficKey(next.client), field(of, 'key_client'));
    assert.deepEqual(trafficKey(next.server), field(of, 'key_server'));
  });
}

for (const name of vectorNames('data-')) {
  test(`the datagram of ${name} is sealed and opened`, () => {
    const of = vector(name);
    const [key, header, plaintext] = [field(of, 'key'), field(of, 'header'), field(of, 'plaintext')];
    const datagram = field(of, 'datagram');
    if (name.includes('aes')) {
      // The client does not offer this suite: this shows that the vector's nonce and associated data are understood.
      const sealed = gcm(key, field(of, 'nonce'), header).encrypt(plaintext);
      assert.deepEqual(Uint8Array.from([...header, ...sealed]), datagram);
      return;
    }
    assert.deepEqual(seal(key, header, plaintext), datagram);
    assert.deepEqual(open(key, datagram), plaintext);
    for (const at of [0, 5, 6, 14, datagram.length - 1]) {
      const damaged = datagram.slice();
      damaged[at]! ^= 0x40;
      assert.equal(open(key, damaged), undefined);
    }
  });
}

test('an X25519 result of zeros is no agreement', () => {
  const secret = field(vector('handshake-nk'), 'client_ephemeral_secret');
  assert.equal(agree(secret, new Uint8Array(32)), undefined);
  assert.equal(agree(secret, Uint8Array.from([1, ...new Uint8Array(31)])), undefined);
  assert.equal(agree(secret, new Uint8Array(31)), undefined);
});
