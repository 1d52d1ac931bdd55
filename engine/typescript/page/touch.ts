/** Fingers: a stick under the left thumb, buttons under the right one. */

import type { Controls } from './controls.js';

/** How far the stick goes, in pixels; and the share of it beyond which the player runs. */
const REACH = 52;
const RUNS_BEYOND = 0.75;
/** The share of the window's width in which a finger takes the stick. */
const STICK_SIDE = 0.6;

export interface TouchElements {
  readonly canvas: HTMLCanvasElement;
  readonly stick: HTMLElement;
  readonly knob: HTMLElement;
  readonly shoot: HTMLElement;
  readonly jump: HTMLElement;
}

/** Follows fingers into `controls`. The first one shows stick and buttons. */
export function followTouch({ canvas, stick, knob, shoot, jump }: TouchElements, controls: Controls): void {
  let finger: number | undefined;
  let [fromX, fromY] = [0, 0];
  const show = (): void => document.body.classList.add('touch');
  if (window.matchMedia('(pointer: coarse)').matches) show();
  const steer = (x: number, y: number): void => {
    const length = Math.hypot(x, y);
    const share = Math.min(length / REACH, 1);
    const [unitX, unitY] = length > 0 ? [x / length, y / length] : [0, 0];
    controls.touch.move = share > 0.15 ? [unitX * share, -unitY * share] : [0, 0];
    controls.touch.run = share > RUNS_BEYOND;
    knob.style.transform = `translate(${unitX * share * REACH}px, ${unitY * share * REACH}px)`;
  };
  canvas.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'touch') return;
    show();
    controls.pointer = undefined;
    if (finger !== undefined || event.clientX > window.innerWidth * STICK_SIDE) return;
    finger = event.pointerId;
    [fromX, fromY] = [event.clientX, event.clientY];
    canvas.setPointerCapture(finger);
    stick.style.left = `${fromX}px`;
    stick.style.top = `${fromY}px`;
    stick.classList.add('held');
  });
  canvas.addEventListener('pointermove', (event) => {
    if (event.pointerId === finger) steer(event.clientX - fromX, event.clientY - fromY);
  });
  const release = (event: PointerEvent): void => {
    if (event.pointerId !== finger) return;
    finger = undefined;
    steer(0, 0);
    stick.classList.remove('held');
    stick.style.left = stick.style.top = '';
  };
  canvas.addEventListener('pointerup', release);
  canvas.addEventListener('pointercancel', release);
  hold(shoot, (is) => (controls.touch.shoot = is));
  hold(jump, (is) => (controls.touch.jump = is));
}

/** Tells while a button is held. */
function hold(button: HTMLElement, tell: (is: boolean) => void): void {
  const set = (is: boolean) => (event: Event) => {
    event.preventDefault();
    button.classList.toggle('held', is);
    tell(is);
  };
  button.addEventListener('pointerdown', set(true));
  for (const end of ['pointerup', 'pointercancel', 'pointerleave']) button.addEventListener(end, set(false));
  button.addEventListener('contextmenu', (event) => event.preventDefault());
}
