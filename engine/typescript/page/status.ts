/** How it goes, in words: the panel at the top, the bars, and the notice in the middle. */

import { element } from './elements.js';

/** How it goes, for the colour of the dot. */
export type Mood = 'good' | 'waiting' | 'bad';

export class Status {
  private readonly dot = element('dot', HTMLElement);
  private readonly words = element('words', HTMLElement);
  private readonly details = element('details', HTMLElement);
  private readonly vitals = element('vitals', HTMLElement);
  private readonly notice = element('notice', HTMLElement);
  private readonly title = element('title', HTMLElement);
  private readonly why = element('why', HTMLElement);

  /** `again` is called when the player wants to try again. */
  constructor(again: () => void) {
    element('again', HTMLButtonElement).addEventListener('click', () => {
      this.notice.hidden = true;
      again();
    });
  }

  say(mood: Mood, words: string): void {
    this.dot.className = mood === 'waiting' ? '' : mood;
    this.words.textContent = words;
  }

  tell(details: string): void {
    if (this.details.textContent !== details) this.details.textContent = details;
  }

  /** Health and mana, of 255; undefined without a body. */
  show(vitals: { readonly health: number; readonly mana: number } | undefined): void {
    this.vitals.hidden = !vitals;
    if (!vitals) return;
    for (const [id, value] of Object.entries({ health: vitals.health, mana: vitals.mana })) {
      const bar = element(id, HTMLElement).firstElementChild;
      if (bar instanceof HTMLElement) bar.style.transform = `scaleX(${value / 255})`;
    }
  }

  /** Nothing goes on by itself. */
  stop(title: string, why: string): void {
    this.say('bad', title);
    this.title.textContent = title;
    this.why.textContent = why;
    this.notice.hidden = false;
  }
}
