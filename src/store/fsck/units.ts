import { CHUNK_UNITS } from '../allocator.ts';
import { type Extent, unitsOf } from '../extent.ts';
import { bitmapKey, chunkOf, sharedKey } from '../keys.ts';
import { decodeOnode } from '../onode.ts';
import { SHARED_CHUNK } from '../shared-units.ts';
import type { Survey } from './survey.ts';
import { UnitRuns } from './unit-counts.ts';

/** Holds the map of taken units against what objects refer to. After all objects were walked. */
export function checkBitmap(s: Survey): void {
  const stored = new Map<number, Uint8Array>();
  for (const { key, value } of s.kv.range('B', 'C')) {
    const chunk = chunkOf(key);
    if (value.length === CHUNK_UNITS / 8 && chunk * CHUNK_UNITS < s.units) stored.set(chunk, value);
    else {
      s.report('repair', `map of taken units: chunk ${chunk} of ${value.length} bytes`);
      s.changes.set(key, null);
    }
  }
  const runs = new UnitRuns((what, unit, count) => {
    const isLeak = what === LEAKED;
    s.report(isLeak ? s.orphanMends : 'repair', `units ${unit}~${count} ${what}`);
  });
  for (let chunk = 0; chunk * CHUNK_UNITS < s.units; chunk++) {
    const old = stored.get(chunk);
    const bytes = Buffer.alloc(CHUNK_UNITS / 8);
    for (let i = 0; i < CHUNK_UNITS; i++) {
      const unit = chunk * CHUNK_UNITS + i;
      const isTaken = ((old?.[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
      const isUsed = s.refs.get(unit) > 0;
      if (isTaken && !isUsed) runs.add(LEAKED, unit);
      if (isUsed && !isTaken) runs.add('are in use and not marked as taken', unit);
      if (isUsed || (isTaken && s.hasUnreadable && unit < s.units)) {
        bytes[i >> 3]! |= 1 << (i & 7);
        s.figures.ownedUnits++;
      }
    }
    if (old ? !bytes.equals(old) : bytes.some((b) => b !== 0))
      s.changes.set(bitmapKey(chunk), bytes);
  }
  runs.finish();
}
const LEAKED = 'are taken and belong to nothing';

/** Holds the counts of units that clones share against how many objects refer to each. */
export function checkShared(s: Survey): void {
  const stored = new Map<number, Buffer>();
  for (const { key, value } of s.kv.range('R', 'S')) {
    const chunk = chunkOf(key);
    if (value.length === SHARED_CHUNK * 4 && chunk * SHARED_CHUNK < s.units) {
      stored.set(chunk, value as Buffer);
    } else {
      s.report('repair', `counts of shared units: chunk ${chunk} of ${value.length} bytes`);
      s.changes.set(key, null);
    }
  }
  const runs = new UnitRuns((what, unit, count) =>
    s.report('repair', `units ${unit}~${count}: ${what}`),
  );
  let isShared = false;
  for (let chunk = 0; chunk * SHARED_CHUNK < s.units; chunk++) {
    const old = stored.get(chunk);
    const bytes = Buffer.alloc(SHARED_CHUNK * 4);
    for (let i = 0; i < SHARED_CHUNK; i++) {
      const unit = chunk * SHARED_CHUNK + i;
      const extra = Math.max(0, s.refs.get(unit) - 1);
      const recorded = old?.readUInt32LE(i * 4) ?? 0;
      if (recorded !== extra)
        runs.add(`shared ${recorded} times by record, ${extra} in fact`, unit);
      bytes.writeUInt32LE(extra, i * 4);
      s.figures.sharedRefs += extra;
      isShared ||= extra > 0;
    }
    if (old?.equals(bytes)) continue;
    if (bytes.some((b) => b !== 0)) s.changes.set(sharedKey(chunk), bytes);
    else if (old) s.changes.set(sharedKey(chunk), null);
  }
  runs.finish();
  if (isShared) checkMarks(s);
}

/** An extent of units that another refers to must say so, or freeing it would take them from the other. */
function checkMarks(s: Survey): void {
  for (const { key, value } of s.kv.range('O', 'P')) {
    if (s.unknown.has(key) || s.changes.get(key) === null) continue;
    const n = decodeOnode(key, value);
    const isAlone = (e: Extent) =>
      unitsOf(e).every(({ unit, count }) => {
        for (let u = unit; u < unit + count; u++) if (s.refs.get(u) > 1) return false;
        return true;
      });
    const wrong = n.extents.filter((e) => !e.shared && !isAlone(e));
    if (wrong.length === 0) continue;
    const text = s.textOf(key);
    for (const e of wrong) {
      const units = unitsOf(e).map((r) => `${r.unit}~${r.count}`);
      s.report('repair', `${text}: units ${units.join(' ')} are shared and not marked so`);
    }
    s.amend(key, (o) => {
      for (const e of o.extents) if (!isAlone(e)) e.shared = true;
    });
  }
}
