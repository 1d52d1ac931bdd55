/** Enums: PROTOCOL.md#contract. */

import type { Reader } from '../../bytes/reader.js';
import type { Writer } from '../../bytes/writer.js';
import { BASIS, mix } from './schema.js';
import { schemaOfFields, type FieldTypes, type FieldValues } from './struct.js';
import { checkName, type Type } from './type.js';

const VARIANTS_MAX = 256;

/** The variants of an enum, in their order, and the fields of each. */
export type VariantTypes = { readonly [name: string]: FieldTypes };
/** A value of an enum: `is` names the variant; beside it are its fields. */
export type VariantValues<V extends VariantTypes> = {
  [N in keyof V]: { readonly is: N } & FieldValues<V[N]>;
}[keyof V];

interface Variant {
  readonly name: string;
  readonly fields: [string, Type<unknown>][];
}

type Tagged = { readonly is: string } & Record<string, unknown>;

/**
 * An enum with these variants, in this order. A value is an object such as `{ is: 'Said', text: 'hello' }`.
 *
 * @throws RangeError It has no variant or more than 256, a name is none, or a field has the name `is`.
 */
export function variants<V extends VariantTypes>(types: V): Type<VariantValues<V>> {
  const list = Object.entries(types).map(([name, fields]) => ({ name, fields: Object.entries(fields) }));
  return new Variants(list) as unknown as Type<VariantValues<V>>;
}

class Variants implements Type<Tagged> {
  readonly schema: number;
  readonly bytesMax: number;
  readonly blank: Tagged;

  constructor(private readonly list: Variant[]) {
    const [first] = list;
    if (!first || list.length > VARIANTS_MAX) throw new RangeError(`an enum of ${list.length} variants: 1 to 256`);
    let schema = mix(BASIS, 'enum');
    for (const { name, fields } of list) {
      checkName(name);
      if (fields.some(([field]) => field === 'is')) throw new RangeError('a field of a variant cannot have the name "is"');
      schema = schemaOfFields(mix(schema, `|${name}`), fields);
    }
    this.schema = schema;
    const bytes = list.map(({ fields }) => fields.reduce((sum, [, type]) => sum + type.bytesMax, 1));
    this.bytesMax = Math.max(...bytes);
    this.blank = { is: first.name, ...Object.fromEntries(first.fields.map(([name, type]) => [name, type.blank])) };
  }

  read(reader: Reader): Tagged {
    const variant = this.list[reader.u8()];
    if (!variant) {
      reader.fail();
      return this.blank;
    }
    const value: { is: string } & Record<string, unknown> = { is: variant.name };
    for (const [name, type] of variant.fields) value[name] = type.read(reader);
    return value;
  }

  write(value: Tagged, writer: Writer): void {
    const number = this.list.findIndex(({ name }) => name === value.is);
    const variant = this.list[number];
    if (!variant) throw new RangeError(`there is no variant ${value.is}`);
    writer.u8(number);
    for (const [name, type] of variant.fields) type.write(value[name], writer);
  }

  equals(a: Tagged, b: Tagged): boolean {
    if (a.is !== b.is) return false;
    const variant = this.list.find(({ name }) => name === a.is);
    return variant !== undefined && variant.fields.every(([name, type]) => type.equals(a[name], b[name]));
  }
}
