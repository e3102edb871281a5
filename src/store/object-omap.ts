import { garbageKey, omapKey } from './keys.ts';
import { type OmapListOptions, omapBounds, prefixEnd } from './omap-bounds.ts';
import type { Onode } from './onode.ts';
import type { Changes, Overlay } from './overlay.ts';
import type { Figures } from './store-space.ts';

/** How many entries of a removed omap one group deletes. */
const SWEEP_MAX = 512;

/**
 * The key/value maps of objects. An object's entries stand under a number of their own, so an omap is removed by
 * forgetting the number; its entries are deleted some at a time.
 */
export class ObjectOmaps {
  /** Numbers of omaps that are gone and whose entries are still stored. */
  readonly garbage = new Set<number>();
  private readonly overlay: Overlay;
  private readonly figures: Figures;
  private readonly changes: () => Changes;

  /** @param changes those of the group that gathers */
  constructor(overlay: Overlay, figures: Figures, changes: () => Changes) {
    this.overlay = overlay;
    this.figures = figures;
    this.changes = changes;
  }

  get(n: Onode, name: string): Uint8Array | undefined {
    return n.omapId === 0 ? undefined : this.overlay.get(omapKey(n.omapId, name));
  }

  list(n: Onode, options: OmapListOptions): { entries: [string, Uint8Array][]; more: boolean } {
    const entries: [string, Uint8Array][] = [];
    if (n.omapId === 0) return { entries, more: false };
    const prefix = omapKey(n.omapId, '');
    const { from, to } = omapBounds(options);
    const end = to === undefined ? prefixEnd(prefix)! : prefix + to;
    for (const { key, value } of this.overlay.range(prefix + from, end)) {
      if (entries.length >= options.limit) return { entries, more: true };
      entries.push([key.slice(prefix.length), value]);
    }
    return { entries, more: false };
  }

  set(n: Onode, entries: Iterable<readonly [string, Uint8Array]>): void {
    if (n.omapId === 0) n.omapId = this.figures.nextId++;
    const changes = this.changes();
    for (const [name, value] of entries) {
      const key = omapKey(n.omapId, name);
      const old = this.overlay.sizeOf(key);
      if (old === undefined) this.grow(n, name.length + value.length, 1);
      else this.grow(n, value.length - old, 0);
      changes.set(key, Buffer.from(value));
    }
  }

  setHeader(n: Onode, header: Uint8Array): void {
    this.grow(n, header.length - (n.omapHeader?.length ?? 0), 0);
    n.omapHeader = Buffer.from(header);
  }

  removeKeys(n: Onode, names: Iterable<string>): void {
    if (n.omapId === 0) return;
    for (const name of names) {
      const key = omapKey(n.omapId, name);
      const old = this.overlay.sizeOf(key);
      if (old === undefined) continue;
      this.grow(n, -name.length - old, -1);
      this.changes().set(key, null);
    }
  }

  /** Removes from <= key < to. */
  removeRange(n: Onode, from: string, to: string): void {
    if (n.omapId === 0) return;
    const prefix = omapKey(n.omapId, '');
    const names: string[] = [];
    for (const key of this.overlay.keys(prefix + from, prefix + to)) {
      names.push(key.slice(prefix.length));
    }
    this.removeKeys(n, names);
  }

  /** Entries and header. */
  clear(n: Onode): void {
    this.grow(n, -n.omapBytes, -n.omapEntries);
    n.omapHeader = undefined;
    if (n.omapId === 0) return;
    this.garbage.add(n.omapId);
    this.changes().set(garbageKey(n.omapId), new Uint8Array(0));
    this.sweep(n.omapId);
    n.omapId = 0;
  }

  copy(from: Onode, to: Onode): void {
    if (from.omapHeader) this.setHeader(to, from.omapHeader);
    if (from.omapId === 0) return;
    const prefix = omapKey(from.omapId, '');
    const entries: [string, Uint8Array][] = [];
    for (const { key, value } of this.overlay.range(prefix, prefixEnd(prefix)!)) {
      entries.push([key.slice(prefix.length), value]);
    }
    this.set(to, entries);
  }

  /** Deletes entries of one removed omap, so few that no group grows without bound. */
  sweepSome(): void {
    for (const id of this.garbage) {
      this.sweep(id);
      return;
    }
  }

  private sweep(id: number): void {
    const changes = this.changes();
    const prefix = omapKey(id, '');
    const keys: string[] = [];
    for (const key of this.overlay.keys(prefix, prefixEnd(prefix)!)) {
      if (keys.push(key) === SWEEP_MAX) break;
    }
    for (const key of keys) changes.set(key, null);
    if (keys.length === SWEEP_MAX) return;
    this.garbage.delete(id);
    changes.set(garbageKey(id), null);
  }

  private grow(n: Onode, bytes: number, entries: number): void {
    n.omapBytes += bytes;
    this.figures.omapBytes += bytes;
    n.omapEntries += entries;
    this.figures.omapEntries += entries;
  }
}
