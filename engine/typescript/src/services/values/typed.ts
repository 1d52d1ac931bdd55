/** Values as a type that the page knows: fields are found by name, and fields that it does not know are left out. */

import type { AnyValue } from './data.js';
import { schemaInWords, type Schema } from './schema.js';
import type { ValueType } from './types.js';

/**
 * A value as a type.
 *
 * @throws RangeError It has another type. The message names the part.
 */
export function valueAs<G>(type: ValueType<G, never>, value: AnyValue): G {
  return typed(type.schema, value.schema, value.data, '') as G;
}

function typed(to: Schema, from: Schema, data: unknown, path: string): unknown {
  if (to.is === 'list' && from.is === 'list') {
    return (data as unknown[]).map((element, at) => typed(to.of, from.of as Schema, element, `${path}[${at}]`));
  }
  if (to.is === 'optional' && from.is === 'optional') {
    return data === null ? null : typed(to.of, from.of as Schema, data, path);
  }
  if (to.is === 'record' && from.is === 'record') {
    const has = data as Record<string, unknown>;
    return Object.fromEntries(
      to.fields.map(([name, field]) => {
        const known = from.fields.find(([other]) => other === name);
        const at = path === '' ? name : `${path}.${name}`;
        if (known) return [name, typed(field, known[1], has[name], at)];
        if (field.is === 'optional') return [name, null];
        throw new RangeError(`${at}: the field is absent`);
      }),
    );
  }
  // An empty record counts as nothing, too.
  if (to.is === 'nothing' && from.is === 'record' && from.fields.length === 0) return null;
  if (to.is !== from.is) {
    throw new RangeError(`${path || 'the value'}: expected ${schemaInWords(to)}, got ${schemaInWords(from)}`);
  }
  return data;
}
