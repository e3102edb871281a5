import type { HObject } from '../../wire/index.ts';

/**
 * Objects that holders do reads of meanwhile, in the order in which they are to be brought. One that is read once more
 * is brought without its turn, one at a time: so reads of many objects do not make many imports.
 */
export class Soon {
  private readonly objects = new Map<string, HObject>();
  /** It is brought without its turn. */
  private ahead: string | undefined;

  /** A holder has read an object. @returns whether it is to be brought at once */
  read(key: string, oid: HObject): boolean {
    if (this.ahead === undefined && this.objects.has(key)) {
      this.ahead = key;
      return true;
    }
    this.objects.set(key, oid);
    return false;
  }

  /** It was brought, or cannot be. */
  ended(key: string): void {
    this.objects.delete(key);
    if (this.ahead === key) this.ahead = undefined;
  }

  /** The first that may be brought. */
  next(mayBe: (key: string) => boolean): [key: string, oid: HObject] | undefined {
    for (const object of this.objects) if (mayBe(object[0])) return object;
    return undefined;
  }

  clear(): void {
    this.objects.clear();
    this.ahead = undefined;
  }
}
