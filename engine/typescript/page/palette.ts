/** The colours of the canvas, in light and in dark. They match those of index.html. */

export interface Palette {
  readonly ground: string;
  readonly tile: string;
  readonly line: string;
  readonly edge: string;
  readonly outside: string;
  readonly ink: string;
  readonly faint: string;
  readonly panel: string;
  readonly shadow: string;
  readonly accent: string;
  readonly good: string;
  readonly warning: string;
  readonly bad: string;
  /** Bodies, by faction. */
  readonly factions: readonly string[];
  readonly outline: string;
  readonly projectile: string;
}

const DARK: Palette = {
  ground: '#12161d',
  tile: '#151a22',
  line: '#1e2530',
  edge: '#2a3342',
  outside: '#0a0c10',
  ink: '#e8edf4',
  faint: '#8793a6',
  panel: 'rgba(44, 54, 70, 0.94)',
  shadow: 'rgba(0, 0, 0, 0.45)',
  accent: '#6cb6ff',
  good: '#4cc38a',
  warning: '#f0b429',
  bad: '#ff6b6b',
  factions: ['#9aa7b8', '#5aa9ff', '#ff9d5c', '#b58cff', '#4fd1b5', '#f472b6'],
  outline: '#0b0e13',
  projectile: '#ffe08a',
};

const LIGHT: Palette = {
  ground: '#f2f4f1',
  tile: '#ecefea',
  line: '#dfe4dc',
  edge: '#c8d0c4',
  outside: '#cfd6d0',
  ink: '#1b2430',
  faint: '#5f6b7a',
  panel: 'rgba(255, 255, 255, 0.94)',
  shadow: 'rgba(30, 45, 40, 0.20)',
  accent: '#0b6bcb',
  good: '#1a8f5a',
  warning: '#b87a00',
  bad: '#d43a3a',
  factions: ['#7d8896', '#2f80ed', '#e2711d', '#7c4dde', '#149a84', '#d13b8a'],
  outline: '#ffffff',
  projectile: '#d97706',
};

const isDark = window.matchMedia('(prefers-color-scheme: dark)');

/** The colours that the player's system asks for now. */
export function palette(): Palette {
  return isDark.matches ? DARK : LIGHT;
}
