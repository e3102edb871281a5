import { type HealthCheck, POOL_OPTION, warning } from '../../maps/index.ts';
import { formatPgId, msOfUtime, type PgStat, stamp, type UTime } from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { allPgs } from './pg-view.ts';

// Source: PGMap::get_health_checks, mon/PGMap.cc, release 16.2.

const DETAIL_MAX = 50; // mon_health_max_detail of release 16.2

/** What scrubs found, and where there were none for too long. */
export function scrubChecks(state: MonState): HealthCheck[] {
  const pgs = allPgs(state);
  return [
    ...tooManyRepairs(state),
    ...largeOmaps(state, pgs),
    ...late(state, pgs, SHALLOW),
    ...late(state, pgs, DEEP),
  ];
}

function tooManyRepairs(state: MonState): HealthCheck[] {
  const most = Number(state.option('mon_osd_warn_num_repaired'));
  const detail = [...state.osdStats]
    .filter(([, s]) => s.numShardsRepaired > most)
    .sort(([a], [b]) => a - b)
    .map(([osd, s]) => `osd.${osd} had ${s.numShardsRepaired} reads repaired`);
  if (detail.length === 0) return [];
  const summary = `Too many repaired reads on ${detail.length} OSDs`;
  return [warning('OSD_TOO_MANY_REPAIRS', summary, detail.length, detail)];
}

function largeOmaps(state: MonState, pgs: readonly PgStat[]): HealthCheck[] {
  const byPool = new Map<number, number>();
  let all = 0;
  for (const { pgid, statsSum } of pgs) {
    const count = statsSum.numLargeOmapObjects;
    if (count === 0) continue;
    all += count;
    byPool.set(pgid.pool, (byPool.get(pgid.pool) ?? 0) + count);
  }
  if (all === 0) return [];
  const detail = [...byPool]
    .sort(([a], [b]) => a - b)
    .map(([pool, n]) => `${n} large objects found in pool '${state.osdmap.poolName(pool)}'`);
  detail.push("Search the cluster log for 'Large omap object found' for more details.");
  return [warning('LARGE_OMAP_OBJECTS', `${all} large omap objects`, all, detail)];
}

interface Kind {
  readonly code: string;
  readonly word: string;
  readonly ratio: string;
  readonly interval: string;
  readonly poolInterval: { readonly key: number };
  readonly last: (pg: PgStat) => UTime;
}
const SHALLOW: Kind = {
  code: 'PG_NOT_SCRUBBED',
  word: 'scrubbed',
  ratio: 'mon_warn_pg_not_scrubbed_ratio',
  interval: 'osd_scrub_max_interval',
  poolInterval: POOL_OPTION.scrub_max_interval,
  last: (pg) => pg.lastScrubStamp,
};
const DEEP: Kind = {
  code: 'PG_NOT_DEEP_SCRUBBED',
  word: 'deep-scrubbed',
  ratio: 'mon_warn_pg_not_deep_scrubbed_ratio',
  interval: 'osd_deep_scrub_interval',
  poolInterval: POOL_OPTION.deep_scrub_interval,
  last: (pg) => pg.lastDeepScrubStamp,
};

/** PGs whose last scrub is older than the interval of their pool and a share of it. */
function late(state: MonState, pgs: readonly PgStat[], kind: Kind): HealthCheck[] {
  const ratio = Number(state.option(kind.ratio));
  if (ratio === 0) return [];
  const cutoffs = new Map<number, number>();
  const cutoffOf = (id: number): number => {
    let cutoff = cutoffs.get(id);
    if (cutoff === undefined) {
      const ofPool = Number(state.osdmap.pool(id)?.options.values.get(kind.poolInterval.key) ?? 0);
      const seconds = ofPool > 0 ? ofPool : Number(state.option(kind.interval));
      cutoff = state.nowMs - 1000 * (ratio * seconds + seconds);
      cutoffs.set(id, cutoff);
    }
    return cutoff;
  };
  // One that nobody has reported yet has no stamps.
  const found = pgs.filter(
    (pg) => pg.reportedSeq > 0n && msOfUtime(kind.last(pg)) < cutoffOf(pg.pgid.pool),
  );
  if (found.length === 0) return [];
  const detail = found
    .slice(0, DETAIL_MAX)
    .map((pg) => `pg ${formatPgId(pg.pgid)} not ${kind.word} since ${stamp(kind.last(pg))}`);
  if (found.length > DETAIL_MAX) detail.push(`${found.length - DETAIL_MAX} more pgs... `);
  const summary = `${found.length} pgs not ${kind.word} in time`;
  return [warning(kind.code, summary, found.length, detail)];
}
