import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { crc32c } from '../../src/bytes/crc32c.js';
import { Connection } from '../../src/connection/connection.js';
import { derivedSecrets, hmacSha256 } from '../../src/crypto/keys.js';
import { FrameKind, writeFrame } from '../../src/wire/frames.js';
import { Simulation } from '../server/simulation.js';
import { fromHex } from '../vectors.js';

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

function frame(kind: number, ...body: number[]): Uint8Array {
  const writer = new Writer();
  writeFrame(writer, kind, Uint8Array.from(body));
  return writer.copy();
}

function timesOfConnects(simulation: Simulation): number[] {
  const times: number[] = [];
  simulation.onSent = (datagram, now) => {
    if (datagram[5] === 0) times.push(now);
  };
  return times;
}

test('without an answer, Connects leave on the schedule and the attempt ends after 10 s', () => {
  const simulation = new Simulation(1, {}, { reconnect: false });
  const times = timesOfConnects(simulation);
  simulation.isCut = true;
  simulation.until('the end', () => simulation.news.length > 0);
  assert.deepEqual(simulation.news, ['closed: no answer']);
  assert.equal(simulation.now, 11000);
  const waits = times.slice(1).map((at, before) => at - times[before]!);
  [250, 500, 1000, 2000, 2000].forEach((wait, at) => {
    assert.ok(waits[at]! >= wait * 0.75 && waits[at]! <= wait * 1.25, `wait ${at}: ${waits[at]}`);
  });
});

test('a Cookie is answered at once, and many Cookies are not answered more often than the document allows', () => {
  const simulation = new Simulation(2);
  const times = timesOfConnects(simulation);
  let tag: Uint8Array = new Uint8Array(0);
  const watch = simulation.onSent;
  simulation.onSent = (datagram, now) => {
    tag = datagram.slice(6, 14);
    watch(datagram, now);
  };
  simulation.onReturn = () => undefined;
  simulation.run(1);
  for (let at = 0; at < 100; at += 1) {
    const writer = new Writer().zeros(6).bytes(tag).u8(1).bytes(new Uint8Array(48).fill(at + 1));
    simulation.inject(writer.u32(crc32c(writer.written())).copy());
    simulation.run(2);
  }
  assert.ok(times.length >= 2 && times.length <= 4, `${times.length}`);
  assert.ok(times[1]! - times[0]! <= 3);
});

test('denials are told when the attempt ends, and a wait is kept', () => {
  const reasons = ['wrong version', 'server full', 'wrong key', 'no common suite', 'server shutting down', 'pre-shared key mismatch'];
  reasons.forEach((name, at) => {
    const simulation = new Simulation(3, { deny: { reason: at + 1, wait: 1500 } }, { reconnect: false });
    const times = timesOfConnects(simulation);
    simulation.until('the end', () => simulation.news.length > 0, 70000);
    assert.deepEqual(simulation.news, [`closed: ${name}`]);
    const waits = times.slice(2).map((time, before) => time - times[before + 1]!);
    for (const wait of waits) assert.ok(wait >= 1500, `${wait}`);
  });
});

test('a server that is busy is asked for a minute', () => {
  const simulation = new Simulation(4, { deny: { reason: 7, wait: 1000 } }, { reconnect: false });
  simulation.until('the end', () => simulation.news.length > 0, 100000);
  assert.deepEqual(simulation.news, ['closed: busy']);
  assert.ok(simulation.now >= 61000 && simulation.now < 61100, `${simulation.now}`);
  const other = new Simulation(5, { deny: { reason: 7, wait: 1000 } });
  other.run(20000);
  other.server.options.deny = undefined;
  other.until('connected', () => other.news.includes('connected'), 5000);
});

test('a wrong server key is told, and one that no server can have ends at once', () => {
  const simulation = new Simulation(6, {}, { reconnect: false });
  const serverKey = simulation.server.key.slice();
  serverKey[3]! ^= 1;
  const wrong = new Simulation(6, {}, { reconnect: false, serverKey });
  wrong.until('the end', () => wrong.news.length > 0);
  assert.deepEqual(wrong.news, ['closed: wrong key']);
  const impossible = new Connection({ serverKey: new Uint8Array(32) }, 0);
  assert.deepEqual(impossible.poll(0).events, [{ kind: 'closed', reason: 'wrong key' }]);
});

test('pre-shared keys: the same connects, none is told, another is told', () => {
  const preSharedKey = new Uint8Array(32).fill(7);
  const same = new Simulation(7, { preSharedKey }, { preSharedKey });
  same.connect();
  const none = new Simulation(7, { preSharedKey }, { reconnect: false });
  none.until('the end', () => none.news.length > 0);
  assert.deepEqual(none.news, ['closed: pre-shared key mismatch']);
  const other = new Simulation(7, { preSharedKey }, { preSharedKey: new Uint8Array(32).fill(8), reconnect: false });
  other.until('the end', () => other.news.length > 0);
  assert.deepEqual(other.news, ['closed: wrong key']);
});

test('the proof of the keys is repeated until something authentic arrives', () => {
  const simulation = new Simulation(8);
  const times: number[] = [];
  simulation.until('accepted', () => simulation.news.includes('connected'));
  simulation.isCut = true;
  simulation.onSent = (datagram, now) => {
    if (datagram[5] !== 0) times.push(now);
  };
  simulation.run(6000);
  assert.ok(times.length >= 4 && times.length <= 7, `${times.length}`);
});

test('both ends ping every heartbeat, and a silent server is gone after its timeout', () => {
  const simulation = new Simulation(9, { heartbeat: 1000, timeout: 3000 }, { reconnect: false });
  simulation.connect();
  simulation.run(20000);
  assert.ok(simulation.client.roundTrip > 9 && simulation.client.roundTrip < 12, `${simulation.client.roundTrip}`);
  assert.deepEqual(simulation.news, ['connected']);
  const cutAt = simulation.now;
  simulation.isCut = true;
  simulation.until('the end', () => simulation.news.includes('closed: timeout'));
  assert.ok(simulation.now - cutAt > 1900 && simulation.now - cutAt <= 3010, `${simulation.now - cutAt}`);
  simulation.until('the end at the server', () => simulation.server.clients.size === 0);
});

test('a restarted server is found by an attempt beside the connection, long before the timeout', () => {
  const simulation = new Simulation(10);
  simulation.connect();
  simulation.run(1000);
  simulation.server.restart();
  const restartedAt = simulation.now;
  simulation.until('connected again', () => simulation.news.filter((line) => line === 'connected').length === 2, 9000);
  assert.ok(simulation.now - restartedAt < 8000);
  assert.ok(!simulation.news.some((line) => line.startsWith('reconnecting')), 'the connection was replaced, not lost');
});

test('an authentic datagram ends the attempt beside the connection', () => {
  const simulation = new Simulation(11);
  simulation.connect();
  simulation.isCut = true;
  simulation.run(7200);
  simulation.isCut = false;
  const connects = timesOfConnects(simulation);
  simulation.server.send(simulation.server.client, 1, text('still here'));
  simulation.until('a message', () => simulation.inbox.length > 0, 3000);
  connects.length = 0;
  simulation.run(4000);
  assert.equal(connects.length, 0);
  assert.deepEqual(simulation.news, ['connected', 'message']);
});

test('waits between attempts double, up to 5 s', () => {
  const simulation = new Simulation(12);
  simulation.isCut = true;
  const failures: number[] = [];
  let known = 0;
  simulation.until('failures', () => {
    if (simulation.events.length > known) failures.push(simulation.now);
    known = simulation.events.length;
    return failures.length === 9;
  }, 300000);
  const waits = failures.slice(1).map((at, before) => at - failures[before]! - 10000);
  waits.forEach((wait, at) => {
    const full = Math.min(100 * 2 ** at, 5000);
    assert.ok(wait >= full / 2 && wait <= full, `wait ${at}: ${wait}`);
  });
  simulation.isCut = false;
  simulation.until('connected', () => simulation.news.includes('connected'), 20000);
});

test('a Disconnect with a passing reason leads to another connection, others end the client', () => {
  const expected: [number, string][] = [
    [0, 'closed: closed by the server'], [1, 'reconnecting: shutting down'], [2, 'closed: closed by the server'],
    [3, 'reconnecting: key exhausted'], [4, 'closed: protocol violation'], [5, 'closed: overflow'],
    [6, 'closed: bad compression'], [7, 'reconnecting: short of memory'], [9, 'closed: integrity failed'],
    [10, 'reconnecting: not resumable'], [11, 'closed: denied'], [99, 'closed: closed by the server'],
  ];
  for (const [reason, outcome] of expected) {
    const simulation = new Simulation(13);
    simulation.connect();
    simulation.server.raw(simulation.server.client, frame(FrameKind.Disconnect, reason));
    simulation.server.restart();
    simulation.run(2000);
    assert.equal(simulation.news[1], outcome);
    const isOver = outcome.startsWith('closed');
    assert.equal(simulation.client.state, isOver ? 'closed' : 'connected');
    assert.deepEqual(simulation.news.slice(2), isOver ? [] : ['connected']);
  }
});

test('closing sends three Disconnects, 50 ms apart or at once, and nothing after them', () => {
  for (const atOnce of [false, true]) {
    const simulation = new Simulation(14);
    simulation.connect();
    simulation.run(100);
    const times: number[] = [];
    simulation.onSent = (_, now) => times.push(now);
    const start = simulation.now;
    simulation.client.close(start, atOnce);
    simulation.run(20000);
    assert.deepEqual(times, atOnce ? [start, start, start] : [start, start + 50, start + 100]);
    assert.deepEqual(simulation.news.slice(1), ['closed: closed here']);
    assert.equal(simulation.server.clients.size, 0);
    assert.equal(simulation.client.timeout(simulation.now), Infinity);
    assert.equal(simulation.client.send(1, text('late')), 'not connected');
  }
});

test('a session whose server forgot it begins anew, and says so', () => {
  const simulation = new Simulation(15, { heartbeat: 500, timeout: 1500 });
  simulation.connect();
  simulation.isCut = true;
  simulation.until('the timeout', () => simulation.news.includes('reconnecting: timeout'));
  assert.equal(simulation.client.send(1, text('for the old session')), 'queued');
  simulation.server.forgetSessions();
  simulation.isCut = false;
  simulation.until('connected', () => simulation.client.state === 'connected');
  assert.deepEqual(simulation.news, ['connected', 'reconnecting: timeout', 'connected']);
  assert.ok(simulation.client.isIdle, 'what the old session carried is gone');
  simulation.client.send(1, text('for the new one'));
  simulation.until('it', () => simulation.server.clients.size > 0 && simulation.server.client.inbox.length === 1);
});

test('a session that is gone when it would be resumed begins anew after reason 10', () => {
  const simulation = new Simulation(16, { heartbeat: 500, timeout: 1500 });
  simulation.connect();
  simulation.isCut = true;
  simulation.until('the timeout', () => simulation.news.includes('reconnecting: timeout'));
  simulation.isCut = false;
  simulation.until('accepted', () => simulation.news.includes('resumed'));
  simulation.server.forgetSessions();
  simulation.until('a new one', () => simulation.news.filter((line) => line === 'connected').length === 2);
  assert.ok(simulation.news.includes('reconnecting: not resumable'));
});

test('a new connection that is lost before it was heard leaves the session resumable', () => {
  const simulation = new Simulation(17, { heartbeat: 500, timeout: 1500 });
  simulation.connect();
  simulation.server.onMessage = (client, channel, bytes) => simulation.server.send(client, channel, bytes.slice());
  const resumptions = (): number => simulation.news.filter((line) => line === 'resumed').length;
  for (let round = 0; round < 6; round += 1) {
    simulation.client.send(1, text(`${round}`));
    simulation.isCut = true;
    simulation.run(2600);
    simulation.isCut = false;
    // In even rounds the client's proof does not arrive; in odd ones it does, but nothing comes back.
    simulation.onReturn = (datagram) => {
      if (datagram.length === 83 && round % 2 === 0) simulation.isCut = true;
      return datagram.length === 83 || datagram.length === 67 ? datagram : undefined;
    };
    const before = resumptions();
    simulation.until('accepted', () => resumptions() > before);
    simulation.run(3000);
    simulation.isCut = false;
    simulation.onReturn = (datagram) => datagram;
    simulation.run(1000);
  }
  simulation.until('all', () => simulation.inbox.length === 6, 30000);
  assert.deepEqual(simulation.inbox.map(({ bytes }) => new TextDecoder().decode(bytes)), ['0', '1', '2', '3', '4', '5']);
  assert.equal(simulation.news.filter((line) => line === 'connected').length, 1);
});

test('a Cookie that the client holds already is dropped', () => {
  const simulation = new Simulation(24);
  const times = timesOfConnects(simulation);
  let cookie: Uint8Array | undefined;
  simulation.onReturn = (datagram) => {
    if (datagram.length !== 67) return undefined;
    cookie ??= datagram;
    return datagram;
  };
  simulation.run(20);
  assert.ok(cookie);
  const count = times.length;
  simulation.run(300);
  times.length = 0;
  simulation.inject(cookie);
  simulation.run(1);
  assert.equal(times.length, 0, `${count} before`);
});

test('an answer to an integrity challenge that is lost leaves again', () => {
  const simulation = new Simulation(25, {}, { integrityKeys: [new Uint8Array(32).fill(5)] });
  simulation.connect();
  simulation.run(100);
  const client = simulation.server.client;
  let answers = 0;
  const open = client.established.keys.open.bind(client.established.keys);
  client.established.keys.open = (...args) => {
    const plaintext = open(...args);
    if (plaintext && plaintext[1]! >> 3 === FrameKind.Integrity) answers += 1;
    return plaintext;
  };
  simulation.server.raw(client, frame(FrameKind.Integrity, 0, ...new Uint8Array(16)));
  simulation.onReturn = (datagram) => {
    simulation.isCut = true;
    return datagram;
  };
  simulation.run(100);
  assert.equal(answers, 0);
  simulation.onReturn = (datagram) => datagram;
  simulation.isCut = false;
  simulation.run(3000);
  assert.equal(answers, 1);
});

test('of two NewIds the one with the higher sequence counts, whichever arrives first', () => {
  const simulation = new Simulation(26);
  simulation.connect();
  simulation.run(100);
  const client = simulation.server.client;
  const idOf = (generation: number): number => ((client.id & 0xffff00ff) | (generation << 8)) >>> 0;
  const newId = (generation: number): Uint8Array => {
    const bytes = new Writer().u32(idOf(generation)).written();
    return client.established.sealed(frame(FrameKind.NewId, ...bytes));
  };
  const [first, second] = [newId(2), newId(3)];
  simulation.inject(second);
  simulation.inject(first);
  let id = 0;
  simulation.onSent = (datagram) => (id = new DataView(datagram.buffer, datagram.byteOffset).getUint32(0, true));
  simulation.client.ping();
  simulation.run(1);
  assert.equal(id, idOf(3));
});

test('a message that fills a datagram does not wait for an Ack to leave', () => {
  for (const channel of [0, 1]) {
    const simulation = new Simulation(27);
    simulation.connect();
    simulation.run(100);
    simulation.server.send(simulation.server.client, 1, text('elicits an Ack'));
    simulation.until('it', () => simulation.inbox.length === 1);
    let sentAt = 0;
    simulation.onSent = (datagram, now) => {
      if (datagram.length === 1200) sentAt = now;
    };
    simulation.client.send(channel, simulation.random.bytes(channel === 0 ? 1168 : 1166));
    const start = simulation.now;
    simulation.run(1000);
    assert.equal(sentAt, start);
  }
});

test('a PathChallenge is answered at once, the newest of several', () => {
  const simulation = new Simulation(18);
  simulation.connect();
  simulation.run(100);
  const { established } = simulation.server.client;
  const answers: Uint8Array[] = [];
  const sent: number[] = [];
  simulation.onSent = (_, now) => sent.push(now);
  const open = established.keys.open.bind(established.keys);
  established.keys.open = (...args) => {
    const plaintext = open(...args);
    if (plaintext) answers.push(plaintext);
    return plaintext;
  };
  const challenges = Uint8Array.from([...frame(2, 1, 1, 1, 1, 1, 1, 1, 1), ...frame(2, 2, 2, 2, 2, 2, 2, 2, 2)]);
  simulation.server.raw(simulation.server.client, challenges);
  simulation.run(20);
  assert.equal(sent.length, 1);
  assert.deepEqual([...answers[0]!.subarray(0, 12)], [...frame(3, 2, 2, 2, 2, 2, 2, 2, 2), 0, 0]);
});

test('a new id is used from its datagram on, and both are opened', () => {
  const simulation = new Simulation(19);
  simulation.connect();
  simulation.run(100);
  const { server } = simulation;
  const client = server.client;
  const idOf = (id: number): number[] => [id & 255, (id >>> 8) & 255, (id >>> 16) & 255, id >>> 24];
  const next = (client.id & 0xffff00ff) | (2 << 8);
  const foreign = client.id + (1 << 16);
  const late = client.established.sealed(frame(16 + 1, 1, 0, 98));
  server.raw(client, frame(FrameKind.NewId, ...idOf(foreign)));
  server.raw(client, frame(FrameKind.NewId, ...idOf(next)));
  let id = 0;
  simulation.onSent = (datagram) => (id = new DataView(datagram.buffer, datagram.byteOffset).getUint32(0, true));
  simulation.run(50);
  client.established.renumber(next >>> 0);
  assert.equal(id, next >>> 0);
  assert.equal(simulation.client.stats.drops.badFrames, 1, 'an id of another slot is a bad frame');
  simulation.inject(late);
  server.send(client, 1, text('a'));
  simulation.until('both', () => simulation.inbox.length === 2);
});

test('integrity challenges are answered by those who have the key', () => {
  const key = new Uint8Array(32).fill(5);
  const nonce = new Uint8Array(16).fill(9);
  for (const integrityKeys of [[key], []]) {
    const simulation = new Simulation(20, {}, { integrityKeys });
    simulation.connect();
    const { established } = simulation.server.client;
    const plaintexts: Uint8Array[] = [];
    const open = established.keys.open.bind(established.keys);
    established.keys.open = (...args) => {
      const plaintext = open(...args);
      if (plaintext) plaintexts.push(plaintext);
      return plaintext;
    };
    simulation.server.raw(simulation.server.client, frame(FrameKind.Integrity, 0, ...nonce));
    simulation.run(100);
    const answers = plaintexts.filter((plaintext) => (plaintext[1]! >> 3) === FrameKind.Integrity);
    assert.equal(answers.length, integrityKeys.length);
    const [answer] = answers;
    if (!answer) continue;
    const split = (established as unknown as { options: { split: Parameters<typeof derivedSecrets>[0] } }).options.split;
    const { transcript } = derivedSecrets(split);
    const expected = hmacSha256(key, Uint8Array.from([...transcript, ...nonce]));
    assert.deepEqual([...answer.subarray(2, 42)], [...nonce.subarray(0, 8), ...expected]);
  }
});

test('a bad frame is counted, and those beside it hold', () => {
  const simulation = new Simulation(21);
  simulation.connect();
  const bad = fromHex('0158' + '00');
  simulation.server.raw(simulation.server.client, Uint8Array.from([...bad, ...frame(16, 97)]));
  simulation.until('a message', () => simulation.inbox.length === 1);
  assert.equal(simulation.client.stats.drops.badFrames, 1);
});

test('messages are refused with a reason', () => {
  const simulation = new Simulation(22);
  assert.equal(simulation.client.send(1, text('early')), 'not connected');
  simulation.connect();
  assert.equal(simulation.client.send(16, text('')), 'no such channel');
  assert.equal(simulation.client.send(0.5, text('')), 'no such channel');
  assert.equal(simulation.client.send(1, new Uint8Array(65537)), 'too long');
  let queued = 0;
  const bytes = simulation.random.bytes(60000);
  while (simulation.client.send(1, bytes) === 'queued' && queued < 1000) queued += 1;
  assert.ok(queued > 100 && queued < 200, `${queued}`);
});
