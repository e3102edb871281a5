import { DecodeError } from '../../errors/index.ts';
import { BLOCK_BYTES } from '../allocator.ts';
import { poolOf } from '../compression.ts';
import { type CompressedExtent, originalBytes, unitsOf } from '../extent.ts';
import { parseObjectKey } from '../keys.ts';
import { LABEL_UNITS } from '../label.ts';
import { blocksTouched, dataRanges, decodeOnode, type Onode } from '../onode.ts';
import type { OmapSize, Survey } from './survey.ts';

/** An object whose record could be read. */
export interface SeenObject {
  readonly text: string;
  readonly onode: Onode;
}

/** Walks all objects: what they hold is counted, and handed on to whoever reads their data. */
export function* walkObjects(s: Survey, isDiscarding: boolean): Generator<SeenObject> {
  for (const { key, value } of s.kv.range('O', 'P')) {
    let seen: SeenObject;
    let space: number;
    try {
      space = parseObjectKey(key).space;
      seen = { text: s.textOf(key), onode: decodeOnode(key, value) };
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      s.report('discard', `record under key ${JSON.stringify(key)}: ${error.message}`);
      drop(s, key, isDiscarding);
      continue;
    }
    s.sawId(space);
    if (s.collections.find(key) === undefined) {
      s.report('discard', `${seen.text}: there is no such collection`);
      if (isDiscarding) {
        s.changes.set(key, null);
        continue;
      }
    }
    count(s, seen, value.length);
    yield seen;
  }
}

function drop(s: Survey, key: string, isDiscarding: boolean): void {
  s.unknown.add(key);
  if (isDiscarding) s.changes.set(key, null);
  else s.hasUnreadable = true;
}

function count(s: Survey, { text, onode: n }: SeenObject, valueBytes: number): void {
  const f = s.figures;
  f.objects++;
  f.metadataBytes += n.key.length + valueBytes;
  f.omapBytes += n.omapBytes;
  let dataBytes = 0;
  for (const r of dataRanges(n, 0, n.size)) dataBytes += r.length;
  f.dataBytes += dataBytes;
  if (dataBytes !== n.dataBytes) {
    s.report('repair', `${text}: ${n.dataBytes} bytes of data recorded, ${dataBytes} counted`);
    s.amend(n.key, (o) => {
      o.dataBytes = dataBytes;
    });
  }
  countExtents(s, text, n);
  let end = 0;
  for (const p of n.patches) {
    f.patchBytes += blocksTouched(p.offset, p.length) * BLOCK_BYTES;
    if (p.offset < end) s.report('never', `${text}: small writes overlap at ${p.offset}`);
    end = p.offset + p.length;
    s.sawId(p.id);
    s.patches.set(p.id, { object: n.key, offset: p.offset, length: p.length, crc: p.crc });
  }
  countOmap(s, text, n);
}

function countExtents(s: Survey, text: string, n: Onode): void {
  let block = 0;
  for (const e of n.extents) {
    const runs = unitsOf(e);
    const isOutside = runs.some((r) => r.unit < LABEL_UNITS || r.unit + r.count > s.units);
    if (e.block < block || e.count === 0 || isOutside) {
      const units = runs.map((r) => `${r.unit}~${r.count}`).join(' ');
      s.report('never', `${text}: blocks ${e.block}~${e.count} in units ${units}`);
      continue;
    }
    block = e.block + e.count;
    if (e.blob) countBlob(s, n, e);
    for (const { unit, count } of runs) s.refs.add(unit, count);
  }
}

function countBlob(s: Survey, n: Onode, e: CompressedExtent): void {
  const pool = poolOf(n.key);
  s.compressed.add(pool, { original: originalBytes(e) });
  const { bytes, crcs, runs } = e.blob;
  // Whoever refers to it refers to all of it.
  if (s.refs.get(runs[0]!.unit) > 0) return;
  s.compressed.add(pool, { compressed: bytes, allocated: crcs.length * BLOCK_BYTES });
}

function countOmap(s: Survey, text: string, n: Onode): void {
  s.figures.omapEntries += n.omapEntries;
  const recorded = { bytes: n.omapBytes, entries: n.omapEntries };
  const seen = { bytes: n.omapHeader?.length ?? 0, entries: 0 };
  if (n.omapId === 0) {
    compareOmap(s, text, n.key, recorded, seen);
    return;
  }
  s.sawId(n.omapId);
  const other = s.omaps.get(n.omapId);
  if (other) s.report('never', `${text}: omap ${n.omapId} is another object's too`);
  else s.omaps.set(n.omapId, { object: n.key, recorded, seen });
}

/** Corrects what a record says of its omap's size, and the sums that took it from there. */
export function compareOmap(
  s: Survey,
  text: string,
  key: string,
  recorded: OmapSize,
  seen: OmapSize,
): void {
  if (recorded.bytes === seen.bytes && recorded.entries === seen.entries) return;
  const words = (o: OmapSize) => `${o.entries} entries of omap, ${o.bytes} bytes`;
  const loss = seen.bytes < recorded.bytes ? '; entries may be lost' : '';
  s.report('repair', `${text}: ${words(recorded)} recorded, ${words(seen)} counted${loss}`);
  s.figures.omapBytes += seen.bytes - recorded.bytes;
  s.figures.omapEntries += seen.entries - recorded.entries;
  s.amend(key, (o) => {
    o.omapBytes = seen.bytes;
    o.omapEntries = seen.entries;
  });
}
