/** A small server for tests, in simulated time: one core, any number of clients, no limits. Written from PROTOCOL.md. */

import { x25519 } from '@noble/curves/ed25519.js';

import { crc32c } from '../../src/bytes/crc32c.js';
import { Reader } from '../../src/bytes/reader.js';
import { Writer } from '../../src/bytes/writer.js';
import { decompress } from '../../src/compression/lz4.js';
import { Established } from '../../src/connection/established.js';
import { TrafficKeys } from '../../src/connection/rekey.js';
import { SessionState } from '../../src/connection/session_state.js';
import { type ConnectionStats, newStats } from '../../src/connection/types.js';
import { derivedSecrets, type DerivedSecrets, keyPair, resumedKeys, type SplitKeys } from '../../src/crypto/keys.js';
import { FrameKind, readFrames, writeFrame } from '../../src/wire/frames.js';
import { coreRequest, readHeader, writePlainHeader } from '../../src/wire/header.js';
import { Seeded } from '../seeded.js';
import { toHex } from '../vectors.js';
import { respond } from './responder.js';

export interface TestServerOptions {
  heartbeat: number;
  timeout: number;
  preSharedKey?: Uint8Array;
  rekey?: { bytes: number; period: number };
  /** Answers every Connect that shows a cookie with this denial. */
  deny?: { reason: number; wait: number } | undefined;
}

/** A session that connections carry one after the other. */
interface ServerSession {
  state: SessionState;
  resumeSecrets: Map<string, Uint8Array>;
  client: ServerClient | undefined;
}

export interface ServerClient {
  id: number;
  server: TestServer;
  address: string;
  established: Established;
  session: ServerSession;
  inbox: { channel: number; bytes: Uint8Array }[];
  /** Another address that datagrams came from, until it is validated. */
  candidate: { address: string; value: string } | undefined;
  /** The frames of the datagram that is being received. */
  plaintext: Uint8Array | undefined;
}

interface HalfOpen {
  id: number;
  tag: string;
  address: string;
  accepted: Uint8Array;
  split: SplitKeys;
  secrets: DerivedSecrets;
  resumes: string | undefined;
}

export class TestServer {
  readonly secret: Uint8Array;
  readonly key: Uint8Array;
  readonly stats: ConnectionStats = newStats();
  /** Connections, by id without the generation. */
  readonly clients = new Map<number, ServerClient>();
  /** What every client sent, as it was delivered. */
  onMessage: (client: ServerClient, channel: number, bytes: Uint8Array) => void = () => undefined;
  connects = 0;

  private readonly sessions = new Map<string, ServerSession>();
  private readonly halfOpen = new Map<number, HalfOpen>();
  private out: { to: string; datagram: Uint8Array }[] = [];
  private slots = 0;

  constructor(
    readonly options: TestServerOptions,
    private readonly random: Seeded,
  ) {
    this.secret = random.bytes(32);
    this.key = x25519.getPublicKey(this.secret);
  }

  /** The only client. */
  get client(): ServerClient {
    const [client] = [...this.clients.values()].slice(-1);
    if (!client) throw new Error('no client');
    return client;
  }

  /** Forgets everything, as a restarted server does. */
  restart(): void {
    this.clients.clear();
    this.sessions.clear();
    this.halfOpen.clear();
  }

  /** Expects the session of a client of another server, and takes it from there at the first authentic datagram. */
  expect({ session }: ServerClient): void {
    for (const token of session.resumeSecrets.keys()) this.sessions.set(token, session);
  }

  /** Forgets all sessions, but not the connections. */
  forgetSessions(): void {
    this.sessions.clear();
  }

  receive(datagram: Uint8Array, from: string, now: number): void {
    const header = readHeader(new Reader(datagram));
    if (header.flags === 0) {
      this.connect(datagram, from);
      return;
    }
    const slot = header.id >>> 16;
    const half = this.halfOpen.get(slot);
    if (half?.id === header.id) this.join(half, datagram, header.flags, from, now);
    const client = this.clients.get(slot);
    if (!client) return;
    client.plaintext = undefined;
    client.established.receive(datagram, now);
    if (client.plaintext) this.migrate(client, client.plaintext, from);
    if (client.established.ending) this.end(slot, client);
  }

  /** PROTOCOL.md#migration, without the repetition of challenges. */
  private migrate(client: ServerClient, plaintext: Uint8Array, from: string): void {
    if (from === client.address) return;
    const { candidate } = client;
    for (const frame of readFrames(plaintext).frames) {
      if (frame.kind !== 'pathResponse' || candidate?.address !== from || toHex(frame.value) !== candidate.value) continue;
      client.address = from;
      client.candidate = undefined;
      client.established.pathChanged(1200);
      return;
    }
    if (candidate?.address === from) return;
    const value = this.random.bytes(8);
    client.candidate = { address: from, value: toHex(value) };
    const writer = new Writer();
    writeFrame(writer, FrameKind.PathChallenge, value);
    this.out.push({ to: from, datagram: client.established.sealed(writer.written()) });
  }

  poll(now: number): { to: string; datagram: Uint8Array }[] {
    for (const [slot, client] of this.clients) {
      const datagrams: Uint8Array[] = [];
      client.established.poll(now, datagrams);
      for (const datagram of datagrams) this.out.push({ to: client.address, datagram });
      if (client.established.ending) this.end(slot, client);
    }
    const { out } = this;
    this.out = [];
    return out;
  }

  timeout(now: number): number {
    let least = Infinity;
    for (const { established } of this.clients.values()) least = Math.min(least, established.timeout(now));
    return this.out.length > 0 ? now : least;
  }

  send(client: ServerClient, channel: number, bytes: Uint8Array, compressed = false): boolean {
    return channel % 4 === 1 || channel % 4 === 2
      ? client.session.state.sender.queue(channel, compressed, bytes)
      : client.established.queueUnreliable(channel, compressed, bytes);
  }

  /** Sends a datagram with these frames. */
  raw(client: ServerClient, frames: Uint8Array): void {
    this.out.push({ to: client.address, datagram: client.established.sealed(frames) });
  }

  private connect(datagram: Uint8Array, from: string): void {
    const reader = new Reader(datagram);
    const { id, tail: tag } = readHeader(reader);
    const [type, version, suites, options] = [reader.u8(), reader.u16(), reader.u8(), reader.u8()];
    const [cookie, noise, padding] = [reader.bytes(48), reader.bytes(64), reader.bytes(9)];
    const checksum = reader.u32();
    const isGood =
      reader.complete && (id === 0 || id === coreRequest(id & 0xff)) && type === 0 && version === 1 && options < 2 &&
      checksum === crc32c(datagram.subarray(0, 140)) && padding.every((byte) => byte === 0) &&
      toHex(noise.subarray(0, 8)) === toHex(tag);
    if (!isGood) return;
    this.connects += 1;
    const name = toHex(tag);
    if (toHex(cookie) !== toHex(this.cookieFor(from, name))) {
      this.answer(from, tag, 1, 0, (writer) => writer.bytes(this.cookieFor(from, name)));
      return;
    }
    const known = [...this.halfOpen.values()].find((half) => half.tag === name && half.address === from);
    if (known) {
      this.out.push({ to: from, datagram: known.accepted });
      return;
    }
    const hasKey = (options & 1) === 1;
    const denial = this.options.deny ?? (hasKey !== (this.options.preSharedKey !== undefined) ? { reason: 6, wait: 0 } : undefined);
    if (denial) {
      this.answer(from, tag, 3, 0, (writer) => writer.u8(denial.reason).u16(1).u16(denial.wait));
      return;
    }
    this.accept(from, name, tag, suites, options, noise);
  }

  private accept(from: string, name: string, tag: Uint8Array, suites: number, options: number, noise: Uint8Array): void {
    const responder = respond(this.secret, noise, suites, options, this.options.preSharedKey);
    if (!responder) {
      this.answer(from, tag, 3, 0, (writer) => writer.u8(3).u16(1).u16(0));
      return;
    }
    this.slots += 1;
    const id = ((this.slots << 16) | (1 << 8) | 3) >>> 0;
    const token = toHex(responder.token);
    const session = this.sessions.get(token);
    const parameters = new Writer().u32(id).u8(1).u8(session ? 1 : 0).u16(1472);
    parameters.u32(this.options.heartbeat).u32(this.options.timeout);
    const random = (length: number): Uint8Array => this.random.bytes(length);
    const { message, split: ofHandshake } = responder.answer(parameters.copy(), keyPair(random));
    const split = session ? resumedKeys(ofHandshake, session.resumeSecrets.get(token)!) : ofHandshake;
    const accepted = this.answer(from, tag, 2, id, (writer) => writer.bytes(message));
    const resumes = session ? token : undefined;
    this.halfOpen.set(this.slots, {
      id, tag: name, address: from, accepted, split, secrets: derivedSecrets(split), resumes,
    });
  }

  private join(half: HalfOpen, datagram: Uint8Array, flags: number, from: string, now: number): void {
    const random = (length: number): Uint8Array => this.random.bytes(length);
    if (!new TrafficKeys(half.split, 'server', now, random).open(flags, datagram, now, 0)) return;
    const slot = half.id >>> 16;
    this.halfOpen.delete(slot);
    const former = half.resumes === undefined ? undefined : this.sessions.get(half.resumes);
    const isGone = half.resumes !== undefined && !former;
    const session = former ?? this.newSession();
    if (former) {
      former.state.sender.restart();
      former.client?.server.clients.delete(former.client.id >>> 16);
      if (former.client && former.client.server !== this) {
        for (const token of session.resumeSecrets.keys()) former.client.server.sessions.delete(token);
      }
      for (const token of session.resumeSecrets.keys()) {
        if (token === half.resumes) continue;
        session.resumeSecrets.delete(token);
        this.sessions.delete(token);
      }
    }
    const token = toHex(half.secrets.token);
    session.resumeSecrets.set(token, half.secrets.resumeSecret);
    this.sessions.set(token, session);
    const deliver = (channel: number, compressed: boolean, bytes: Uint8Array): boolean =>
      this.deliver(session, channel, compressed, bytes);
    const { heartbeat, timeout, rekey } = this.options;
    const established = new Established(
      {
        end: 'server', id: half.id, heartbeat, timeout, split: half.split, session: session.state, deliver,
        largestDatagram: 1200, stats: this.stats, random, rekey,
      },
      now,
    );
    const client: ServerClient = {
      id: half.id, server: this, address: from, established, session, inbox: [], candidate: undefined, plaintext: undefined,
    };
    const open = established.keys.open.bind(established.keys);
    established.keys.open = (...args) => (client.plaintext = open(...args));
    session.client = client;
    if (isGone) {
      this.raw(client, Uint8Array.of(1, 0x30, 10));
      return;
    }
    this.clients.set(slot, client);
  }

  private newSession(): ServerSession {
    const session: ServerSession = {
      state: new SessionState((channel, compressed, bytes) => this.deliver(session, channel, compressed, bytes)),
      resumeSecrets: new Map(),
      client: undefined,
    };
    return session;
  }

  private deliver(session: ServerSession, channel: number, compressed: boolean, bytes: Uint8Array): boolean {
    const message = compressed ? decompress(bytes) : bytes.slice();
    if (!message) return false;
    const client = session.client!;
    client.inbox.push({ channel, bytes: message });
    this.onMessage(client, channel, message);
    return true;
  }

  private end(slot: number, client: ServerClient): void {
    this.clients.delete(slot);
    client.session.client = undefined;
    if (client.established.ending?.by === 'timeout') return;
    for (const token of client.session.resumeSecrets.keys()) this.sessions.delete(token);
  }

  private cookieFor(address: string, tag: string): Uint8Array {
    const cookie = new Uint8Array(48).fill(0xc0);
    const writer = new Writer().u32(crc32c(new TextEncoder().encode(address + tag)));
    cookie.set(writer.written());
    return cookie;
  }

  private answer(
    to: string,
    tag: Uint8Array,
    type: number,
    id: number,
    body: (writer: Writer) => void,
  ): Uint8Array {
    const writer = new Writer();
    writePlainHeader(writer, id, tag);
    writer.u8(type);
    body(writer);
    writer.u32(crc32c(writer.written()));
    const datagram = writer.copy();
    this.out.push({ to, datagram });
    return datagram;
  }
}

