/** The demonstration, for the page and for tests. A game of your own declares its own contract and step. */

export * from './contract.js';
export { demoRules, LEVEL_GROUND, type Ground } from './rules.js';
export { SHOT_COOLDOWN, type MapSize } from './step.js';
