import { CephError } from '../../src/errors/index.ts';
import { type Clock, silent } from '../../src/runtime/index.ts';
import { nodeCompressor } from '../../src/runtime-node/compressors.ts';
import { nativeCrc32c } from '../../src/runtime-node/crc32c.ts';
import { BlockStore, fsck, type Transaction } from '../../src/store/index.ts';
import { dumpStore, ModelStore } from './model-store.ts';
import { type PowerState, powerStates } from './power-states.ts';
import {
  COLLECTIONS,
  firstPgs,
  making,
  objectOf,
  type Pgs,
  patterned,
  randomTransaction,
} from './random-transactions.ts';
import { type Dice, type DiskEvent, type DiskImage, dice, SimDisk } from './sim-disk.ts';

const MIB = 2 ** 20;
const NOTHING: DiskImage = { files: new Map(), stores: new Map() };

/** A clock whose timers fire when they are told to. */
export class HandClock implements Clock {
  private readonly timers = new Set<() => void>();
  monotonicMs(): number {
    return 0;
  }
  wallMs(): number {
    return 0;
  }
  setTimer(_delayMs: number, fire: () => void) {
    this.timers.add(fire);
    return { cancel: () => void this.timers.delete(fire) };
  }
  fire(): void {
    for (const timer of [...this.timers]) {
      this.timers.delete(timer);
      timer();
    }
  }
}

export function place(disk: SimDisk, sizeBytes: number, clock: Clock = new HandClock()) {
  return {
    path: '/sim',
    disk,
    openKeyValue: (path: string) => disk.openKeyValue(path),
    crc32c: nativeCrc32c,
    compressor: nodeCompressor,
    log: silent,
    clock,
    sizeBytes,
    journalBytes: 48 * 1024, // so small that the areas change often
  };
}

export interface PowerCounts {
  states: number;
  /** States in which something survived that was not acknowledged. */
  more: number;
  events: number;
  refusals: number;
}

/**
 * Runs random transactions on a store, cuts the power after each event of the disk in many ways, and checks each state
 * that leaves: the store opens, holds every acknowledged transaction and a whole prefix of the others, and fsck finds
 * nothing. One of the states then carries the next run.
 * @returns false when `counts.states` reached `statesMax`
 * @throws Error naming seed, run and state
 */
export async function powerRun(
  seed: number,
  options: {
    runs: number;
    random: number;
    every: number;
    statesMax: number;
    /** Called with each store before the transactions of a run. */
    prepare?: (store: BlockStore) => void;
  },
  counts: PowerCounts,
): Promise<boolean> {
  const roll = dice(seed);
  const sizeBytes = seed % 2 === 0 ? 300 * 1024 : 64 * MIB; // the small one is soon full
  let base = NOTHING;
  let kept: Transaction[] = [];
  for (let run = 0; run < options.runs; run++) {
    const { events, txns, refusals } = await record({
      roll,
      seed,
      base,
      sizeBytes,
      prepare: options.prepare,
    });
    counts.events += events.length;
    counts.refusals += refusals;
    const dumps = prefixDumps(kept, txns);
    const next = roll(events.length);
    let chosen: { image: DiskImage; kept: Transaction[] } | undefined;
    const noted = { at: 0, acked: 0, submitted: 0 };
    let index = roll(options.every);
    for (const state of powerStates(base, events, roll, options.random)) {
      for (; noted.at < state.at; noted.at++) {
        const e = events[noted.at]!;
        if (e.kind === 'note') noted[e.text as 'acked' | 'submitted']++;
      }
      const wanted = chosen === undefined && state.at > next;
      if (!wanted && index++ % options.every !== 0) continue;
      const where = `seed ${seed} run ${run} after event ${state.at} (${state.what})`;
      const last = await checkState(state, seed + index, sizeBytes, dumps, noted.submitted, where);
      if (last < noted.acked)
        throw new Error(`${where}: ${noted.acked} acknowledged, ${last} there`);
      if (last > noted.acked) counts.more++;
      if (wanted) chosen = { image: state.image, kept: [...kept, ...txns.slice(0, last)] };
      if (++counts.states >= options.statesMax) return false;
    }
    if (!chosen) return true;
    ({ image: base, kept } = chosen);
  }
  return true;
}

/** One run, with everything that happened on its disk. Transactions that were refused are not in it. */
async function record(o: {
  roll: Dice;
  seed: number;
  base: DiskImage;
  sizeBytes: number;
  prepare: ((store: BlockStore) => void) | undefined;
}): Promise<{ events: DiskEvent[]; txns: Transaction[]; refusals: number }> {
  const { roll, sizeBytes } = o;
  const disk = new SimDisk(o.seed, o.base);
  const events: DiskEvent[] = [];
  disk.trace = events;
  const clock = new HandClock();
  const store = await BlockStore.open(place(disk, sizeBytes, clock));
  o.prepare?.(store);
  const txns: Transaction[] = [];
  let refusals = 0;
  let pgs = pgsOf(store);
  for (let i = 0; i < 26; i++) {
    const before = new Map(pgs);
    let txn: Transaction;
    if (pgs.size === 0) {
      pgs = firstPgs();
      txn = making(pgs);
    } else if (sizeBytes < MIB && roll(2) === 0) txn = largeWrite(roll);
    else txn = randomTransaction(roll, 8, pgs);
    let isRefused = false;
    events.push({ kind: 'note', text: 'submitted' });
    store.submit(txn).then(
      () => void events.push({ kind: 'note', text: 'acked' }),
      (error) => {
        if (!(error instanceof CephError) || error.code !== 'ENOSPC') throw error;
        isRefused = true;
      },
    );
    await null;
    await null;
    if (isRefused) {
      refusals++;
      pgs = before;
      events.splice(
        events.findLastIndex((e) => e.kind === 'note' && e.text === 'submitted'),
        1,
      );
    } else txns.push(txn);
    for (let n = roll(12); n > 0; n--) await null;
    if (roll(8) === 0) clock.fire();
    if (roll(12) === 0) store.flush().catch(() => {}); // the power may fail in it, too
  }
  await store.close();
  return { events, txns, refusals };
}

function pgsOf(store: BlockStore): Pgs {
  const pgs: Pgs = new Map();
  for (const c of store.collections()) {
    const bounds = store.bounds(c);
    if (bounds) pgs.set(c, bounds);
  }
  return pgs;
}

/** Writes an object anew to blocks of its own, so that in a small store freed units are soon taken again. */
function largeWrite(roll: Dice): Transaction {
  const data = patterned(roll, 32_768 + roll(4) * 4096);
  return [{ op: 'write', c: COLLECTIONS[0]!, oid: objectOf(roll(5)), offset: 0, data }];
}

/** The dump after `kept` and each number of the transactions that follow. */
function prefixDumps(kept: readonly Transaction[], txns: readonly Transaction[]): string[] {
  const model = new ModelStore();
  for (const txn of kept) model.apply(txn);
  const out = [model.dump()];
  for (const txn of txns) {
    model.apply(txn);
    out.push(model.dump());
  }
  return out;
}

/** @returns how many of the run's transactions are there */
async function checkState(
  { image }: PowerState,
  seed: number,
  sizeBytes: number,
  dumps: readonly string[],
  submitted: number,
  where: string,
): Promise<number> {
  // Checked as it was left, or after the store was opened, moved its patches and closed.
  const isFirst = seed % 2 === 0 && image.files.has('/sim/block');
  let disk = new SimDisk(seed, image);
  if (isFirst) await expectSound(disk, sizeBytes, where);
  if (isFirst) disk = new SimDisk(seed, image);
  const store = await BlockStore.open(place(disk, sizeBytes)).catch((cause) => {
    throw new Error(`${where}: the store does not open: ${cause.message}`, { cause });
  });
  const last = dumps.lastIndexOf(await dumpStore(store), submitted);
  if (last < 0) throw new Error(`${where}: what is there was never the state`);
  if (!isFirst) {
    await store.close();
    await expectSound(disk, sizeBytes, where);
  }
  return last;
}

async function expectSound(disk: SimDisk, sizeBytes: number, where: string): Promise<void> {
  const findings: string[] = [];
  const found = ({ text }: { text: string }) => findings.push(text);
  await fsck({ ...place(disk, sizeBytes), deep: true, found }).catch((error) => {
    // A store whose making was cut short is none; what opening makes of it is checked by the caller.
    if (!(error instanceof CephError) || error.code !== 'ENOENT') throw error;
  });
  if (findings.length > 0) throw new Error(`${where}: ${findings.join('\n')}`);
}
