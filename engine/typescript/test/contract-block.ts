/** The types of a `contract` block of PROTOCOL.md, as the document declares them. */

import {
  actionInput,
  actionState,
  array,
  bool,
  cooldown,
  entityId,
  f32,
  i16,
  i32,
  i64,
  i8,
  option,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
  variants,
  type Type,
} from '../src/world/index.js';
import { protocolDocument } from './vectors.js';

type Types = Record<string, Type<unknown>>;

const NAMED: Types = { u8, u16, u32, u64, i8, i16, i32, i64, bool, f32, EntityId: entityId, Cooldown: cooldown };

/** The types that the block with this name declares. */
export function contractBlock(name: string): Types {
  const block = protocolDocument().split('```contract ' + name + '\n')[1]?.split('\n```')[0];
  if (block === undefined) throw new Error(`PROTOCOL.md has no contract ${name}`);
  const known: Types = { ...NAMED, ActionInput: actionInput };
  for (const [, kind, type, body] of block.matchAll(/^(struct|enum) (\w+) \{\n(.*?)\n\}/gms)) {
    known[type!] = kind === 'struct' ? struct(fields(body!, known)) : variants(variantsOf(body!, known));
  }
  return known;
}

function fields(body: string, known: Types): Types {
  const found = [...body.matchAll(/(\w+): ([^,]+(?:<[^>]*>)?)(?:,|$|\s*\})/g)];
  return Object.fromEntries(found.map(([, name, type]) => [name, typeOf(type!.trim(), known)]));
}

function variantsOf(body: string, known: Types): Record<string, Types> {
  const lines = body.split('\n').map((line) => line.trim().replace(/,$/, ''));
  return Object.fromEntries(
    lines.map((line) => {
      const [, name, inside] = /^(\w+)(?: \{ (.*) \})?$/.exec(line) ?? [];
      if (name === undefined) throw new Error(`no variant: ${line}`);
      return [name, inside === undefined ? {} : fields(inside, known)];
    }),
  );
}

function typeOf(type: string, known: Types): Type<unknown> {
  const named = known[type];
  if (named) return named;
  const [, inner, count] = /^\[(.*); (\d+)\]$/.exec(type) ?? [];
  if (inner !== undefined) return array(typeOf(inner, known), Number(count));
  const [, generic, argument] = /^(\w+)<(.*)>$/.exec(type) ?? [];
  if (generic === 'Text') return text(Number(argument));
  if (generic === 'Option' && argument !== undefined) return option(typeOf(argument, known));
  const [actions, resources] = (argument ?? '').split(', ').map(Number);
  if (generic === 'ActionState') return actionState(actions!, resources!);
  throw new Error(`an unknown type: ${type}`);
}
