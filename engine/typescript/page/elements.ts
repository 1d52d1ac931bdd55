/** The elements of index.html. */

/** The element with this id, which index.html has. */
export function element<T extends HTMLElement>(id: string, type: new () => T): T {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`index.html has no ${id}`);
  return found;
}
