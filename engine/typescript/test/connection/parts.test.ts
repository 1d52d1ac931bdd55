import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Writer } from '../../src/bytes/writer.js';
import { Congestion } from '../../src/connection/congestion.js';
import { InFlight } from '../../src/connection/in_flight.js';
import { Mtu } from '../../src/connection/mtu.js';
import { Received } from '../../src/connection/received.js';
import { TrafficKeys } from '../../src/connection/rekey.js';
import { ReliableReceiver } from '../../src/connection/reliable_receiver.js';
import { RoundTrip } from '../../src/connection/roundtrip.js';
import { readAck } from '../../src/wire/ack.js';
import { FrameKind } from '../../src/wire/frames.js';
import { Seeded } from '../seeded.js';

test('the replay window is exactly 1,024 sequences', () => {
  const received = new Received();
  assert.ok(received.isFresh(1) && !received.isFresh(0));
  received.mark(2000, 0);
  assert.ok(!received.isFresh(2000));
  assert.ok(received.isFresh(2000 - 1023));
  assert.ok(!received.isFresh(2000 - 1024));
  received.mark(1500, 0);
  assert.ok(!received.isFresh(1500));
  received.mark(2523, 0);
  assert.ok(!received.isFresh(1500), 'the last of the window');
  assert.ok(received.isFresh(1501));
  received.mark(10000, 0);
  for (let sequence = 10000 - 1023; sequence < 10000; sequence += 1) assert.ok(received.isFresh(sequence));
  assert.ok(!received.isFresh(2 ** 53));
});

test('any order of sequences gives what a set gives', () => {
  const random = new Seeded(1);
  const received = new Received();
  const all = new Set<number>();
  let highest = 0;
  for (let round = 0; round < 20000; round += 1) {
    const sequence = Math.max(0, highest - 1200 + random.below(1300));
    const isFresh = sequence > 0 && !all.has(sequence) && (sequence > highest || highest - sequence < 1024);
    assert.equal(received.isFresh(sequence), isFresh, `${sequence} of ${highest}`);
    if (!isFresh) continue;
    received.mark(sequence, round);
    all.add(sequence);
    highest = Math.max(highest, sequence);
    if (round % 50 > 0) continue;
    const writer = new Writer();
    received.writeAck(writer, round, 600);
    const ack = readAck(writer.written());
    assert.equal(ack?.largest, highest);
    const told = new Set(ack.ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, at) => first + at)));
    for (let at = Math.max(1, highest - 512); at <= highest; at += 1) assert.equal(told.has(at), all.has(at));
  }
});

test('an Ack leaves after 25 ms, with the second datagram, or at once after a gap', () => {
  const received = new Received();
  received.mark(1, 100);
  received.elicitsAck(true, 100);
  assert.equal(received.ackAt, 125);
  received.mark(2, 110);
  received.elicitsAck(true, 110);
  assert.equal(received.ackAt, 110);
  const writer = new Writer();
  received.writeAck(writer, 130, 600);
  assert.equal(readAck(writer.written())?.delay, 20);
  assert.equal(received.ackAt, Infinity);
  assert.ok(!received.isAckWaiting);
  received.mark(4, 140);
  received.elicitsAck(false, 140);
  assert.equal(received.ackAt, 140);
});

test('the round trip is smoothed and a delay is taken off, but never below the least', () => {
  const roundTrip = new RoundTrip();
  assert.equal(roundTrip.probeTimeout, 250);
  assert.equal(roundTrip.probeTimeoutAfter(2), 1000);
  roundTrip.sample(40, 10);
  assert.deepEqual([roundTrip.smoothed, roundTrip.probeTimeout], [40, 40 + 80 + 25]);
  roundTrip.sample(60, 10);
  assert.equal(roundTrip.smoothed, 40 + 10 / 8);
  roundTrip.sample(41, 10);
  assert.equal(roundTrip.smoothed, 41.25 - 0.25 / 8, 'the delay would make it less than the least');
  roundTrip.sample(141, 1000);
  assert.ok(Math.abs(roundTrip.smoothed - (41.21875 + (116 - 41.21875) / 8)) < 1e-9, 'a delay counts as at most 25 ms');
  assert.equal(roundTrip.probeTimeoutAfter(20), 2000);
  const slow = new RoundTrip();
  slow.sample(5000, 0);
  assert.equal(slow.probeTimeoutAfter(3), slow.probeTimeout, 'a single one may be longer than the bound of a row');
});

test('a datagram is lost three below an acknowledged one, or after 9/8 of the round trip', () => {
  const inFlight = new InFlight();
  const roundTrip = new RoundTrip();
  const contents = { parts: [], rekey: 0, integrity: undefined, probe: 0 };
  for (let sequence = 1; sequence <= 6; sequence += 1) inFlight.add({ ...contents, sequence, bytes: 100, at: sequence });
  const acknowledged = inFlight.acknowledge({ largest: 5, delay: 0, ranges: [{ first: 5, last: 5 }] }, roundTrip, 45);
  assert.deepEqual(acknowledged.map(({ sequence }) => sequence), [5]);
  assert.equal(roundTrip.smoothed, 40);
  assert.deepEqual(inFlight.lost(roundTrip, 45).map(({ sequence }) => sequence), [1, 2]);
  assert.equal(inFlight.lossAt(roundTrip), 3 + 45);
  assert.deepEqual(inFlight.lost(roundTrip, 48).map(({ sequence }) => sequence), [3]);
  assert.deepEqual(inFlight.lost(roundTrip, 1000).map(({ sequence }) => sequence), [4]);
  assert.equal(inFlight.lossAt(roundTrip), Infinity, 'the sixth is above all that was acknowledged');
  assert.equal(inFlight.probeTimeoutAt(roundTrip), 6 + roundTrip.probeTimeout);
});

test('the window grows with what is acknowledged, shrinks once in a round trip, and collapses to two datagrams', () => {
  const congestion = new Congestion();
  const fill = (now: number): number => {
    let bytes = 0;
    for (; congestion.maySend(now, 10); bytes += 1200) congestion.sent(1200);
    return bytes;
  };
  assert.equal(fill(1000), 12000);
  for (let at = 0; at < 10; at += 1) congestion.acknowledged(1200, 1000);
  const grown = fill(1020) + fill(1040) + fill(1060);
  assert.ok(grown > 15000 && grown < 24000, `${grown}`);
  const inFlight = congestion.inFlight;
  congestion.lost(1200, 1040, 1100);
  congestion.lost(1200, 1041, 1100);
  assert.ok(!congestion.maySend(2000, 10), 'less than before');
  assert.equal(congestion.inFlight, inFlight - 2400);
  congestion.collapse();
  for (let at = congestion.inFlight; at > 0; at -= 1200) congestion.forgotten(1200);
  assert.equal(fill(3000), 2400);
});

test('probes find larger datagrams, and give up after three losses', () => {
  const mtu = new Mtu(1472);
  assert.equal(mtu.size, 1200);
  assert.equal(mtu.probeDue(0, false), undefined, 'nothing to gain while little is sent');
  for (const size of [1328, 1408]) {
    assert.equal(mtu.probeDue(0, true), size);
    mtu.probeSent();
    assert.equal(mtu.probeDue(0, true), undefined, 'one at a time');
    mtu.probeAcknowledged(size);
    assert.equal(mtu.size, size);
  }
  for (let loss = 0; loss < 3; loss += 1) {
    assert.equal(mtu.probeDue(loss * 500, true), 1472);
    mtu.probeSent();
    mtu.probeLost(loss * 500);
    assert.equal(mtu.probeDue(loss * 500 + 499, true), undefined);
  }
  assert.equal(mtu.probeDue(500000, true), undefined);
  assert.equal(mtu.probeDue(1000 + 600000, true), 1472);
});

test('a black hole makes datagrams smaller, an outage does not for long', () => {
  const mtu = new Mtu(1472);
  mtu.probeSent();
  mtu.probeAcknowledged(1328);
  mtu.timedOut(3, 1000);
  assert.equal(mtu.size, 1200);
  mtu.timedOut(6, 5000);
  assert.equal(mtu.size, 512);
  assert.equal(mtu.probeAt(), 7000);
  assert.equal(mtu.probeDue(7000, false), 1200, 'the base is tried even when little is sent');
  mtu.probeSent();
  mtu.probeLost(8000);
  assert.equal(mtu.probeDue(9999, false), undefined);
  assert.equal(mtu.probeDue(10000, false), 1200);
  const other = new Mtu(1200);
  other.timedOut(3, 1000);
  assert.equal(other.size, 512);
  other.rowEnded(1500);
  assert.equal(other.probeDue(1500, false), 1200, 'at once: it was an outage');
  assert.equal(new Mtu(1211).size, 1200);
  assert.equal(new Mtu(1100).size, 1022);
});

test('what waits for earlier messages is counted while it waits, and not after', () => {
  let delivered = 0;
  const receiver = new ReliableReceiver(() => {
    delivered += 1;
    return true;
  });
  const bytes = new Uint8Array(1100);
  let number = 0;
  for (let round = 0; round < 20; round += 1) {
    for (let back = 1500; back >= 0; back -= 1) {
      assert.equal(receiver.message(1, (number + back) & 0xffff, false, bytes), 'accepted', `round ${round}`);
    }
    number += 1501;
    assert.equal(delivered, number);
  }
});

test('a message in pieces that arrives whole after all gives its room back', () => {
  const receiver = new ReliableReceiver(() => true);
  for (let number = 0; number < 100; number += 1) {
    const fragment = { channel: 2, number, offset: 0, size: 5000, compressed: false, piece: new Uint8Array(128) };
    assert.equal(receiver.fragment(fragment), 'accepted');
    assert.equal(receiver.message(2, number, false, new Uint8Array(5000)), 'accepted');
  }
});

interface Pair {
  client: TrafficKeys;
  server: TrafficKeys;
  /** Seals at one end, opens at the other. */
  pass(from: 'client' | 'server', now: number): boolean;
}

function pair(): Pair {
  const random = new Seeded(9);
  const split = { client: random.bytes(32), server: random.bytes(32) };
  const bytes = (length: number): Uint8Array => random.bytes(length);
  const client = new TrafficKeys(split, 'client', 0, bytes);
  const server = new TrafficKeys(split, 'server', 0, bytes);
  const pass = (from: 'client' | 'server', now: number): boolean => {
    const [sender, receiver] = from === 'client' ? [client, server] : [server, client];
    const header = new Uint8Array(14);
    header[5] = sender.flags;
    const datagram = sender.seal(header, new Uint8Array(32));
    return receiver.hasKey(sender.flags) && receiver.open(sender.flags, datagram, now, 100) !== undefined;
  };
  return { client, server, pass };
}

test('keys change in both directions, old datagrams open for three probe timeouts', () => {
  const { client, server, pass } = pair();
  client.ask(0);
  const request = client.frameDue();
  assert.equal(request?.kind, FrameKind.RekeyRequest);
  client.frameSent(5);
  assert.equal(client.frameDue(), undefined);
  assert.ok(server.requested(request.body, 10));
  const response = server.frameDue();
  assert.equal(response?.kind, FrameKind.RekeyResponse);
  server.frameSent(7);
  assert.equal(server.flags, 3, 'a responder does not seal in the new phase first');
  assert.ok(pass('client', 15) && pass('server', 15), 'the old keys are in use');
  assert.ok(client.responded(response.body.subarray(0, 8), response.body.subarray(8), 20));
  assert.equal(client.flags, 7);
  assert.ok(pass('server', 21), 'the server still seals in the old phase');
  const late = new Uint8Array(14);
  late[5] = 3;
  assert.ok(pass('client', 22));
  assert.equal(server.flags, 7);
  assert.ok(pass('server', 23) && pass('client', 24));
  assert.ok(server.hasKey(3) && client.hasKey(3), 'the old keys linger');
  server.advance(22 + 301);
  client.advance(23 + 301);
  assert.ok(!server.hasKey(3) && !client.hasKey(3), 'and are erased');
  assert.ok(!client.mayAsk(19999) && client.mayAsk(20020), 'not again within 20 s of the change');
});

test('the server\'s own request has priority over the client\'s', () => {
  const { client, server, pass } = pair();
  client.ask(0);
  server.ask(0);
  const [ofClient, ofServer] = [client.frameDue()!, server.frameDue()!];
  assert.ok(server.requested(ofClient.body, 10));
  assert.equal(server.frameDue()?.kind, FrameKind.RekeyRequest, 'it answers nothing');
  assert.ok(client.requested(ofServer.body, 10));
  assert.equal(client.frameDue()?.kind, FrameKind.RekeyResponse);
  const { body } = client.frameDue()!;
  assert.ok(server.responded(body.subarray(0, 8), body.subarray(8), 20));
  assert.ok(pass('server', 21) && pass('client', 22) && client.flags === 7);
});

test('an answer that was acknowledged under the old key is discarded; requests are answered every 10 s at most', () => {
  const { client, server, pass } = pair();
  client.ask(0);
  assert.ok(server.requested(client.frameDue()!.body, 10));
  server.frameSent(7);
  server.acknowledged([{ first: 1, last: 6 }]);
  assert.ok(server.hasKey(7), 'the answer was not acknowledged');
  server.acknowledged([{ first: 7, last: 7 }]);
  assert.ok(!server.hasKey(7));
  assert.ok(server.requested(client.frameDue()!.body, 20) && server.frameDue() === undefined);
  assert.ok(server.requested(client.frameDue()!.body, 10010));
  assert.equal(server.frameDue()?.kind, FrameKind.RekeyResponse);
  assert.ok(pass('client', 10020) && pass('server', 10020));
});

test('a request without an answer is repeated after 10 s, the same; foreign answers and zeros are told apart', () => {
  const { client } = pair();
  client.ask(0);
  const { body } = client.frameDue()!;
  client.frameSent(1);
  client.advance(9999);
  assert.equal(client.frameDue(), undefined);
  client.frameLost(FrameKind.RekeyRequest);
  assert.deepEqual(client.frameDue()?.body, body);
  client.frameSent(2);
  client.advance(10000);
  assert.deepEqual(client.frameDue()?.body, body);
  assert.ok(client.responded(new Uint8Array(8), new Uint8Array(32), 10001), 'an answer to something else is ignored');
  assert.ok(!client.responded(body.subarray(0, 8), new Uint8Array(32), 10001), 'a key of zeros is a violation');
  assert.ok(!pair().client.requested(new Uint8Array(32), 0));
});
