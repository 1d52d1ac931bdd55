/** `window.ringshard`: what a browser's driver can look at. It cannot change anything. */

import { ENTITY_KINDS } from '../src/demo/index.js';
import { indexOf } from '../src/world/index.js';
import type { PageState, Play } from './play.js';

export interface Inspection {
  readonly state: PageState;
  readonly transport: string | null;
  readonly player: { x: number; y: number; height: number; health: number | null; entity: number | null } | null;
  /** All entities in view but the own body, as they are shown. */
  readonly entities: { index: number; kind: string; x: number; y: number; health: number }[];
  /** In milliseconds. */
  readonly roundTrip: number;
  /** Counts: see WorldStats. */
  readonly stats: Record<string, number>;
}

declare global {
  interface Window {
    ringshard?: Inspection;
  }
}

/** Puts the object on the window. */
export function inspect(play: Play): void {
  const inspection: Inspection = {
    get state() {
      return play.state;
    },
    get transport() {
      return play.carrier?.transport ?? null;
    },
    get player() {
      return playerOf(play);
    },
    get entities() {
      return entitiesOf(play);
    },
    get roundTrip() {
      return play.carrier?.roundTrip ?? 0;
    },
    get stats() {
      return { ...play.client?.stats };
    },
  };
  Object.defineProperty(window, 'ringshard', { value: Object.freeze(inspection) });
}

function playerOf({ client }: Play): Inspection['player'] {
  const scene = client?.scene();
  const own = scene?.own;
  if (!scene || !own) return null;
  const { body } = scene;
  const shown = body === null ? undefined : scene.shown(body);
  const entity = body === null ? null : indexOf(body);
  return { x: own.point[0]!, y: own.point[1]!, height: own.height, health: shown?.health ?? null, entity };
}

function entitiesOf({ client }: Play): Inspection['entities'] {
  if (!client) return [];
  return Array.from(client.scene().others(), ({ entity, pose, shown }) => ({
    index: indexOf(entity),
    kind: ENTITY_KINDS[shown.kind] ?? 'thing',
    x: pose.point[0],
    y: pose.point[1],
    health: shown.health,
  }));
}
