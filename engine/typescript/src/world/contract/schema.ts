/** Numbers of types, which both ends compare: PROTOCOL.md#schema-numbers. */

/** What the number of every type begins with. */
export const BASIS = 2166136261;

/** H of the document: 32-bit FNV-1a that begins with `number`. `text` is ASCII. */
export function mix(number: number, text: string): number {
  let mixed = number;
  for (let at = 0; at < text.length; at += 1) mixed = Math.imul(mixed ^ text.charCodeAt(at), 16777619);
  return mixed >>> 0 || 1;
}

/** H(`number` xor `other`, `text`). */
export function mixWith(number: number, other: number, text: string): number {
  return mix((number ^ other) >>> 0, text);
}
