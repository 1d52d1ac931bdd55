/**
 * A client of a game: it enters the world, predicts the player's own state, and shows the others between snapshots.
 *
 * It does no I/O and reads no clock. The caller hands in what the connection brings, and the time. A frame is: hand in all
 * messages; `update`; draw `scene`.
 */

import { Writer } from '../../bytes/writer.js';
import type { MessagePort, OtherServer } from '../../connection/types.js';
import type { InputClock } from '../clock/input.js';
import { ShownClock } from '../clock/shown.js';
import { ticksIn } from '../clock/ticks.js';
import { schemaOf, type AskOf, type Contract, type EventOf, type InputOf, type OwnOf } from '../contract/contract.js';
import type { EntityId } from '../entity.js';
import { INTERPOLATION_DEFAULT, type Interpolation } from '../interpolation.js';
import type { WorldMap } from '../map.js';
import { readAnswer, readEvent, writeAsk, writeEvent } from '../messages/ask.js';
import { readChangeServer } from '../messages/change_server.js';
import { readEnterAnswer, writeEnterRequest } from '../messages/enter.js';
import { CHANNELS, KINDS } from '../messages/kinds.js';
import { Prediction } from '../prediction/prediction.js';
import { Smoother, SMOOTHING_DEFAULT, type Smoothing } from '../prediction/smoothing.js';
import type { Pose } from '../pose.js';
import { blankOwn, blankShown, type Rules } from '../rules.js';
import { View, type Change } from '../view/view.js';
import { OpenAsks } from './asks.js';
import { Inputs } from './inputs.js';
import type { AskId, News, Unanswered } from './news.js';
import { Scene } from './scene.js';
import { noStats, type Clocks, type WorldStats } from './stats.js';
import { Tickets, type TicketSource } from './tickets.js';

export interface WorldOptions<C extends Contract> {
  /**
   * What the game expects of a client that enters: at most 1,024 bytes. By default it is empty. A function is called before each
   * attempt to enter: the ticket of an account is good for one.
   */
  readonly ticket?: TicketSource;
  /** Is called with what happens. The client can be used in it. */
  readonly onNews?: (news: News<C>) => void;
  readonly interpolation?: Partial<Interpolation>;
  readonly smoothing?: Partial<Smoothing>;
}

/** So many milliseconds apart a client looks whether its ticket is there. */
const TICKET_LOOK = 50;

/**
 * Where a client is on its way into the world: it does not want to enter; is to ask as soon as it is connected; has asked; is in
 * the world.
 */
export type Presence = 'outside' | 'due' | 'asking' | 'inside';

export class WorldClient<C extends Contract> {
  readonly rules: Rules<C>;
  /** What the client knows of the world: the newest state of each entity in view, as it was received. */
  readonly view: View<C>;
  readonly prediction: Prediction<C>;
  readonly smoother = new Smoother();
  readonly interpolation: Interpolation;
  readonly smoothing: Smoothing;
  /** What happened so far. */
  readonly stats: WorldStats = noStats();
  /** The map of the world, once entered. */
  map: WorldMap | undefined;
  /** The entity that the player controls. */
  body: EntityId | null = null;
  /** Where the own body stands from a move to another server until the first snapshot from there. */
  heldPose: Pose | undefined;

  private state: Presence = 'due';
  private online = false;
  private entered = 0;
  private wasConnected = false;
  private readonly tickets: Tickets;
  private level: number;
  private readonly onNews: (news: News<C>) => void;
  private readonly news: News<C>[] = [];
  private readonly asks = new OpenAsks();
  private readonly inputs: Inputs<C>;
  private shownClock: ShownClock | undefined;
  /** The server that the present one wants the session to move to. */
  private otherServer: OtherServer | undefined;
  /** Whether the newest snapshot had an entry of an entity. */
  private told = false;
  private frameAt: number | undefined;
  private roundTrip = 0;
  private readonly writer = new Writer(1200);

  /** @throws RangeError The ticket is longer than 1,024 bytes. */
  constructor(rules: Rules<C>, options: WorldOptions<C> = {}) {
    this.rules = rules;
    this.level = rules.level;
    this.tickets = new Tickets(options.ticket ?? new Uint8Array(0));
    this.view = new View(rules.contract, { own: blankOwn(rules), shown: blankShown(rules) });
    this.prediction = new Prediction(rules);
    this.inputs = new Inputs(rules, this.view, this.prediction, this.stats);
    this.onNews = options.onNews ?? ((): void => {});
    this.interpolation = { ...INTERPOLATION_DEFAULT, ...options.interpolation };
    this.smoothing = { ...SMOOTHING_DEFAULT, ...options.smoothing };
  }

  get presence(): Presence {
    return this.state;
  }

  /** The clock of the inputs; undefined until the first snapshot, and while the connection is lost. */
  get inputClock(): InputClock | undefined {
    return this.inputs.clock;
  }

  /** Whether the server has let the client into the world. */
  get isInWorld(): boolean {
    return this.state === 'inside';
  }

  /** Whether a connection carries the session. */
  get isConnected(): boolean {
    return this.online;
  }

  /** How often the client has entered the world. */
  get presences(): number {
    return this.entered;
  }

  /** A connection carries the session. `resumed`: the presence in the world goes on. Otherwise the client enters again. */
  connected(resumed: boolean): void {
    this.online = true;
    if (resumed) return;
    if (this.wasConnected) this.news.push({ is: 'Renewed' });
    this.wasConnected = true;
    this.forgetWorld('SessionLost');
    this.tickets.forget();
    if (this.state !== 'outside') this.state = 'due';
    this.deliver();
  }

  /** The connection is lost, and another one is attempted. What the server does meanwhile is unknown. */
  reconnecting(): void {
    this.online = false;
    // A ticket may expire meanwhile.
    this.tickets.forget();
    this.inputs.stop();
  }

  /** There is no connection and will be none. */
  closed(): void {
    this.online = false;
    this.state = 'outside';
    this.tickets.forget();
    this.forgetWorld('SessionLost');
    this.deliver();
  }

  /**
   * Asks to enter again, after the client was refused or put out. False, and nothing is done, if it is in the world or on its way.
   *
   * @throws RangeError The ticket is longer than 1,024 bytes.
   */
  enter(ticket?: TicketSource, level: number = this.level): boolean {
    if (this.state !== 'outside') return false;
    this.tickets.change(ticket);
    this.level = level;
    this.state = 'due';
    return true;
  }

  /** Takes a message of the connection. False if it is none of a world. Whatever its bytes are, nothing is thrown. */
  received(message: Uint8Array, now: number): boolean {
    switch (message[0]) {
      case KINDS.snapshot:
        this.takeSnapshot(message, now);
        break;
      case KINDS.enter:
        this.takeEnterAnswer(message);
        break;
      case KINDS.answer:
        this.takeAnswer(message);
        break;
      case KINDS.changeServer: {
        const other = readChangeServer(message);
        if (!other) this.stats.malformed += 1;
        else if (this.isInWorld) this.otherServer = other;
        break;
      }
      case KINDS.event: {
        const read = readEvent<EventOf<C>>(message, this.rules.contract.event as never);
        if (read) this.news.push({ is: 'Event', event: read.event });
        else this.stats.malformed += 1;
        break;
      }
      default:
        return false;
    }
    this.deliver();
    return true;
  }

  /**
   * Lets time pass, calls `input` for the input of each tick that is due, with the scene as it is shown then, and sends what is
   * due. Call it once per frame.
   *
   * @throws RangeError An input does not fit the contract.
   */
  update(now: number, port: MessagePort, input: (scene: Scene<C>) => InputOf<C>): void {
    this.roundTrip = Number.isFinite(port.roundTrip) ? port.roundTrip : 0;
    this.sendRequest(port);
    if (this.otherServer) port.changeServer?.(this.otherServer);
    this.otherServer = undefined;
    this.showFrame(now);
    for (let due = this.inputs.due(now); due > 0; due -= 1) this.makeInput(input(this.scene()));
    if (this.isInWorld) this.inputs.send(now, this.writer, () => this.send(CHANNELS.unreliable, port));
    this.deliver();
  }

  /** When to call `update` next, at the latest: never (Infinity) while nothing is due. */
  deadline(now: number): number {
    const { inputClock } = this;
    if (this.state === 'due' && this.online) return now + (this.tickets.isAwaited ? TICKET_LOOK : 0);
    if (!this.isInWorld || !inputClock) return Infinity;
    return inputClock.tick > this.prediction.newest ? now : inputClock.nextTickAt;
  }

  /** The world as it is shown now. */
  scene(): Scene<C> {
    return new Scene(this, this.shownClock?.ticks ?? 0);
  }

  /**
   * Asks the server. News of an Answer or Unanswered follow, once. Undefined, and nothing is sent, if the client is not in the
   * world, if 64 asks wait for an answer, or if the port takes no more.
   *
   * @throws RangeError The ask does not fit the contract.
   */
  ask(ask: AskOf<C>, port: MessagePort): AskId | undefined {
    if (!this.isInWorld) return undefined;
    this.writer.clear();
    const number = this.asks.begin();
    if (number === undefined) return undefined;
    try {
      writeAsk(number, ask, this.writer, this.rules.contract.ask);
    } catch (error) {
      this.asks.end(number);
      throw error;
    }
    if (this.send(CHANNELS.reliableOrdered, port)) return number;
    this.asks.end(number);
    return undefined;
  }

  /**
   * Tells the server an event. False, and nothing is sent, if the client is not in the world, or if the port takes no more.
   *
   * @throws RangeError The event does not fit the contract.
   */
  tell(event: EventOf<C>, port: MessagePort, channel: number = CHANNELS.reliableOrdered): boolean {
    if (!this.isInWorld) return false;
    this.writer.clear();
    writeEvent(event, this.writer, this.rules.contract.event);
    return this.send(channel, port);
  }

  /** The clocks, for graphs and tests; undefined before the first snapshot. */
  get clocks(): Clocks | undefined {
    const { inputClock, shownClock } = this;
    if (!inputClock || !shownClock) return undefined;
    const server = shownClock.arriving + ticksIn(this.roundTrip) / 2;
    return {
      server,
      shown: shownClock.ticks,
      ahead: inputClock.ticks - server,
      rate: inputClock.rate,
      jitter: shownClock.jitter,
    };
  }

  /** The game may use the client in its handler of news. So news are given when the client's state is complete. */
  private deliver(): void {
    for (let news = this.news.shift(); news; news = this.news.shift()) this.onNews(news);
  }

  private send(channel: number, port: MessagePort): boolean {
    return port.send(channel, this.writer.written()) === 'queued';
  }

  private sendRequest(port: MessagePort): void {
    if (this.state !== 'due' || !this.online) return;
    const ticket = this.tickets.take((why) => this.ticketFailed(why));
    if (!ticket) return;
    this.writer.clear();
    writeEnterRequest(schemaOf(this.rules.contract, this.level), ticket, this.writer);
    if (!this.send(CHANNELS.reliableOrdered, port)) return;
    this.tickets.forget();
    this.state = 'asking';
  }

  private ticketFailed(why: unknown): void {
    if (this.state !== 'due') return;
    this.state = 'outside';
    this.news.push({ is: 'NoTicket', why });
    this.deliver();
  }

  private takeEnterAnswer(message: Uint8Array): void {
    const answer = readEnterAnswer(message);
    if (!answer) {
      this.stats.malformed += 1;
      return;
    }
    if (answer.is === 'Moved') {
      if (this.isInWorld) this.takeMoved(answer.firstSnapshot, answer.map);
      return;
    }
    if (answer.is !== 'Welcome') {
      this.forgetWorld('PutOut');
      this.state = 'outside';
      this.news.push(answer);
      return;
    }
    // The server repeats a welcome: nothing begins anew.
    if (this.isInWorld) return;
    this.forgetWorld('PutOut');
    this.state = 'inside';
    this.entered += 1;
    this.map = answer.map;
    this.view.begin(answer.firstSnapshot);
    this.news.push({ is: 'Entered', map: answer.map });
  }

  /** The player is in the world of another server: each has its own entities and its own ticks. Asks go on. */
  private takeMoved(firstSnapshot: number, map: WorldMap): void {
    const pose = this.scene().ownPose;
    this.forgetView();
    this.heldPose = pose;
    this.entered += 1;
    this.map = map;
    this.view.begin(firstSnapshot);
    this.stats.moves += 1;
    this.news.push({ is: 'Moved', map });
  }

  private takeAnswer(message: Uint8Array): void {
    const read = readAnswer(message, this.rules.contract.answer);
    if (!read) {
      this.stats.malformed += 1;
      // No other answer follows, so the ask ends.
      const number = message.length < 3 ? undefined : message[1]! | (message[2]! << 8);
      if (number !== undefined && this.asks.end(number)) this.news.push({ is: 'Unanswered', ask: number, why: 'Malformed' });
      return;
    }
    if (!this.asks.end(read.number)) return;
    if (read.is === 'Answer') this.news.push({ is: 'Answer', ask: read.number, answer: read.answer as never });
    else this.news.push({ is: 'Unanswered', ask: read.number, why: read.is });
  }

  private takeSnapshot(message: Uint8Array, now: number): void {
    const { stats, view } = this;
    if (!this.isInWorld) {
      stats.snapshotsOutside += 1;
      return;
    }
    const former = view.newest;
    let tells = false;
    const taken = view.take(message, (change) => {
      tells = true;
      this.noteChange(change);
    });
    if (taken !== 'applied') {
      if (taken === 'old') stats.snapshotsLate += 1;
      else stats.snapshotsRefused += 1;
      return;
    }
    this.heldPose = undefined;
    stats.snapshots += 1;
    stats.snapshotBytes += message.length;
    const newest = view.newest!;
    const missing = former ? (newest.number - former.number - 1) & 0xffff : 0;
    stats.snapshotsMissing += missing;
    const isQuiet = former !== undefined && missing === 0 && !(this.told && tells);
    this.told = tells;
    this.followArrival(now, isQuiet);
    this.inputs.follow(now, newest, this.roundTrip);
    this.takeOwner();
    if (this.online) this.inputs.start(now, this.roundTrip);
  }

  private noteChange({ is, entity }: Change): void {
    if (is === 'Updated') this.stats.updates += 1;
    else this.news.push({ is: is === 'Entered' ? 'Spawned' : 'Despawned', entity });
  }

  /** The shown tick follows the arrivals. */
  private followArrival(now: number, isQuiet: boolean): void {
    const { tick } = this.view;
    if (this.shownClock) this.shownClock.arrived(now, tick, isQuiet);
    else this.shownClock = new ShownClock(now, tick, this.interpolation);
    this.view.keepHistory(Math.floor(this.shownClock.delay(this.interpolation)) + 2);
  }

  private takeOwner(): void {
    const { stats, view, prediction } = this;
    const { body, own } = view.owner;
    const bodyChanged = body !== this.body;
    if (bodyChanged) {
      this.body = body;
      this.news.push({ is: 'BodyChanged', body });
    }
    const isFirst = prediction.isEmpty;
    const reconciled = prediction.reconcile(view.tick, own);
    if (!isFirst && reconciled.is !== 'Forgotten') stats.predicted += 1;
    if (reconciled.is === 'Corrected') {
      stats.mispredicted += 1;
      this.showCorrection(reconciled.former, bodyChanged);
    }
    // Nothing glides from one body to the next.
    if (bodyChanged) this.smoother.clear();
  }

  private showCorrection(former: OwnOf<C>, bodyChanged: boolean): void {
    const { rules, stats } = this;
    const by = this.smoother.corrected(rules.pose(former), rules.pose(this.prediction.own!), this.smoothing);
    if (!(by > 0) || bodyChanged) return;
    stats.corrections += 1;
    stats.worstCorrection = Math.max(stats.worstCorrection, by);
    this.news.push({ is: 'Corrected', by });
  }

  private showFrame(now: number): void {
    this.smoother.fade(Math.max(0, now - (this.frameAt ?? now)), this.smoothing);
    this.frameAt = now;
    const { shownClock, stats } = this;
    if (!shownClock) return;
    stats.frames += 1;
    if (!shownClock.advance(now, this.interpolation)) return;
    stats.starved += 1;
    const past = shownClock.ticks - this.view.tick;
    if (past <= ticksIn(this.interpolation.extrapolationMax)) stats.extrapolated += 1;
  }

  private makeInput(input: InputOf<C>): void {
    const { prediction, rules } = this;
    // The game may have left the world meanwhile.
    if (prediction.isEmpty) return;
    const leap = rules.pose(prediction.own!).leap;
    this.inputs.make(input, this.shownClock?.ticks ?? 0);
    // Nothing glides over a leap.
    if (rules.pose(prediction.own!).leap !== leap) this.smoother.clear();
  }

  /** Forgets all of the world. */
  private forgetWorld(why: Unanswered): void {
    for (const ask of this.asks.endAll()) this.news.push({ is: 'Unanswered', ask, why });
    this.otherServer = undefined;
    this.forgetView();
  }

  /** Forgets what snapshots and inputs have brought. */
  private forgetView(): void {
    this.view.begin(0);
    this.prediction.clear();
    this.smoother.clear();
    this.inputs.stop();
    this.shownClock = undefined;
    this.body = null;
    this.heldPose = undefined;
    this.told = false;
  }
}
