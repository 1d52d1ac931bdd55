/** The login door, with a fake one. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Door, serviceAction, ServiceError, values as v } from '../../src/services/index.js';
import { fromBase64Url, toBase64Url } from '../../src/services/values/base64.js';

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

type Answer = { readonly status: number; readonly json?: unknown; readonly text?: string } | 'nothing';

/** A door whose answers are given in advance, the last one again and again. */
function doorWith(...answers: Answer[]): { door: Door; asked: Asked[] } {
  const asked: Asked[] = [];
  const door = new Door('https://play.example:3567', {
    fetch: async (url, init) => {
      const { origin, pathname: path } = new URL(url);
      assert.equal(origin, 'https://play.example:3567');
      assert.deepEqual([init.credentials, init.redirect], ['omit', 'error']);
      const body = init.body === undefined || init.body === null ? undefined : (JSON.parse(init.body as string) as unknown);
      asked.push({ method: init.method!, path, headers: init.headers as Record<string, string>, body });
      const answer = answers[Math.min(asked.length, answers.length) - 1]!;
      if (answer === 'nothing') throw new TypeError('fetch failed');
      const text = answer.text ?? (answer.json === undefined ? null : JSON.stringify(answer.json));
      return new Response(text, { status: answer.status });
    },
  });
  return { door, asked };
}

const LOGIN = { account: 7, name: 'Ann', session: 2, token: 'T'.repeat(43), expires: 1_798_291_200_000 };
const TICKET = {
  address: ':3565', expires: 1_795_699_230_000, server_key: 'ab'.repeat(32), ticket: toBase64Url(Uint8Array.of(1, 2, 255)),
};

async function rejected(promise: Promise<unknown>): Promise<ServiceError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ServiceError, String(error));
    return error;
  }
  return assert.fail('it was answered');
}

test('a player logs in, gets a ticket, and logs out; the token travels in a header alone', async () => {
  const { door, asked } = doorWith({ status: 200, json: LOGIN }, { status: 200, json: TICKET }, { status: 204 });
  assert.deepEqual(await door.logIn({ email: 'ann@example.org', password: 'correct horse' }), LOGIN);
  assert.equal(door.token, LOGIN.token);
  const ticket = await door.ticket();
  assert.deepEqual([...ticket.bytes], [1, 2, 255]);
  assert.deepEqual([...ticket.serverKey], Array(32).fill(0xab));
  await door.logOut();
  assert.equal(door.token, undefined);
  const bearer = { authorization: `Bearer ${LOGIN.token}` };
  assert.deepEqual(asked, [
    {
      method: 'POST', path: '/v1/login', headers: { 'content-type': 'application/json' },
      body: { email: 'ann@example.org', password: 'correct horse' },
    },
    { method: 'POST', path: '/v1/ticket', headers: bearer, body: undefined },
    { method: 'POST', path: '/v1/logout', headers: bearer, body: undefined },
  ]);
});

test('a device signs a challenge to be added, and another one to log in', async () => {
  const pair = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair;
  const challenge = Uint8Array.from({ length: 32 }, (_, at) => at);
  const challenged = { status: 200, json: { challenge: toBase64Url(challenge) } };
  const device = { id: 1, label: 'laptop', created: 1_795_699_200_000 };
  const { door, asked } = doorWith(challenged, { status: 201, json: device }, challenged, { status: 200, json: LOGIN }, { status: 204 });
  assert.deepEqual(await door.addDevice(pair, 'laptop'), device);
  assert.deepEqual(await door.logInByDevice(pair), LOGIN);
  assert.equal(door.token, LOGIN.token);
  const key = toBase64Url(new Uint8Array(await crypto.subtle.exportKey('raw', pair.publicKey)));
  assert.deepEqual([asked[0]!.body, asked[2]!.body], [{ key }, { key }]);
  for (const [at, purpose] of [[1, 'add'], [3, 'login']] as const) {
    const { device: proof } = asked[at]!.body as { device: Record<string, string> };
    assert.deepEqual([proof['key'], proof['challenge']], [key, toBase64Url(challenge)]);
    const signed = Uint8Array.of(...new TextEncoder().encode(`ringshard device ${purpose} 1`), ...challenge);
    assert.ok(await crypto.subtle.verify('Ed25519', pair.publicKey, Uint8Array.from(fromBase64Url(proof['signature']!)!), signed), purpose);
  }
  await door.removeDevice(1);
  assert.deepEqual(asked.map(({ method, path }) => `${method} ${path}`).slice(1), [
    'POST /v1/devices', 'POST /v1/challenge', 'POST /v1/login', 'DELETE /v1/devices/1',
  ]);
  const short = doorWith({ status: 200, json: { challenge: 'AAAA' } });
  assert.equal((await rejected(short.door.logInByDevice(pair))).why, 'unreadable');
});

test('a login goes on with its token, and sessions are listed and ended', async () => {
  const { door, asked } = doorWith({ status: 200, json: { account: 7, name: 'Ann' } }, { status: 200, json: { sessions: [{ id: 3 }] } }, { status: 204 });
  assert.deepEqual(await door.resume('abc'), { account: 7, name: 'Ann' });
  assert.deepEqual(await door.sessions(), [{ id: 3 }]);
  await door.revoke(3);
  assert.deepEqual(asked.map(({ method, path }) => `${method} ${path}`), ['POST /v1/login', 'GET /v1/sessions', 'DELETE /v1/sessions/3']);
  assert.deepEqual([asked[0]!.body, asked[0]!.headers['authorization']], [{ token: 'abc' }, undefined]);
});

test('a refusal has its status, its words and its wait', async () => {
  const { door } = doorWith({ status: 429, json: { status: 429, error: 'too many attempts', wait_ms: 11_400 } });
  const error = await rejected(door.logIn({ email: 'a', password: 'b' }));
  assert.deepEqual([error.why, error.status, error.wait, error.message], ['refused', 429, 11_400, 'too many attempts']);
  assert.equal(door.token, undefined);
  const odd = await rejected(doorWith({ status: 404, text: '<html>' }).door.logOut());
  assert.deepEqual([odd.status, odd.message], [404, 'the door answers with status 404']);
});

test('what is no answer of a door is an error, not a login', async () => {
  const odd: Answer[] = [
    { status: 200, text: '<html>' }, { status: 200, json: null }, { status: 200, json: { ...LOGIN, token: 5 } },
    { status: 200, json: { ...LOGIN, account: 'x' } }, { status: 200, json: [] }, { status: 200, text: '' },
  ];
  for (const answer of odd) {
    const { door } = doorWith(answer);
    assert.equal((await rejected(door.logIn({ email: 'a', password: 'b' }))).why, 'unreadable', JSON.stringify(answer));
    assert.equal((await rejected(door.ticket())).why, 'unreadable');
    assert.equal((await rejected(door.sessions())).why, 'unreadable');
    assert.equal(door.token, undefined);
  }
  const long = await rejected(doorWith({ status: 200, text: ' '.repeat(2 ** 20 + 1) }).door.logOut());
  assert.match(long.message, /too long/);
});

const use = serviceAction(
  '/v1/inventory/use',
  v.record({ item: v.u64, key: v.bytes, note: v.optional(v.text) }),
  v.record({ left: v.u64, at: v.list(v.f64), note: v.optional(v.text) }),
);

test('an action is called with JSON, and repeated with the same key while nobody answers', async () => {
  const late = { status: 504, json: { status: 504, error: 'late', wait_ms: 1 } };
  const answer = { status: 200, json: { left: `${2n ** 60n}`, at: [1, 0.5], more: true } };
  const { door, asked } = doorWith('nothing', late, answer);
  const request = { item: 2n ** 63n, key: Uint8Array.of(0xfb, 0xff) };
  assert.deepEqual(await door.call(use, request), { left: 2n ** 60n, at: [1, 0.5], note: null });
  assert.deepEqual(asked[0]!.body, { item: '9223372036854775808', key: '-_8', note: null });
  const keys = asked.map(({ headers }) => headers['idempotency-key']!);
  assert.ok(keys.length === 3 && new Set(keys).size === 1 && keys[0]!.length === 32, keys.join());
  await door.call(use, request);
  assert.notEqual(asked[3]!.headers['idempotency-key'], keys[0]);
});

test('a call over HTTPS ends with the error that it met', async () => {
  const request = { item: 1n, key: new Uint8Array(0) };
  const nobody = await rejected(doorWith('nothing').door.call(use, request, { deadline: 100 }));
  assert.deepEqual([nobody.why, nobody.mayBeExecuted], ['unknown', true]);
  const { door, asked } = doorWith({ status: 409, json: { status: 409, error: 'you do not have this item', wait_ms: 0 } });
  const refused = await rejected(door.call(use, request));
  assert.deepEqual([refused.status, refused.mayBeExecuted, refused.message], [409, false, 'you do not have this item']);
  assert.equal(asked.length, 1);
  const unlike = await rejected(doorWith({ status: 200, json: { left: 1, at: ['x'] } }).door.call(use, request));
  assert.deepEqual([unlike.why, unlike.message], ['unreadable', 'the answer of /v1/inventory/use: at[0]: expected f64, got "x"']);
  await assert.rejects(door.call(use, { item: -1n, key: new Uint8Array(0) }), RangeError);
  const cancelled = await rejected(doorWith('nothing').door.call(use, request, { signal: AbortSignal.abort() }));
  assert.equal(cancelled.why, 'cancelled');
  const underWay = new AbortController();
  const again = doorWith('nothing').door.call(use, request, { signal: underWay.signal });
  underWay.abort();
  assert.equal((await rejected(again)).why, 'unknown');
});

test('a ticket is asked for again while the door is busy', async () => {
  const busy = { status: 503, json: { status: 503, error: 'busy', wait_ms: 5 } };
  const { door, asked } = doorWith('nothing', busy, { status: 200, json: TICKET });
  await door.ticket(Uint8Array.of(1, 0xff));
  assert.deepEqual(asked.map(({ body }) => body), Array(3).fill({ server: '01ff' }));
  const refused = doorWith({ status: 401, json: { status: 401, error: 'log in', wait_ms: 0 } });
  assert.equal((await rejected(refused.door.ticket())).status, 401);
  assert.equal(refused.asked.length, 1);
});
