/** The chat: what was said, and the line in which the player talks. */

import { textBytes } from '../src/world/index.js';
import { TEXT_BYTES_MAX } from '../src/demo/index.js';

const LINES_KEPT = 60;
/** A line fades after so many milliseconds. */
const FADES_AFTER = 12_000;

export class Chat {
  /** `say` tells the others; false if that is not possible now. */
  constructor(
    private readonly log: HTMLElement,
    form: HTMLFormElement,
    private readonly line: HTMLInputElement,
    say: (text: string) => boolean,
  ) {
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = fitting(line.value.trim());
      if (text === '' || say(text)) line.value = '';
      line.blur();
    });
    line.addEventListener('keydown', (event) => {
      if (event.code === 'Escape') line.blur();
    });
    line.addEventListener('focus', () => document.body.classList.add('talks'));
    line.addEventListener('blur', () => document.body.classList.remove('talks'));
  }

  /** Puts the cursor into the line. */
  talk(): void {
    this.line.focus();
  }

  /** Adds a line: what somebody said, or what has happened. */
  add(text: string, by?: string): void {
    const line = document.createElement('p');
    if (by !== undefined) {
      const name = document.createElement('b');
      name.textContent = `${by} `;
      line.append(name);
    } else {
      line.className = 'happened';
    }
    line.append(text);
    this.log.append(line);
    while (this.log.childElementCount > LINES_KEPT) this.log.firstElementChild?.remove();
    this.log.scrollTop = this.log.scrollHeight;
    setTimeout(() => line.classList.add('old'), FADES_AFTER);
  }
}

/** As much of a text as one message holds. */
function fitting(text: string): string {
  let fits = text;
  while (textBytes(fits) > TEXT_BYTES_MAX) fits = [...fits].slice(0, -1).join('');
  return fits;
}
