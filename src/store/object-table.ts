import { CephError, DecodeError } from '../errors/index.ts';
import type { Group } from './committer.ts';
import { decodeOnode, newOnode, type Onode } from './onode.ts';
import { onodeBytes } from './onode-bytes.ts';

/** Stands in a group's changes for what is written when the group is sealed. */
export const LATER = new Uint8Array(0);

/**
 * Objects in memory: those that a group under way changed stay until it is durable, others as long as there is room.
 * Room is kept by two generations: when the young one is full it becomes the old one, and what is still wanted of that
 * moves back.
 */
export class ObjectTable {
  private readonly changed = new Map<string, Onode>();
  private young = new Generation();
  private old = new Generation();
  private capacityBytes: number;
  private readonly load: (key: string) => Uint8Array | undefined;

  /** @param load reads an object's stored record */
  constructor(cacheBytes: number, load: (key: string) => Uint8Array | undefined) {
    this.capacityBytes = cacheBytes;
    this.load = load;
  }

  /** Objects at rest, and the memory they take, about: at most the capacity and one object more. */
  get held(): { items: number; bytes: number } {
    const { young, old } = this;
    return { items: young.size + old.size, bytes: young.bytes + old.bytes };
  }

  /** Takes effect at once. */
  setCapacity(cacheBytes: number): void {
    this.capacityBytes = cacheBytes;
    if (this.young.bytes + this.old.bytes > cacheBytes) this.turn();
    if (this.old.bytes > cacheBytes) this.turn();
  }

  /** @throws CephError EIO when its record is damaged */
  find(key: string): Onode | undefined {
    const changed = this.changed.get(key);
    if (changed) return changed.exists ? changed : undefined;
    const young = this.young.get(key);
    if (young) return young;
    let o = this.old.take(key);
    if (!o) {
      const bytes = this.load(key);
      if (!bytes) return undefined;
      try {
        o = decodeOnode(key, bytes);
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error;
        throw new CephError('EIO', `damaged object record: ${error.message}`, { cause: error });
      }
    }
    this.keep(o);
    return o;
  }

  /** Can its record be read, if there is one? */
  isSound(key: string): boolean {
    try {
      this.find(key);
      return true;
    } catch (error) {
      if (error instanceof CephError) return false;
      throw error;
    }
  }

  /** The object, which the group is about to change; a new one that does not exist yet when there is none. */
  change(key: string, group: Group): Onode {
    return this.changing(this.find(key) ?? this.changed.get(key) ?? newOnode(key), group);
  }

  /** An object without anything in the place of one whose record cannot be read, as {@link change}. */
  replace(key: string, group: Group): Onode {
    return this.changing({ ...newOnode(key), exists: true }, group);
  }

  private changing(o: Onode, group: Group): Onode {
    const { key } = o;
    if (o.group !== group.number) {
      o.group = group.number;
      group.onodes.set(key, o);
      this.changed.set(key, o);
    }
    group.changes.set(key, LATER);
    return o;
  }

  /** The group is durable: what no later one changed is at rest. */
  settle(group: Group): void {
    for (const [key, o] of group.onodes) {
      if (o.group !== group.number) continue;
      this.changed.delete(key);
      if (o.exists) this.keep(o);
      else {
        this.young.take(key);
        this.old.take(key);
      }
    }
  }

  private keep(o: Onode): void {
    if (!this.young.update(o)) {
      this.old.take(o.key);
      this.young.add(o);
    }
    if (this.young.bytes >= this.capacityBytes / 2) this.turn();
  }

  private turn(): void {
    this.old = this.young;
    this.young = new Generation();
  }
}

/**
 * Objects and their bytes. One that a group changes stays in its place: to take out of a large table and put in again
 * with each write costs more than the write's other tables together.
 */
class Generation {
  private readonly objects = new Map<string, Onode>();
  bytes = 0;

  get size(): number {
    return this.objects.size;
  }

  get(key: string): Onode | undefined {
    return this.objects.get(key);
  }

  add(o: Onode): void {
    this.objects.set(o.key, o);
    o.heldBytes = onodeBytes(o);
    this.bytes += o.heldBytes;
  }

  /** Counts an object anew that has changed. @returns false when it is not here */
  update(o: Onode): boolean {
    if (this.objects.get(o.key) !== o) return false;
    this.bytes -= o.heldBytes;
    o.heldBytes = onodeBytes(o);
    this.bytes += o.heldBytes;
    return true;
  }

  take(key: string): Onode | undefined {
    const o = this.objects.get(key);
    if (!o) return undefined;
    this.objects.delete(key);
    this.bytes -= o.heldBytes;
    return o;
  }
}
