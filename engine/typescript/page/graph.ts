/** A small graph of the last half minute: round trip as a line, lost snapshots as bars. */

import { palette } from './palette.js';

/** Samples that are kept, and the time of each in milliseconds. */
const SAMPLES = 60;
export const SAMPLE_EVERY = 500;

interface Sample {
  /** In milliseconds. */
  readonly roundTrip: number;
  /** The share of snapshots that did not arrive, 0 to 1. */
  readonly loss: number;
}

export class Graph {
  private readonly samples: Sample[] = [];
  private readonly context: CanvasRenderingContext2D | null;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly caption: HTMLElement,
  ) {
    this.context = canvas.getContext('2d');
  }

  add(roundTrip: number, received: number, missing: number): void {
    const lost = Math.max(0, missing);
    const loss = received + lost > 0 ? lost / (received + lost) : 0;
    this.samples.push({ roundTrip, loss });
    if (this.samples.length > SAMPLES) this.samples.shift();
    this.draw();
    const recent = this.samples.slice(-10);
    const share = recent.reduce((sum, sample) => sum + sample.loss, 0) / recent.length;
    const rounded = roundTrip < 10 ? roundTrip.toFixed(1) : Math.round(roundTrip);
    this.caption.textContent = `${rounded} ms · ${(100 * share).toFixed(1)} % lost`;
  }

  private draw(): void {
    const { canvas, context } = this;
    if (!context) return;
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    if (width === 0) return;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const colours = palette();
    const most = Math.max(50, ...this.samples.map(({ roundTrip }) => roundTrip)) * 1.15;
    const x = (at: number): number => width - (this.samples.length - 1 - at) * (width / (SAMPLES - 1));
    const y = (roundTrip: number): number => height - 2 - (roundTrip / most) * (height - 4);
    context.fillStyle = colours.bad;
    this.samples.forEach(({ loss }, at) => {
      const bar = Math.min(1, Math.sqrt(loss)) * height;
      context.fillRect(x(at) - 1.5, height - bar, 3, bar);
    });
    context.beginPath();
    this.samples.forEach(({ roundTrip }, at) => context.lineTo(x(at), y(roundTrip)));
    context.strokeStyle = colours.accent;
    context.lineWidth = 1.5;
    context.lineJoin = 'round';
    context.stroke();
    context.lineTo(width, height);
    context.lineTo(x(0), height);
    context.closePath();
    context.globalAlpha = 0.14;
    context.fillStyle = colours.accent;
    context.fill();
    context.globalAlpha = 1;
  }
}
