/** From the units of the world to the pixels of the canvas. North is up. */

/** Pixels per unit, at least and at most. */
const SCALE_MIN = 0.25;
const SCALE_MAX = 0.42;
/** Units across the shorter side of the window, between these two. */
const UNITS_ACROSS = 2600;
/** How much closer or farther the wheel brings it. */
const ZOOM_MIN = 0.4;
const ZOOM_MAX = 2;
/** How far up a unit of height moves a body on the screen, in units on the ground. */
const LIFT = 0.6;

export class Camera {
  /** In CSS pixels. */
  width = 1;
  height = 1;
  scale = SCALE_MIN;
  /** The point of the world in the middle of the screen. */
  x = 0;
  y = 0;

  private zoom = 1;

  resize(width: number, height: number): void {
    [this.width, this.height] = [width, height];
    this.scale = this.zoom * Math.min(Math.max(Math.min(width, height) / UNITS_ACROSS, SCALE_MIN), SCALE_MAX);
  }

  /** The wheel turned by so many pixels: down shows more. */
  zoomBy(wheel: number): void {
    this.zoom = Math.min(Math.max(this.zoom * Math.exp(-wheel / 800), ZOOM_MIN), ZOOM_MAX);
    this.resize(this.width, this.height);
  }

  screenX(x: number): number {
    return this.width / 2 + (x - this.x) * this.scale;
  }

  screenY(y: number, height = 0): number {
    return this.height / 2 - (y - this.y + height * LIFT) * this.scale;
  }

  /** The point of the ground under a pixel. */
  worldAt(x: number, y: number): [number, number] {
    return [this.x + (x - this.width / 2) / this.scale, this.y - (y - this.height / 2) / this.scale];
  }
}
