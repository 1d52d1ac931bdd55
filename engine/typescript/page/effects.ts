/** What is shown for a while: words above a body, numbers that rise, marks that fade. Times are milliseconds. */

import type { EntityId } from '../src/world/index.js';

const WORDS_SHOWN = 5000;
const NUMBER_SHOWN = 900;
/** No more is kept: a server may send as much as it likes. */
const KEPT_MAX = 64;

export interface Words {
  readonly text: string;
  readonly until: number;
}

export interface Rising {
  readonly entity: EntityId | 'own';
  readonly text: string;
  readonly isBad: boolean;
  readonly since: number;
  /** From 0 to 1. */
  readonly age: number;
}

export class Effects {
  private readonly words = new Map<EntityId, Words>();
  private rising: Omit<Rising, 'age'>[] = [];

  say(by: EntityId, text: string, now: number): void {
    if (this.words.size >= KEPT_MAX) this.words.clear();
    this.words.set(by, { text, until: now + WORDS_SHOWN });
  }

  rise(entity: EntityId | 'own', text: string, isBad: boolean, now: number): void {
    this.rising.push({ entity, text, isBad, since: now });
    if (this.rising.length > KEPT_MAX) this.rising.shift();
  }

  wordsOf(entity: EntityId, now: number): string | undefined {
    const words = this.words.get(entity);
    if (!words) return undefined;
    if (now < words.until) return words.text;
    this.words.delete(entity);
    return undefined;
  }

  risingAt(now: number): Rising[] {
    this.rising = this.rising.filter(({ since }) => now - since < NUMBER_SHOWN);
    return this.rising.map((one) => ({ ...one, age: (now - one.since) / NUMBER_SHOWN }));
  }
}
