/** The fields of a step. Each must be read, and no other may be there. */

export class Fields {
  private readonly read = new Set<string>(['do']);

  constructor(private readonly fields: Readonly<Record<string, unknown>>) {}

  number(name: string, fallback?: number): number {
    return this.take(name, fallback, (value): value is number => typeof value === 'number' && value >= 0);
  }

  flag(name: string, fallback?: boolean): boolean {
    return this.take(name, fallback, (value): value is boolean => typeof value === 'boolean');
  }

  text(name: string, fallback?: string): string {
    return this.take(name, fallback, (value): value is string => typeof value === 'string');
  }

  /** One of these words. */
  word<W extends string>(name: string, words: readonly W[], fallback?: W): W {
    return this.take(name, fallback, (value): value is W => (words as readonly unknown[]).includes(value));
  }

  has(name: string): boolean {
    return name in this.fields;
  }

  numbers(name: string): readonly number[] {
    const isList = (value: unknown): value is number[] =>
      Array.isArray(value) && value.length > 0 && value.every((item) => Number.isInteger(item) && item >= 0);
    return this.take(name, undefined, isList);
  }

  /** Throws if a field was not read. */
  end(): void {
    const unknown = Object.keys(this.fields).filter((name) => !this.read.has(name));
    if (unknown.length > 0) throw new Error(`no such field: ${unknown.join(', ')}`);
  }

  private take<T>(name: string, fallback: T | undefined, isGood: (value: unknown) => value is T): T {
    this.read.add(name);
    const value = this.fields[name] ?? fallback;
    if (!isGood(value)) throw new Error(`the field ${name} is ${JSON.stringify(value)}`);
    return value;
  }
}
