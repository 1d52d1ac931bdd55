/** The names of entities: PROTOCOL.md#entities. */

declare const brand: unique symbol;

/**
 * Names an entity: its index and its generation, packed into one number. So two names are equal with `===`, and a name
 * can be a key of a Map.
 */
export type EntityId = number & { readonly [brand]: 'EntityId' };

/** The name of no entity. */
export const NO_ENTITY = 0 as EntityId;

/** The entity with this index, 0 to 65,535, and generation, 0 to 255. */
export function entityId(index: number, generation: number): EntityId {
  return (((generation & 0xff) << 16) | (index & 0xffff)) as EntityId;
}

/** The index: among all entities of one moment, no two have the same. */
export function indexOf(entity: EntityId): number {
  return entity & 0xffff;
}

/** The generation: it tells apart the entities that had the same index one after the other. */
export function generationOf(entity: EntityId): number {
  return entity >>> 16;
}
