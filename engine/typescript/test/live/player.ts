/** A player in the demonstration. */

import { KEYS, LEVEL_GROUND, demoContract, demoRules, type DemoContract, type DemoInput } from '../../src/demo/index.js';
import { connectUdp } from '../../src/node.js';
import type { Session } from '../../src/session/session.js';
import { type AskOf, type News, WorldClient, type WorldStats } from '../../src/world/index.js';
import { Events } from './events.js';
import { until } from './waiting.js';

const FRAME = 1000 / 60;
/** Ticks after which a player turns. */
const STRETCH = 45;
const STRETCHES_APART = 7;

export interface WalkBounds {
  movedLeast: number;
  mispredictedMost: number;
}

export class Player {
  readonly events = new Events();
  walks = false;
  private readonly client: WorldClient<DemoContract>;
  private readonly session: Session;
  private readonly answers: { ask: number; answer: string }[] = [];
  private readonly heard: { by: unknown; text: string }[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(
    port: number,
    serverKey: Uint8Array,
    hasRightLevel: boolean,
    private readonly number: number,
  ) {
    const rules = demoRules(hasRightLevel ? LEVEL_GROUND : LEVEL_GROUND ^ 1);
    const client = new WorldClient(rules, { onNews: (news) => this.take(news) });
    this.client = client;
    this.session = connectUdp('127.0.0.1', port, {
      serverKey,
      connected: (_id, resumed) => client.connected(resumed),
      message: ({ bytes }) => void client.received(bytes, performance.now()),
      reconnecting: () => client.reconnecting(),
      closed: (reason) => {
        client.closed();
        this.events.push('closed', reason);
      },
    });
    this.timer = setInterval(() => this.frame(), FRAME);
  }

  /** Waits until the player has made so many inputs, and checks what came of them. */
  async madeInputs(ticks: number, { movedLeast, mispredictedMost }: WalkBounds): Promise<void> {
    const { client } = this;
    await until('an own state', () => this.point !== undefined);
    const [start, before]: [readonly number[], WorldStats] = [this.point!, { ...client.stats }];
    const made = (of: keyof WorldStats): number => client.stats[of] - before[of];
    await until(`${ticks} inputs`, () => made('inputsMade') >= ticks && 2 * made('predicted') >= ticks);
    const moved = distance(start, this.point!);
    const [predicted, mispredicted, missed] = [made('predicted'), made('mispredicted'), made('inputsMissed')];
    const what = `moved ${moved.toFixed(0)}, predicted ${predicted}, mispredicted ${mispredicted}, missed ${missed}`;
    const isGood = moved >= movedLeast && mispredicted <= mispredictedMost + 3 * missed;
    if (!isGood) throw new Error(`a walk of ${ticks} ticks: ${what}`);
    const bad = client.stats.snapshotsRefused + client.stats.malformed;
    if (bad > 0) throw new Error(`${bad} messages of the server are malformed`);
  }

  async sees(other: Player, within: number, others: number): Promise<void> {
    const { client } = this;
    await until(`the other player within ${within} units, and ${others} others`, () => {
      const [seen, is] = [other.client.body && client.scene().pose(other.client.body), other.point];
      const isNear = seen && is && distance(seen.point, is) <= within;
      return Boolean(isNear) && [...client.scene().others()].length >= others;
    });
  }

  async ask(ask: string, answer: string): Promise<void> {
    const number = this.client.ask({ is: ask } as AskOf<DemoContract>, this.session);
    if (number === undefined) throw new Error(`the player cannot ask ${ask}`);
    const find = (): string | undefined => this.answers.find((given) => given.ask === number)?.answer;
    await until(`an answer to ${ask}`, () => find() !== undefined);
    if (find() !== answer) throw new Error(`the answer to ${ask} is ${find()}`);
  }

  async say(text: string): Promise<void> {
    const isSent = this.client.tell({ is: 'Say', text }, this.session);
    if (!isSent) throw new Error('the player cannot say anything');
    await until('what it says', () => this.heard.some((said) => said.by === this.client.body && said.text === text));
  }

  close(): void {
    clearInterval(this.timer);
    this.session.close();
  }

  /** Where the player is, as it predicts it. */
  private get point(): readonly number[] | undefined {
    return this.client.scene().ownPose?.point;
  }

  private frame(): void {
    this.client.update(performance.now(), this.session, ({ tick }) => this.input(tick));
  }

  private input(tick: number): DemoInput {
    if (!this.walks) return demoContract.input.blank;
    const stretch = Math.floor(tick / STRETCH) + STRETCHES_APART * this.number;
    const yaw = Math.imul(stretch, 0x9e3779b9) >>> 16;
    const keys = KEYS.run | (stretch % 4 === 0 ? KEYS.jump : 0);
    return { forward: 127, left: (stretch % 3) * 40, yaw, keys, actions: 0 };
  }

  private take(news: News<DemoContract>): void {
    const { events } = this;
    if (news.is === 'Entered') events.push('entered');
    else if (news.is === 'Renewed') events.push('renewed');
    else if (news.is === 'WrongSchema') events.push('refused', news.part.toLowerCase());
    else if (news.is === 'Refused' || news.is === 'PutOut') events.push(news.is, `${news.reason}`);
    else if (news.is === 'Answer') this.answers.push({ ask: news.ask, answer: news.answer.is });
    else if (news.is === 'Unanswered') this.answers.push({ ask: news.ask, answer: news.why });
    else if (news.is === 'Event' && news.event.is === 'Said') this.heard.push(news.event);
  }
}

function distance(one: readonly number[], other: readonly number[]): number {
  return Math.hypot(one[0]! - other[0]!, one[1]! - other[1]!);
}
