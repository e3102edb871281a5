import { garbageId, garbageKey, parseOmapKey, parsePatchKey } from '../keys.ts';
import { compareOmap } from './objects.ts';
import type { Survey } from './survey.ts';

type Crc32c = (seed: number, bytes: Uint8Array) => number;

/** Holds stored patches against what the objects' records say of them. After {@link walkObjects}. */
export function checkPatches(s: Survey, crc32c: Crc32c): void {
  for (const { key, value } of s.kv.range('D', 'E')) {
    const { id, object } = parsePatchKey(key);
    s.sawId(id);
    const patch = s.patches.get(id);
    if (patch?.object !== object) {
      s.report(s.orphanMends, `small write ${id} of ${value.length} bytes belongs to no object`);
      if (!s.hasUnreadable) s.changes.set(key, null);
      continue;
    }
    s.patches.delete(id);
    if (value.length !== patch.length || crc32c(0xffff_ffff, value) !== patch.crc) {
      lostPatch(s, patch, 'is not what was written');
    }
  }
  for (const patch of s.patches.values()) lostPatch(s, patch, 'is lost');
}

function lostPatch(
  s: Survey,
  patch: { object: string; offset: number; length: number },
  what: string,
): void {
  const { offset, length } = patch;
  s.report('never', `${s.textOf(patch.object)} bytes ${offset}~${length}: a small write ${what}`);
}

/** Holds stored omap entries against the objects' records. After {@link walkObjects}. */
export function checkOmaps(s: Survey): void {
  const removed = new Set<number>();
  for (const { key } of s.kv.range('G', 'H')) {
    const id = garbageId(key);
    s.sawId(id);
    removed.add(id);
    const live = s.omaps.get(id);
    if (!live) continue;
    s.report('repair', `${s.textOf(live.object)}: its omap ${id} is marked as removed`);
    s.changes.set(key, null);
  }
  const orphans = new Map<number, number>();
  for (const { key, value } of s.kv.range('M', 'N')) {
    const { id, name } = parseOmapKey(key);
    s.sawId(id);
    const omap = s.omaps.get(id);
    if (omap) {
      omap.seen.bytes += name.length + value.length;
      omap.seen.entries++;
    } else if (!removed.has(id)) orphans.set(id, (orphans.get(id) ?? 0) + 1);
  }
  for (const [id, count] of orphans) {
    s.report(s.orphanMends, `omap ${id} of ${count} entries belongs to no object`);
    if (!s.hasUnreadable) s.changes.set(garbageKey(id), new Uint8Array(0));
  }
  for (const { object, recorded, seen } of s.omaps.values()) {
    compareOmap(s, s.textOf(object), object, recorded, seen);
  }
}
