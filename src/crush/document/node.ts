import { CephError } from '../../errors/index.ts';

/** Bounds of an integer. */
export type Range = readonly [min: number, max: number];
export const U8: Range = [0, 0xff];
export const U16: Range = [0, 0xffff];
export const U32: Range = [0, 0xffffffff];
export const S32: Range = [-0x80000000, 0x7fffffff];

/**
 * A value of a document and where it stands, so that every complaint names its place: `buckets[3].items[1].weight: ...`.
 * Numbers may be given as text, as XML has them.
 */
export class DocumentNode {
  readonly value: unknown;
  readonly path: string;
  constructor(value: unknown, path: string) {
    this.value = value;
    this.path = path;
  }

  fail(reason: string): never {
    throw new CephError('EINVAL', `${this.path || 'document'}: ${reason}`);
  }

  /** A field that has to be there. */
  get(key: string): DocumentNode {
    const field = this.optional(key);
    if (field) return field;
    return new DocumentNode(undefined, this.#pathOf(key)).fail('is missing');
  }

  optional(key: string): DocumentNode | undefined {
    const value = this.fields()[key];
    return value === undefined ? undefined : new DocumentNode(value, this.#pathOf(key));
  }

  fields(): Record<string, unknown> {
    const { value } = this;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      return this.fail('is not an object');
    }
    return value as Record<string, unknown>;
  }

  list(): DocumentNode[] {
    if (!Array.isArray(this.value)) return this.fail('is not a list');
    return this.value.map((item, i) => new DocumentNode(item, `${this.path}[${i}]`));
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.fail('is not a text');
  }

  flag(): boolean {
    const { value } = this;
    if (value === true || value === 'true') return true;
    return value === false || value === 'false' ? false : this.fail('is neither true nor false');
  }

  number(): number {
    const { value } = this;
    const isNumeral = typeof value === 'string' && /^[+-]?[0-9.]+(e[+-]?[0-9]+)?$/i.test(value);
    const number = isNumeral ? Number(value) : value;
    if (typeof number !== 'number' || !Number.isFinite(number)) return this.fail('is not a number');
    return number;
  }

  integer([min, max]: Range): number {
    const number = this.number();
    if (!Number.isInteger(number)) this.fail(`${number} is not an integer`);
    if (number < min || number > max) this.fail(`${number} is not between ${min} and ${max}`);
    return number;
  }

  /** A list by a key of each item, which no two may share. */
  table<T>(key: string, range: Range, read: (node: DocumentNode, id: number) => T): Map<number, T> {
    const out = new Map<number, T>();
    for (const node of this.list()) {
      const id = node.get(key).integer(range);
      if (out.has(id)) node.get(key).fail(`${id} is given twice`);
      out.set(id, read(node, id));
    }
    return out;
  }

  #pathOf(key: string): string {
    return this.path ? `${this.path}.${key}` : key;
  }
}
