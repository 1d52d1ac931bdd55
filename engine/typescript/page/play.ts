/** Plays the demonstration over a session: inputs in, pictures out. */

import type { ConnectionEvent, MessagePort } from '../src/connection/types.js';
import { demoContract, demoRules, ENTITY_KINDS, LEVEL_GROUND, type DemoContract, type Ground } from '../src/demo/index.js';
import { indexOf, WorldClient, type AskOf, type EntityId, type EventOf, type News, type Scene } from '../src/world/index.js';
import type { TransportKind } from '../src/transports/transport.js';
import { Chat } from './chat.js';
import { Controls } from './controls.js';
import { Drawing } from './draw.js';
import { Effects } from './effects.js';
import { element } from './elements.js';
import { Graph, SAMPLE_EVERY } from './graph.js';
import { followKeys } from './keys.js';
import { Status } from './status.js';
import { followTouch } from './touch.js';
import { TRANSPORTS, answerInWords, percent, reasonInWords, unansweredInWords, wrongPart } from './words.js';

/** What carries the messages of the page. */
export interface Carrier extends MessagePort {
  /** What carries datagrams now; undefined before the first. */
  readonly transport: TransportKind | undefined;
}

/** What a carrier tells the page. */
export interface Happened {
  event(event: ConnectionEvent): void;
  /** Datagrams go another way from now on. */
  moved(kind: TransportKind): void;
  /** Something that is no failure of the session, in words. */
  tell(words: string): void;
  /** There is no session, and none will come of this carrier. */
  failed(why: string): void;
}

/** Begins to connect. */
export type Connect = (happened: Happened) => Carrier;

/** Where the page is: for the browser's driver, and for the colour of the dot. */
export type PageState = 'connecting' | 'entering' | 'playing' | 'reconnecting' | 'refused' | 'closed';

/** After so many milliseconds without a snapshot, the page says so. */
const SILENCE = 1500;
/** While the page is hidden there are no frames: so often the client acknowledges then. */
const HIDDEN_EVERY = 250;

export class Play {
  state: PageState = 'connecting';
  client: WorldClient<DemoContract> | undefined;
  carrier: Carrier | undefined;

  private readonly status = new Status(() => this.again());
  private readonly effects = new Effects();
  private readonly controls = new Controls();
  private readonly canvas = element('game', HTMLCanvasElement);
  private readonly drawing = new Drawing(this.canvas);
  private readonly chat: Chat;
  private readonly graph = new Graph(element('graph', HTMLCanvasElement), element('latency', HTMLElement));
  private readonly potions = element('potions', HTMLElement);
  /** What is known of the ground: the client has entered with the level of level ground, or with none. */
  private ground: Ground = { size: [819_200, 819_200, 25_600], isLevel: true };
  private counted = { at: 0, snapshots: 0, missing: 0 };
  /** Since when no snapshot has arrived. */
  private silentSince = 0;

  constructor(private readonly connect: Connect) {
    const [form, line] = [element('form', HTMLFormElement), element('line', HTMLInputElement)];
    this.chat = new Chat(element('log', HTMLElement), form, line, (text) => this.tell({ is: 'Say', text }));
    const asks = { drink: { is: 'Drink' }, hide: { is: 'Hide' }, restart: { is: 'Restart' } } as const;
    followKeys(this.canvas, this.controls, (command) => {
      if (command === 'talk') this.chat.talk();
      else this.ask(asks[command]);
    });
    const of = (id: string): HTMLElement => element(id, HTMLElement);
    const touched = { canvas: this.canvas, stick: of('stick'), knob: of('knob'), shoot: of('shoot'), jump: of('jump') };
    followTouch(touched, this.controls);
    for (const id of ['drink', 'hide', 'restart'] as const) {
      of(id).addEventListener('click', () => {
        // The keys are for the game again.
        of(id).blur();
        this.ask(asks[id]);
      });
    }
    setTimeout(() => (of('help').style.opacity = '0'), 20_000);
    this.begin();
    requestAnimationFrame((now) => this.frame(now));
    setInterval(() => document.hidden && this.update(performance.now()), HIDDEN_EVERY);
  }

  private begin(): void {
    this.ground = { ...this.ground, isLevel: true };
    this.client = new WorldClient(demoRules(LEVEL_GROUND, () => this.ground), {
      onNews: (news) => this.onNews(news),
      smoothing: { betweenTicks: true },
    });
    this.enterState('connecting', 'Connecting');
    const { client } = this;
    // What a former carrier still tells is not for the new client.
    const isCurrent = (): boolean => this.client === client;
    this.carrier = this.connect({
      event: (event) => isCurrent() && this.onEvent(event),
      moved: (kind) => isCurrent() && this.chat.add(`Connected over ${TRANSPORTS[kind]}.`),
      tell: (words) => isCurrent() && this.chat.add(words),
      failed: (why) => {
        if (!isCurrent()) return;
        this.state = 'closed';
        this.status.stop('No connection', why);
      },
    });
  }

  private again(): void {
    if (this.state === 'closed') return this.begin();
    this.enterState('entering', 'Entering the world');
    this.client?.enter();
  }

  private enterState(state: PageState, words: string): void {
    this.state = state;
    this.status.say(state === 'playing' ? 'good' : state === 'refused' || state === 'closed' ? 'bad' : 'waiting', words);
  }

  private onEvent(event: ConnectionEvent): void {
    const { client } = this;
    if (!client) return;
    switch (event.kind) {
      case 'message':
        client.received(event.message.bytes, performance.now());
        break;
      case 'connected':
        client.connected(event.resumed);
        // A session that moves to another server resumes there without having lost its connection.
        if (event.resumed && this.state === 'reconnecting') this.chat.add('Connected again: the session goes on.');
        if (event.resumed && client.isInWorld) this.enterState('playing', 'In the world');
        else this.enterState('entering', 'Entering the world');
        break;
      case 'reconnecting':
        client.reconnecting();
        this.enterState('reconnecting', `Connecting again: ${event.reason}`);
        this.chat.add(`The connection is lost: ${event.reason}.`);
        break;
      case 'closed':
        client.closed();
        this.state = 'closed';
        this.status.stop('Disconnected', `The connection is closed: ${event.reason}.`);
        break;
    }
  }

  private onNews(news: News<DemoContract>): void {
    const now = performance.now();
    switch (news.is) {
      case 'Entered':
      case 'Moved':
        this.ground = { ...this.ground, size: news.map.size };
        this.silentSince = performance.now();
        this.enterState('playing', 'In the world');
        break;
      case 'WrongSchema':
        // Another map than level ground: the page cannot predict it exactly, and takes what the server says.
        if (news.part === 'Level' && this.ground.isLevel) {
          this.ground = { ...this.ground, isLevel: false };
          this.client?.enter(undefined, 0);
        } else this.refuse('This page does not fit the server', wrongPart(news.part));
        break;
      case 'Refused':
        this.refuse('The server refuses you', reasonInWords(news.reason));
        break;
      case 'PutOut':
        this.refuse('You are out of the world', reasonInWords(news.reason));
        break;
      case 'Renewed':
        this.chat.add('Connected again, to a server that has started anew.');
        break;
      case 'Event':
        this.onGameEvent(news.event, now);
        break;
      case 'Answer':
        this.chat.add(answerInWords(news.answer));
        break;
      case 'Unanswered':
        if (news.why !== 'PutOut') this.chat.add(unansweredInWords(news.why));
        break;
      default:
        break;
    }
  }

  private refuse(title: string, why: string): void {
    this.state = 'refused';
    this.status.stop(title, why);
  }

  private onGameEvent(event: EventOf<DemoContract>, now: number): void {
    switch (event.is) {
      case 'Said':
        this.chat.add(event.text, event.by === this.client?.body ? 'you' : this.name(event.by));
        this.effects.say(event.by, event.text, now);
        break;
      case 'Hit':
        this.effects.rise('own', `−${percent(event.damage)}`, true, now);
        break;
      case 'Scored':
        this.effects.rise(event.on, 'hit', false, now);
        break;
      case 'Beaten':
        this.chat.add(`${this.name(event.by)} has beaten ${this.name(event.who)}.`);
        break;
      case 'Say':
        break;
    }
  }

  private name(entity: EntityId): string {
    if (entity === this.client?.body) return 'you';
    const kind = this.client?.view.entity(entity)?.state.shown.kind;
    return `${(kind === undefined ? undefined : ENTITY_KINDS[kind]) ?? 'somebody'} ${indexOf(entity)}`;
  }

  private tell(event: EventOf<DemoContract>): boolean {
    const { client, carrier } = this;
    return client !== undefined && carrier !== undefined && client.tell(event, carrier);
  }

  private ask(ask: AskOf<DemoContract>): void {
    const { client, carrier } = this;
    if (client && carrier) client.ask(ask, carrier);
  }

  private frame(now: number): void {
    requestAnimationFrame((next) => this.frame(next));
    this.update(now);
    const { client } = this;
    if (!client) return;
    const scene = client.scene();
    this.drawing.draw(scene, client.map, this.effects, this.aim(), now);
    this.sample(scene, now);
  }

  private update(now: number): void {
    const { client, carrier, controls } = this;
    if (!client || !carrier) return;
    const aim = this.aim();
    client.update(now, carrier, ({ own }) => {
      return own ? controls.input(own.point, own.yaw, aim) : demoContract.input.blank;
    });
  }

  private aim(): [number, number] | undefined {
    const { pointer } = this.controls;
    return pointer && this.drawing.camera.worldAt(pointer[0], pointer[1]);
  }

  /** Twice a second: the graph, the words and the bars. */
  private sample(scene: Scene<DemoContract>, now: number): void {
    const { client, carrier, counted } = this;
    if (!client || !carrier || now - counted.at < SAMPLE_EVERY) return;
    const { snapshots, snapshotsMissing, snapshotsLate } = client.stats;
    // One that comes late was counted as missing first.
    const missing = snapshotsMissing - snapshotsLate;
    if (client.isInWorld) this.graph.add(carrier.roundTrip, snapshots - counted.snapshots, missing - counted.missing);
    if (snapshots !== counted.snapshots) this.silentSince = now;
    this.counted = { at: now, snapshots, missing };
    if (this.state === 'playing') this.tellSilence(now - this.silentSince);
    const shown = scene.body === null ? undefined : scene.shown(scene.body);
    this.status.show(shown);
    this.potions.textContent = scene.own === undefined ? '' : `${scene.own.potions}`;
    const view = client.isInWorld ? ` · ${client.view.size} in view` : '';
    this.status.tell(`${carrier.transport ? TRANSPORTS[carrier.transport] : 'no carrier yet'}${view}`);
  }

  private tellSilence(time: number): void {
    if (time < SILENCE) this.status.say('good', 'In the world');
    else this.status.say('waiting', `Nothing has arrived for ${Math.round(time / 1000)} s`);
  }
}
