import type { PgPool } from '../../maps/index.ts';
import type { StoreOp } from '../../store/index.ts';
import { EVERSION_ZERO, type EVersion, formatPgId, type PgId } from '../../wire/index.ts';
import type { PgTotals } from '../log/log-entry.ts';
import { PgLog, sameVersion } from '../log/pg-log.ts';
import { firstObject, Import } from '../recovery/import.ts';
import { joinedHistory } from '../scrub/scrub-history.ts';
import { joinHistories, type PgView } from './intervals.ts';
import { pgMeta } from './pg-collection.ts';
import { emptyInfo, isBlank, type PgInfo } from './pg-info.ts';
import { nextInfo, storedView } from './pg-life.ts';
import { PgState } from './pg-state.ts';

/*
 * The last PG of a pool is merged into the one that it was split from, with a map that says in which versions both were
 * when their primary found all members clean and nobody writing. A member that has both in just these versions has the
 * merged PG whole; its log begins anew, behind a version that all such members give it. Every other member has parts:
 * of them no log says how old they are, so it comes by a version that nobody shares, and what it lacks it imports.
 * Source of the rules: PG::merge_from, OSD::advance_pg, release 16.2.
 */

/** What a member has of one of the two. */
interface Half {
  readonly state: PgState;
  /** The last map before the merge. */
  readonly before: PgView;
}

/** The two PGs, as one store has them: at least one of them. */
interface Halves {
  readonly pool: number;
  /** Seeds of the target and of the source. */
  readonly low: number;
  readonly high: number;
  /** Low bits of hashes that are the seed of either. */
  readonly bits: number;
  readonly target: Half | undefined;
  readonly source: Half | undefined;
}

/** What a merge needs to know of the store. */
export interface MergeSite {
  /** See PgInfo. */
  readonly storeSince: number;
  /**
   * A PG that is not here may have left something that is being removed: it goes into the merge, whose import then takes
   * it for old versions. @returns the steps after which the PG of so many bits has a collection, with that in it
   */
  takeOver(pgid: PgId, bits: number): readonly StoreOp[];
}

/** A PG with what a member has of it, and its bits in the map before. */
export interface MergePart {
  readonly seed: number;
  readonly bits: number;
  readonly half: Half;
}

/**
 * Merges all that a member has of PGs which end in one. With each map that is a pair; after a gap in the maps it may be
 * more, and then nothing is exact. Changes states in place.
 * @param view of the one in the map that merges
 */
export function mergeAll(
  poolId: number,
  all: readonly MergePart[],
  pool: PgPool,
  view: PgView,
  site: MergeSite,
): { merged: PgState; ops: readonly StoreOp[] } {
  const parts = new Map(all.map((part) => [part.seed, part]));
  const ops: StoreOp[] = [];
  for (;;) {
    const deepest = [...parts.values()].reduce((a, b) => (b.bits > a.bits ? b : a));
    const { bits } = deepest;
    if (bits <= view.bits) return { merged: deepest.half.state, ops };
    const distance = 2 ** (bits - 1);
    const low = deepest.seed % distance;
    const high = low + distance;
    const [target, source] = [parts.get(low)?.half, parts.get(high)?.half];
    const step = mergePair({ pool: poolId, low, high, bits, target, source }, pool, view, site);
    ops.push(...step.ops);
    parts.delete(high);
    parts.set(low, { seed: low, bits: bits - 1, half: { state: step.merged, before: view } });
  }
}

function mergePair(
  halves: Halves,
  pool: PgPool,
  view: PgView,
  site: MergeSite,
): { merged: PgState; ops: readonly StoreOp[] } {
  const { target, source, low, high, bits } = halves;
  const here: PgId = { pool: halves.pool, seed: low };
  const gone: PgId = { pool: halves.pool, seed: high };
  const all = [target, source].filter((half) => half !== undefined);
  const isExact = isExactMerge(halves, pool, view.epoch);
  // Who has never had one of the two must not speak for both, whoever else is lost: it is as one that has nothing.
  const isBlind = all.length < 2 || all.some(({ state }) => isBlank(state.current()));
  const tail = isExact
    ? exactTail(pool, view.epoch)
    : isBlind
      ? EVERSION_ZERO
      : strangeTail(all, view.epoch);
  const info = isExact
    ? exactInfo(halves, pool, view)
    : partsInfo(all, view, site.storeSince, isBlind);

  const ops: StoreOp[] = [];
  for (const [half, pgid] of [[target, here] as const, [source, gone] as const]) {
    if (half) ops.push({ op: 'remove', c: formatPgId(pgid), oid: pgMeta(pgid) });
    else ops.push(...site.takeOver(pgid, bits));
  }
  ops.push({ op: 'mergecoll', c: formatPgId(gone), dest: formatPgId(here), bits: bits - 1 });

  const logs = all.map(({ state }) => state.log);
  const totals = all.map(({ state }) => state.totals).reduce(addTotals);
  const missing = isBlind ? [] : all.flatMap(({ state }) => [...state.missing.values()]);
  const imports = isBlind ? [] : all.flatMap(({ state }) => state.import ?? []);
  const merged = new PgState(here, { ...info, standing: { version: tail, totals } });
  merged.log = PgLog.merged(tail, logs);
  if (imports.length > 0) {
    // Where each half had come to cannot be said as one place.
    const sources = [...new Set(imports.flatMap((i) => i.sources))];
    const cursor = firstObject(halves.pool);
    merged.import = new Import({ base: tail, cursor, sources }, []);
  }
  ops.push(...merged.addMissing(missing), ...merged.storeDups(), merged.saveInfo());
  return { merged, ops };
}

function isExactMerge({ pool: id, high, target, source }: Halves, pool: PgPool, epoch: number) {
  const { sourcePgid, readyEpoch, sourceVersion, targetVersion } = pool.lastPgMergeMeta;
  const isThis = readyEpoch === epoch && sourcePgid.pool === id && sourcePgid.seed === high;
  return isThis && isWhole(target, targetVersion) && isWhole(source, sourceVersion);
}

function isWhole(half: Half | undefined, version: EVersion): boolean {
  if (!half) return false;
  const { log, missing, import: importing, info } = half.state;
  return sameVersion(log.head, version) && missing.size === 0 && !importing && info.complete;
}

/** Above all versions of both, and the same on all members that are whole. */
function exactTail({ lastPgMergeMeta: m }: PgPool, epoch: number): EVersion {
  return { epoch, version: greater(m.sourceVersion.version, m.targetVersion.version) };
}

function greater(a: bigint, b: bigint): bigint {
  if (a > b) return a;
  return b;
}

/**
 * A version in which only members are that have just the same: nobody else's log reaches it. Its epoch is older than
 * the merge, so that whoever is whole knows better.
 */
function strangeTail(halves: readonly Half[], epoch: number): EVersion {
  let version = 0n;
  let mark = 0;
  for (const { state } of halves) {
    const { head } = state.log;
    version = greater(version, head.version);
    for (const n of [state.pgid.seed, head.epoch, Number(head.version & 0xffffffffn)]) {
      mark = Math.imul(mark ^ n, 0x9e3779b1) >>> 0;
    }
  }
  return { epoch: epoch - 1, version: version + 1n + BigInt(mark) };
}

function exactInfo({ target, source }: Halves, pool: PgPool, view: PgView): PgInfo {
  const { lastEpochStarted, lastEpochClean } = pool.lastPgMergeMeta;
  const [a, b] = [target!, source!].map((h) => nextInfo(h.state.current(), h.before, view));
  const started = Math.max(lastEpochStarted, a!.lastEpochStarted, b!.lastEpochStarted);
  const history = joinHistories([a!.history, b!.history]).filter((i) => i.last >= started);
  return {
    ...a!,
    history,
    lastEpochStarted: started,
    started,
    clean: lastEpochClean,
    isEstimated: a!.isEstimated || b!.isEstimated,
    scrub: joinedHistory(a!.scrub, b!.scrub),
  };
}

function partsInfo(
  halves: readonly Half[],
  view: PgView,
  storeSince: number,
  isBlind: boolean,
): PgInfo {
  const infos = halves.map((h) => nextInfo(h.state.current(), h.before, view));
  const most = (of: (i: PgInfo) => number): number => Math.max(...infos.map(of));
  const least = (of: (i: PgInfo) => number): number => Math.min(...infos.map(of));
  return {
    ...emptyInfo(0, storedView(view), storeSince),
    isMerging: view.isMerging,
    lastEpochStarted: isBlind ? 0 : least((i) => i.lastEpochStarted),
    started: isBlind ? 0 : most((i) => i.started),
    clean: isBlind ? 0 : least((i) => i.clean),
    history: joinHistories(infos.map((i) => i.history)),
    isEstimated: true,
    scrub: infos.map((i) => i.scrub).reduce(joinedHistory),
  };
}

function addTotals(a: PgTotals, b: PgTotals): PgTotals {
  return {
    lastUserVersion: greater(a.lastUserVersion, b.lastUserVersion),
    objects: a.objects + b.objects,
    bytes: a.bytes + b.bytes,
    dirty: a.dirty + b.dirty,
    omapObjects: a.omapObjects + b.omapObjects,
    wr: a.wr + b.wr,
    wrKb: a.wrKb + b.wrKb,
  };
}
