/** Keyboard and mouse. */

import type { Controls } from './controls.js';

const MOVES: Readonly<Record<string, readonly [number, number]>> = {
  KeyW: [0, 1],
  ArrowUp: [0, 1],
  KeyS: [0, -1],
  ArrowDown: [0, -1],
  KeyA: [-1, 0],
  ArrowLeft: [-1, 0],
  KeyD: [1, 0],
  ArrowRight: [1, 0],
};

/** What a key does once, when it is pressed. */
export type KeyCommand = 'talk' | 'drink' | 'hide' | 'restart';

const COMMANDS: Readonly<Record<string, KeyCommand>> = {
  Enter: 'talk',
  KeyT: 'talk',
  KeyQ: 'drink',
  KeyH: 'hide',
  KeyR: 'restart',
};

/** Follows keyboard and mouse into `controls`. */
export function followKeys(canvas: HTMLCanvasElement, controls: Controls, command: (of: KeyCommand) => void): void {
  const held = new Set<string>();
  const apply = (): void => {
    let [x, y] = [0, 0];
    for (const code of held) {
      const move = MOVES[code];
      if (move) [x, y] = [x + move[0], y + move[1]];
    }
    const length = Math.hypot(x, y);
    controls.keys.move = length > 0 ? [x / length, y / length] : [0, 0];
    controls.keys.run = held.has('ShiftLeft') || held.has('ShiftRight');
    controls.keys.jump = held.has('Space');
    controls.keys.shoot = held.has('KeyE') || held.has('mouse');
  };
  const release = (): void => {
    held.clear();
    apply();
  };
  window.addEventListener('keydown', (event) => {
    if (isTaken(event) || event.ctrlKey || event.metaKey || event.altKey) return;
    const of = COMMANDS[event.code];
    if (of && !event.repeat) command(of);
    const isOurs = of !== undefined || event.code in MOVES || event.code === 'Space';
    if (isOurs) event.preventDefault();
    held.add(event.code);
    apply();
  });
  window.addEventListener('keyup', (event) => {
    held.delete(event.code);
    apply();
  });
  window.addEventListener('blur', release);
  document.addEventListener('visibilitychange', release);
  window.addEventListener('pointermove', (event) => {
    if (event.pointerType === 'mouse') controls.pointer = [event.clientX, event.clientY];
  });
  canvas.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'mouse' || event.button !== 0) return;
    controls.pointer = [event.clientX, event.clientY];
    held.add('mouse');
    apply();
  });
  window.addEventListener('pointerup', (event) => {
    if (event.pointerType !== 'mouse') return;
    held.delete('mouse');
    apply();
  });
  canvas.addEventListener('contextmenu', (event) => event.preventDefault());
}

/** Whether the key is for something else: for the line in which the player types, or for the button that has the focus. */
function isTaken({ target, code }: KeyboardEvent): boolean {
  const presses = code === 'Enter' || code === 'Space';
  return target instanceof HTMLInputElement || (presses && target instanceof HTMLButtonElement);
}
