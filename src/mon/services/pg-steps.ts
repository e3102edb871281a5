import { type PgKey, type PgPool, POOL_FLAG, parentSeed } from '../../maps/index.ts';
import { formatPgId, type PgId, type PgStat, pgState } from '../../wire/index.ts';
import type { OsdMapPatch } from '../change.ts';
import type { MonState } from '../state.ts';
import { announceMerge, callMergeOff, placeByPgpNum, split } from './pg-num.ts';
import { shardsRefuse } from './pg-shards.ts';

/**
 * The next step of each pool to the counts of PGs that it is to have. PGs are split many at once, as that moves nothing;
 * placement follows in small steps, so that little data is on the move at a time; and PGs are merged one by one, when
 * source and target are clean and in the same place. Source of the rules: DaemonServer::adjust_pgs, src/mgr, 16.2.
 * It differs in one point: nothing is decided on reports that are older than the pool's last change.
 * @returns undefined when nothing is to be done now
 */
export function nextPgSteps(state: MonState, pgs: readonly PgStat[]): OsdMapPatch | undefined {
  const { osdmap } = state;
  const restless = [...osdmap.data.pools].filter(([, pool]) => wantsStep(pool));
  if (restless.length === 0) return undefined;
  const byPool = new Map(restless.map(([id]) => [id, [] as PgStat[]]));
  for (const pg of pgs) byPool.get(pg.pgid.pool)?.push(pg);
  const shares = sharesOf(pgs);
  const epoch = osdmap.epoch + 1;
  const newPools = new Map<number, PgPool>();
  const upmapped = new Set<PgKey>();
  let room = Math.max(1, Number(state.option('mon_osd_max_creating_pgs')));
  room -= pgs.filter((pg) => pg.state === 0n || isIn(pg, CREATING)).length;
  for (const [id, pool] of restless) {
    const all = byPool.get(id)!;
    if (pool.pgNumPending < pool.pgNum && !areTogether(state, id, pool)) {
      newPools.set(id, callMergeOff(pool, epoch));
      continue;
    }
    if (pool.flags & POOL_FLAG.creating || !all.every((pg) => pg.reportedEpoch >= pool.lastChange))
      continue;
    // An OSD may have come since the target was set.
    if (shardsRefuse(state, pool.pgNum, pool.pgNumTarget)) continue;
    if (pool.pgNumTarget > pool.pgNum) {
      const count = Math.min(room, pool.pgNumTarget - pool.pgNum);
      if (count > 0 && all.every((pg) => isIn(pg, ACTIVE) || isIn(pg, PEERED))) {
        newPools.set(id, split(pool, pool.pgNum + count, epoch));
        room -= count;
        continue;
      }
    } else if (pool.pgNumTarget < pool.pgNum) {
      const pair = mergePair(id, pool);
      for (const pgid of pair) if (isUpmapped(state, pgid)) upmapped.add(formatPgId(pgid));
      if (canMerge(state, pool, pair, all)) {
        newPools.set(id, announceMerge(pool, epoch));
        continue;
      }
    }
    const pgpNum = nextPgpNum(state, pool, all, shares);
    if (pgpNum !== pool.pgpNum) newPools.set(id, placeByPgpNum(pool, pgpNum));
  }
  if (newPools.size + upmapped.size === 0) return undefined;
  const { pgUpmap, pgUpmapItems } = osdmap.data;
  return {
    newPools,
    oldPgUpmap: new Set([...upmapped].filter((pg) => pgUpmap.has(pg))),
    oldPgUpmapItems: new Set([...upmapped].filter((pg) => pgUpmapItems.has(pg))),
  };
}

const CREATING = pgState('creating');
const ACTIVE = pgState('active');
const PEERED = pgState('peered');
const CLEAN = pgState('clean');

/** Objects of one PG: with so few on the average, placement is changed at once. */
const OBJECTS_TO_LEAP = 1;
/** How many PGs placement may be ahead of the merges. */
const AHEAD_MIN = 8;

function isIn({ state }: PgStat, bits: bigint): boolean {
  return (state & bits) === bits;
}

function wantsStep(pool: PgPool): boolean {
  return (
    pool.pgNumPending < pool.pgNum ||
    pool.pgNumTarget !== pool.pgNum ||
    Math.min(pool.pgNumPending, pool.pgpNumTarget) !== pool.pgpNum
  );
}

/** The last PG and the one that it was split from. */
function mergePair(pool: number, { pgNum }: PgPool): [source: PgId, target: PgId] {
  const seed = pgNum - 1;
  return [
    { pool, seed },
    { pool, seed: parentSeed(seed) },
  ];
}

/**
 * Can the merge that is announced still come to pass? Nobody is served until it has or is called off, and where a member
 * is lost there may be nobody to say so.
 */
function areTogether({ osdmap }: MonState, id: number, pool: PgPool): boolean {
  const [source, target] = mergePair(id, pool).map((pgid) => osdmap.pgToUpActing(pgid));
  const isWhole = source!.acting.length >= pool.size;
  return isWhole && source!.acting.join() === target!.acting.join();
}

function isUpmapped({ osdmap }: MonState, pgid: PgId): boolean {
  const key = formatPgId(pgid);
  return osdmap.data.pgUpmap.has(key) || osdmap.data.pgUpmapItems.has(key);
}

function canMerge(
  state: MonState,
  pool: PgPool,
  pair: readonly [PgId, PgId],
  all: readonly PgStat[],
): boolean {
  if (pool.pgNumPending !== pool.pgNum || pool.pgNum === pool.pgpNum) return false;
  if (pair.some((pgid) => isUpmapped(state, pgid))) return false;
  const stats = pair.map(({ seed }) => all.find((pg) => pg.pgid.seed === seed));
  if (!stats.every((pg) => pg && isIn(pg, ACTIVE | CLEAN))) return false;
  return stats[0]!.acting.join() === stats[1]!.acting.join();
}

/** Shares of all PGs, or of all copies of objects. */
interface Shares {
  readonly misplaced: number;
  readonly degraded: number;
  readonly inactive: number;
}

function sharesOf(pgs: readonly PgStat[]): Shares {
  let [copies, misplaced, degraded, inactive] = [0, 0, 0, 0];
  for (const pg of pgs) {
    copies += pg.statsSum.numObjectCopies;
    misplaced += pg.statsSum.numObjectsMisplaced;
    degraded += pg.statsSum.numObjectsDegraded;
    if (!isIn(pg, ACTIVE)) inactive++;
  }
  const of = (part: number, all: number): number => (all > 0 ? part / all : 0);
  return {
    misplaced: of(misplaced, copies),
    degraded: of(degraded, copies),
    inactive: of(inactive, pgs.length),
  };
}

function nextPgpNum(state: MonState, pool: PgPool, all: readonly PgStat[], now: Shares): number {
  const { pgNum, pgpNum, pgNumTarget, pgpNumTarget } = pool;
  const target = Math.min(pool.pgNumPending, pgpNumTarget);
  if (target > pgpNum && pgpNum === pgNum) return pgpNum;
  const isBold = state.option('mgr_debug_aggressive_pg_num_changes') === true;
  if (isBold) return target;
  const most = Number(state.option('target_max_misplaced_ratio'));
  if (now.inactive > 0 || now.degraded > 0 || now.misplaced > most) return pgpNum;
  const objects = all.reduce((n, pg) => n + pg.statsSum.numObjects, 0);
  if (pgpNumTarget > pgpNum && objects <= OBJECTS_TO_LEAP * pgpNumTarget) return target;
  // No step is larger than half of what may be misplaced, as what it moves is only estimated.
  const step = Math.max(1, Math.floor(pgNum * Math.min(most - now.misplaced, most / 2)));
  const next = Math.max(1, Math.min(Math.max(target, pgpNum - step), pgpNum + step));
  if (pgpNumTarget !== pgNumTarget || pgpNumTarget >= pgNum) return next;
  // PGs that wait for their merges are not all to gather on the few OSDs of their targets.
  const ahead = Math.max(AHEAD_MIN, Math.floor(pgNum * most));
  return Math.max(next, pgNum - ahead);
}
