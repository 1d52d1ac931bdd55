/** The test vectors of PROTOCOL.md, read out of the document. */

import { readFileSync } from 'node:fs';

export type Vector = ReadonlyMap<string, string>;

const DOCUMENT = new URL('../../../PROTOCOL.md', import.meta.url);

let documentText: string | undefined;

/** The text of PROTOCOL.md. */
export function protocolDocument(): string {
  documentText ??= readFileSync(DOCUMENT, 'utf8');
  return documentText;
}

/** The vector with this name. `kind` is the first word of its block. */
export function vector(name: string, kind = 'vector'): Vector {
  const lines = protocolDocument().split('\n');
  const start = lines.indexOf('```' + kind + ' ' + name);
  if (start < 0) throw new Error(`PROTOCOL.md has no ${kind} ${name}`);
  const values = new Map<string, string>();
  for (let at = start + 1; lines[at] !== '```'; at += 1) {
    const line = lines[at];
    if (line === undefined) throw new Error(`${kind} ${name} has no end`);
    const equals = line.indexOf(' = ');
    const key = equals < 0 ? line.replace(/ =$/, '') : line.slice(0, equals);
    values.set(key, equals < 0 ? '' : line.slice(equals + 3).trim());
  }
  return values;
}

/** The names of all vectors whose name begins with `prefix`. */
export function vectorNames(prefix: string, kind = 'vector'): string[] {
  const marker = '```' + kind + ' ';
  return protocolDocument()
    .split('\n')
    .filter((line) => line.startsWith(marker + prefix))
    .map((line) => line.slice(marker.length));
}

/** The bytes of one line of a vector. */
export function field(of: Vector, key: string): Uint8Array<ArrayBuffer> {
  const text = of.get(key);
  if (text === undefined) throw new Error(`the vector has no ${key}`);
  return fromHex(text);
}

export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = parseInt(text.slice(2 * at, 2 * at + 2), 16);
  return bytes;
}

export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
