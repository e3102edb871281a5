import type { KeyValueOp } from '../../src/runtime/index.ts';
import { MemoryKeyValue } from '../../src/store/index.ts';
import { Content, type Dice, type DiskEvent, type DiskImage } from './sim-disk.ts';

/** What a disk writes as one. */
const SECTOR = 512;
/** A write of at most so many sectors is cut at each of them. */
const CUTS_MAX = 24;

interface Write {
  readonly id: number;
  readonly path: string;
  readonly offset: number;
  readonly bytes: Buffer;
}

/** What a power failure may leave. */
export interface PowerState {
  readonly image: DiskImage;
  /** How many of the events had happened. */
  readonly at: number;
  readonly what: string;
}

/**
 * Goes through the events of a run and gives, after each, states that a power failure may leave then:
 *
 * - writes that a sync covers are whole; of the others any may be there, in any order, each torn at sectors;
 * - key/value batches that were reported are there; the others may be, but none without those before it. That is what
 *   LMDB promises: it writes pages to free places, syncs, and changes the root in one sector.
 *
 * Systematic where there are few: nothing, everything, everything backwards, each write alone, each one missing, each
 * cut of the newest write. `random` more per event are drawn, mixing all of it.
 */
export function* powerStates(
  base: DiskImage,
  events: readonly DiskEvent[],
  roll: Dice,
  random: number,
): Generator<PowerState> {
  const files = new Map([...base.files].map(([path, c]) => [path, c.copy()]));
  const stores = new Map([...base.stores].map(([path, kv]) => [path, new MemoryKeyValue(kv)]));
  let pending: Write[] = [];
  const batches: { path: string; batch: readonly KeyValueOp[] }[] = [];
  for (let at = 0; at < events.length; at++) {
    const e = events[at]!;
    switch (e.kind) {
      case 'write':
        pending.push(e);
        break;
      case 'truncate':
        fileOf(files, e.path).size = e.size;
        break;
      case 'synced': {
        const covered = new Set(e.covers);
        for (const w of pending) if (covered.has(w.id)) put(files, w);
        pending = pending.filter((w) => !covered.has(w.id));
        break;
      }
      case 'commit':
        batches.push(e);
        break;
      case 'committed':
        applyBatch(stores, batches.shift()!);
        break;
    }
    const state = (plan: Plan): PowerState => ({
      image: {
        files: withWrites(files, plan.writes),
        stores: withBatches(stores, batches.slice(0, plan.batches)),
      },
      at: at + 1,
      what: `${plan.what}, ${plan.batches} of ${batches.length} batches`,
    });
    for (const plan of plans(pending, batches.length, roll, random)) yield state(plan);
  }
}

interface Plan {
  /** Pieces of writes in the order in which they reach the disk. */
  readonly writes: readonly Write[];
  readonly batches: number;
  readonly what: string;
}

function* plans(pending: Write[], batches: number, roll: Dice, random: number): Generator<Plan> {
  for (let n = 0; n <= batches; n++) {
    yield { writes: [], batches: n, what: 'none' };
    if (pending.length === 0) continue;
    yield { writes: pending, batches: n, what: 'all' };
    if (pending.length > 1) {
      yield { writes: [...pending].reverse(), batches: n, what: 'all backwards' };
      for (const w of pending) yield { writes: [w], batches: n, what: `only ${w.id}` };
      for (const w of pending) {
        yield { writes: pending.filter((o) => o !== w), batches: n, what: `all but ${w.id}` };
      }
    }
  }
  const newest = pending.at(-1);
  if (!newest) return;
  const sectors = Math.ceil(((newest.offset % SECTOR) + newest.bytes.length) / SECTOR);
  const step = Math.ceil(sectors / CUTS_MAX);
  for (let cut = 1; cut < sectors; cut += step) {
    const writes = pieces(newest, (i) => i < cut);
    yield {
      writes: [...pending.slice(0, -1), ...writes],
      batches: roll(batches + 1),
      what: `cut ${cut}`,
    };
    yield {
      writes: pieces(newest, (i) => i >= cut),
      batches: roll(batches + 1),
      what: `end ${cut}`,
    };
  }
  for (let i = 0; i < random; i++) {
    const writes: Write[] = [];
    for (const w of pending) {
      const fate = roll(4);
      if (fate === 0) continue;
      const some = fate === 1 ? [w] : pieces(w, () => roll(fate) === 0);
      writes.splice(roll(2) === 0 ? writes.length : roll(writes.length + 1), 0, ...some);
    }
    yield { writes, batches: roll(batches + 1), what: `random ${i}` };
  }
}

/** The sectors of a write that are kept. */
function pieces(w: Write, keep: (sector: number) => boolean): Write[] {
  const out: Write[] = [];
  for (let at = 0, i = 0; at < w.bytes.length; i++) {
    const n = Math.min(SECTOR - ((w.offset + at) % SECTOR), w.bytes.length - at);
    if (keep(i)) out.push({ ...w, offset: w.offset + at, bytes: w.bytes.subarray(at, at + n) });
    at += n;
  }
  return out;
}

function fileOf(files: Map<string, Content>, path: string): Content {
  let file = files.get(path);
  if (!file) {
    file = new Content();
    files.set(path, file);
  }
  return file;
}

function put(files: Map<string, Content>, w: Write): void {
  fileOf(files, w.path).write(w.offset, w.bytes);
}

function withWrites(files: Map<string, Content>, writes: readonly Write[]): Map<string, Content> {
  const out = new Map([...files].map(([path, c]) => [path, c.copy()]));
  for (const w of writes) put(out, w);
  return out;
}

function applyBatch(
  stores: Map<string, MemoryKeyValue>,
  { path, batch }: { path: string; batch: readonly KeyValueOp[] },
): void {
  let kv = stores.get(path);
  if (!kv) {
    kv = new MemoryKeyValue();
    stores.set(path, kv);
  }
  void kv.commit(batch); // takes effect at once
}

function withBatches(
  stores: Map<string, MemoryKeyValue>,
  batches: readonly { path: string; batch: readonly KeyValueOp[] }[],
): Map<string, MemoryKeyValue> {
  const out = new Map([...stores].map(([path, kv]) => [path, new MemoryKeyValue(kv)]));
  for (const b of batches) applyBatch(out, b);
  return out;
}
