import { CephError, DecodeError } from '../errors/index.ts';
import type { Group } from './committer.ts';
import { decodeOnode, newOnode, type Onode } from './onode.ts';

/** What a cached object costs beside its record, roughly. */
const OBJECT_BYTES = 400;
/** Stands in a group's changes for what is written when the group is sealed. */
export const LATER = new Uint8Array(0);

/**
 * Objects in memory: those that a group under way changed stay until it is durable, others as long as there is room.
 * Room is kept by two generations: when the young one is full it becomes the old one, and what is still wanted of that
 * moves back.
 */
export class ObjectTable {
  private readonly changed = new Map<string, Onode>();
  private young = new Map<string, Onode>();
  private old = new Map<string, Onode>();
  private youngBytes = 0;
  private readonly generationBytes: number;
  private readonly load: (key: string) => Uint8Array | undefined;

  /** @param load reads an object's stored record */
  constructor(cacheBytes: number, load: (key: string) => Uint8Array | undefined) {
    this.generationBytes = cacheBytes / 2;
    this.load = load;
  }

  /** @throws CephError EIO when its record is damaged */
  find(key: string): Onode | undefined {
    const changed = this.changed.get(key);
    if (changed) return changed.exists ? changed : undefined;
    const young = this.young.get(key);
    if (young) return young;
    let o = this.old.get(key);
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

  /** The object, which the group is about to change; a new one that does not exist yet when there is none. */
  change(key: string, group: Group): Onode {
    const o = this.find(key) ?? this.changed.get(key) ?? newOnode(key);
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
        this.young.delete(key);
        this.old.delete(key);
      }
    }
  }

  private keep(o: Onode): void {
    if (!this.young.has(o.key)) this.youngBytes += OBJECT_BYTES + 2 * o.recordBytes;
    this.young.set(o.key, o);
    if (this.youngBytes < this.generationBytes) return;
    this.old = this.young;
    this.young = new Map();
    this.youngBytes = 0;
  }
}
