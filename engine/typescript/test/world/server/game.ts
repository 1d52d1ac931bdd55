/** A server's world with one client, and the link between the two, with a simulated clock. From PROTOCOL.md. */

import { Writer } from '../../../src/bytes/writer.js';
import type { MessagePort, SendResult } from '../../../src/connection/types.js';
import { schemaOf, type AnswerOf, type AskOf, type Contract, type InputOf, type OwnOf, type Rules, type ShownOf } from '../../../src/world/index.js';
import { INPUT_AHEAD_MAX, INPUT_REPEAT_TICKS } from '../../../src/world/limits.js';
import type { WorldMap } from '../../../src/world/map.js';
import type { State } from '../../../src/world/state.js';
import { Seeded } from '../../seeded.js';
import { readAsk, readEnterRequest, readInputs, writeAnswer, writeEnterAnswer, writeWelcome } from './messages.js';
import { stateOf } from './states.js';
import { idOf, SnapshotSender, type Truth } from './world.js';

/** What a game does on the server. */
export interface ServerGame<C extends Contract> {
  readonly rules: Rules<C>;
  readonly map: WorldMap;
  readonly own: OwnOf<C>;
  readonly shown: ShownOf<C>;
  answer?(ask: AskOf<C>): AnswerOf<C> | 'later';
}

/** Index of the client's body. */
export const BODY = 7;

/** The tick of the world, and what each tick does. */
export class GameServer<C extends Contract> {
  tick = 1_000_000;
  inputInterval = 1;
  own: OwnOf<C>;
  /** Messages to the client, in order: channel and bytes. */
  readonly out: { readonly channel: number; readonly bytes: Uint8Array }[] = [];
  sender: SnapshotSender<C> | undefined;
  readonly counts = { requests: 0, late: 0, missed: 0, digests: 0, digestsWrong: 0, inputMessages: 0, malformed: 0 };
  /** Asks that are not answered yet. */
  readonly asks: number[] = [];

  private readonly inputs = new Map<number, InputOf<C>>();
  private last: { readonly tick: number; readonly input: InputOf<C> } | undefined;
  private arrivedLast: number | undefined;
  private inTimeLast: number | undefined;
  private nextFirst = 0x1_fff0;

  constructor(
    readonly game: ServerGame<C>,
    private readonly random: Seeded,
  ) {
    this.own = game.own;
  }

  get neutral(): InputOf<C> {
    return this.game.rules.contract.input.blank as InputOf<C>;
  }

  receive(message: Uint8Array): void {
    const { rules } = this.game;
    if (message[0] === 3) return this.takeRequest(message);
    if (!this.sender) return;
    if (message[0] === 1) return this.takeInputs(message);
    if (message[0] !== 8) return;
    const read = readAsk<AskOf<C>>(message, rules.contract.ask as never);
    if (read === 'drop') return;
    const answer = read.ask === 'malformed' ? 2 : this.game.answer?.(read.ask);
    if (answer === 'later' || answer === undefined) this.asks.push(read.number);
    else this.answer(read.number, answer === 2 ? 2 : { answer: answer as AnswerOf<C> });
  }

  answer(number: number, answer: { readonly answer: AnswerOf<C> } | 1 | 2): void {
    const writer = new Writer();
    writeAnswer(number, answer as never, writer, this.game.rules.contract.answer);
    this.out.push({ channel: 1, bytes: writer.copy() });
  }

  putOut(reason: number): void {
    this.end();
    const writer = new Writer();
    writeEnterAnswer(3, reason, writer);
    this.out.push({ channel: 1, bytes: writer.copy() });
  }

  /** The client comes from another server, whose snapshots were those of this one so far: the tick is another one. */
  arrive(tick: number): void {
    this.end();
    this.tick = tick;
    this.sender = new SnapshotSender(this.game.rules.contract, this.nextFirst, this.random);
    const writer = new Writer();
    writeWelcome(tick % 2 ** 32, this.sender.first & 0xffff, this.game.map, writer);
    const moved = writer.copy();
    moved[1] = 4;
    this.out.push({ channel: 1, bytes: moved });
  }

  /** The session ends: the server knows nothing of the client. */
  end(): void {
    if (this.sender) this.nextFirst = this.sender.next + 0x8000;
    this.sender = undefined;
    this.inputs.clear();
    this.last = this.arrivedLast = this.inTimeLast = undefined;
  }

  /** One tick: takes the input, steps, moves `others`, and sends a snapshot. */
  step(others: readonly Truth<ShownOf<C>>[]): void {
    this.tick += 1;
    const { sender, game } = this;
    if (!sender) return;
    this.own = game.rules.step(this.own, this.takenInput());
    const state = stateOf(game.map, game.rules.pose(this.own), game.shown);
    this.show(sender, { index: BODY, generation: 1, state });
    for (const other of others) this.show(sender, other);
    const lead = this.arrivedLast === undefined ? undefined : this.arrivedLast - this.tick;
    const inputAge = this.inTimeLast === undefined ? undefined : this.tick - this.inTimeLast;
    const owner = { body: idOf({ index: BODY, generation: 1 }), own: this.own };
    const start = { tick: this.tick % 2 ** 32, lead, inputAge, inputInterval: this.inputInterval, owner };
    this.out.push({ channel: 0, bytes: sender.snapshot(start, 1) });
  }

  private show(sender: SnapshotSender<C>, is: { index: number; generation: number; state: State<ShownOf<C>> }): void {
    const known = sender.truths.get(is.index);
    if (known?.generation !== is.generation) sender.put({ ...is, version: 1, isInView: true });
    else if (JSON.stringify(known.state) !== JSON.stringify(is.state)) {
      known.version += 1;
      known.state = is.state;
    }
  }

  private takeRequest(message: Uint8Array): void {
    const request = readEnterRequest(message);
    if (!request) return;
    this.counts.requests += 1;
    const { rules, map } = this.game;
    const writer = new Writer();
    const mine = schemaOf(rules.contract, rules.level);
    const part = request.schema.findIndex((number, at) => number !== 0 && mine[at] !== 0 && number !== mine[at]);
    if (part >= 0) {
      writeEnterAnswer(2, part, writer);
    } else {
      this.sender ??= new SnapshotSender(rules.contract, this.nextFirst, this.random);
      writeWelcome(this.tick % 2 ** 32, this.sender.first & 0xffff, map, writer);
    }
    this.out.push({ channel: 1, bytes: writer.copy() });
  }

  private takeInputs(message: Uint8Array): void {
    const { contract } = this.game.rules;
    const read = readInputs<InputOf<C>>(message, contract.input as never, this.neutral);
    if (!read) {
      this.counts.malformed += 1;
      return;
    }
    this.counts.inputMessages += 1;
    if (read.received) this.sender?.acknowledged(read.received);
    if (read.received && read.digest !== undefined) this.compare(read.received.newest, read.digest);
    const newest = this.tick + ((read.tick - this.tick) | 0);
    if (read.inputs.length > 0) this.arrivedLast = newest;
    read.inputs.forEach(({ input }, at) => this.keep(newest - (read.inputs.length - 1 - at), input));
  }

  private compare(newest: number, digest: number): void {
    const { sender } = this;
    if (!sender?.isMirrorExact || (sender.newest & 0xffff) !== newest) return;
    this.counts.digests += 1;
    if (sender.mirrorDigest() !== digest) this.counts.digestsWrong += 1;
  }

  private keep(tick: number, input: InputOf<C>): void {
    const ahead = tick - this.tick;
    if (ahead > INPUT_AHEAD_MAX) return;
    if (ahead > 0) {
      if (!this.inputs.has(tick)) this.inputs.set(tick, input);
    } else if (!this.last || tick > this.last.tick) {
      this.counts.late += 1;
    }
    if (!this.last || tick > this.last.tick) if (ahead <= 0) this.last = { tick, input };
  }

  private takenInput(): InputOf<C> {
    const input = this.inputs.get(this.tick);
    this.inputs.delete(this.tick);
    if (input !== undefined) {
      this.last = { tick: this.tick, input };
      this.inTimeLast = this.tick;
      return input;
    }
    this.counts.missed += 1;
    const { last } = this;
    return last && this.tick - last.tick <= INPUT_REPEAT_TICKS ? last.input : this.neutral;
  }
}

export interface Network {
  /** One way, in milliseconds. */
  readonly delay: number;
  readonly jitter: number;
  readonly loss: number;
}

/** Carries messages to one end: reliable ones in their order, others as the network does. */
export class Link implements MessagePort {
  network: Network;
  isDown = false;
  isFull = false;
  sent = 0;
  private flying: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  private reliableAt = 0;

  constructor(
    network: Network,
    private readonly random: Seeded,
    private readonly clock: { now: number },
  ) {
    this.network = network;
  }

  get roundTrip(): number {
    return 2 * this.network.delay;
  }

  send(channel: number, bytes: Uint8Array): SendResult {
    if (this.isFull) return 'full';
    this.sent += 1;
    const { delay, jitter, loss } = this.network;
    const at = this.clock.now + delay + this.random.next() * jitter;
    const isReliable = channel % 4 === 1 || channel % 4 === 2;
    if (isReliable) this.reliableAt = Math.max(this.reliableAt, at);
    else if (this.isDown || this.random.chance(loss)) return 'queued';
    this.flying.push({ at: isReliable ? this.reliableAt : at, bytes: bytes.slice() });
    return 'queued';
  }

  arrive(): Uint8Array[] {
    if (this.isDown) return [];
    const arrived = this.flying.filter(({ at }) => at <= this.clock.now).sort((a, b) => a.at - b.at);
    this.flying = this.flying.filter(({ at }) => at > this.clock.now);
    return arrived.map(({ bytes }) => bytes);
  }

  clear(): void {
    this.flying = [];
  }
}

