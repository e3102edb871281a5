import { fixed } from '../../codec/index.ts';
import { failure, type HealthCheck, osdList, warning } from '../../maps/index.ts';
import {
  formatPgId,
  formatPgState,
  msOfUtime,
  PG_STATE_BITS,
  type PgStat,
  type PgStateName,
  pgState,
  type UTime,
} from '../../wire/index.ts';
import type { MonState } from '../state.ts';
import { allPgs, sumPgs } from './pg-view.ts';
import { span } from './units.ts';

// Which PG states are reported how. Source: PGMap::get_health_checks, mon/PGMap.cc, release 16.2.

type Consequence = 'unavailable' | 'degraded' | 'backfillFull' | 'damaged' | 'recoveryFull';
interface Rule {
  readonly state: PgStateName;
  readonly name: string;
  readonly consequence: Consequence;
  /** Reported only once a PG is this way for mon_pg_stuck_threshold seconds. */
  readonly since?: (pg: PgStat) => UTime;
  /** Reported when the state is absent. */
  readonly absent?: boolean;
}

const later = (a: UTime, b: UTime): UTime => (msOfUtime(a) > msOfUtime(b) ? a : b);
const now = (state: PgStateName, consequence: Consequence): Rule => ({
  state,
  name: state,
  consequence,
});
const INACTIVE: Rule = {
  state: 'active',
  name: 'inactive',
  consequence: 'unavailable',
  since: (p) => p.lastActive,
  absent: true,
};
/** In the order of the states' bits, which is the order of the summary; a later one's detail replaces an earlier's. */
const RULES: readonly Rule[] = [
  INACTIVE,
  now('down', 'unavailable'),
  now('recovery_unfound', 'damaged'),
  now('backfill_unfound', 'damaged'),
  now('degraded', 'degraded'),
  now('inconsistent', 'damaged'),
  { ...now('peering', 'unavailable'), since: (p: PgStat) => later(p.lastActive, p.lastPeered) },
  now('incomplete', 'unavailable'),
  { ...now('stale', 'unavailable'), since: (p: PgStat) => p.lastUnstale },
  now('backfill_toofull', 'backfillFull'),
  { ...now('undersized', 'degraded'), since: (p: PgStat) => p.lastFullsized },
  now('recovery_toofull', 'recoveryFull'),
  now('snaptrim_error', 'damaged'),
].sort((a, b) => PG_STATE_BITS[a.state] - PG_STATE_BITS[b.state]);

const DETAIL_MAX = 50; // mon_health_max_detail of release 16.2

interface Cause {
  readonly counts: Map<string, number>;
  readonly details: Map<string, string>;
}

/** What the PGs' states mean for clients. */
export function pgChecks(state: MonState): HealthCheck[] {
  const pgs = allPgs(state);
  const causes = new Map<Consequence, Cause>();
  const stuckMs = Number(state.option('mon_pg_stuck_threshold')) * 1000;
  for (const pg of pgs) {
    for (const rule of RULES) {
      const has = (pg.state & pgState(rule.state)) !== 0n;
      if (has === (rule.absent ?? false)) continue;
      const since = rule.since?.(pg);
      if (since && !isStuck(pg, since, state.nowMs - stuckMs)) continue;
      const cause = causes.get(rule.consequence) ?? { counts: new Map(), details: new Map() };
      causes.set(rule.consequence, cause);
      cause.counts.set(rule.name, (cause.counts.get(rule.name) ?? 0) + 1);
      if (cause.details.size > DETAIL_MAX) continue;
      cause.details.set(formatPgId(pg.pgid), detailLine(state, pg, rule, since));
    }
  }
  const checks: HealthCheck[] = [];
  for (const [consequence, cause] of causes) checks.push(checkOf(state, consequence, cause));
  return [...checks, ...objectChecks(pgs), ...pgCounts(state, pgs)];
}

function isStuck(pg: PgStat, since: UTime, cutoffMs: number): boolean {
  const stampMs = msOfUtime(since);
  return stampMs === 0 ? msOfUtime(pg.lastChange) < cutoffMs : stampMs < cutoffMs;
}

function detailLine(state: MonState, pg: PgStat, rule: Rule, since: UTime | undefined): string {
  const id = formatPgId(pg.pgid);
  const now = formatPgState(pg.state);
  const acting = osdList(pg.acting);
  const hint = incompleteHint(state, pg);
  if (since) {
    const stampMs = msOfUtime(since);
    const how = stampMs === 0 ? 'since forever' : `for ${span(state.nowMs - stampMs)}`;
    return `pg ${id} is stuck ${rule.name} ${how}, current state ${now}, last acting ${acting}${hint}`;
  }
  const unfound = pg.statsSum.numObjectsUnfound;
  return `pg ${id} is ${now}, acting ${acting}${unfound > 0 ? `, ${unfound} unfound` : ''}${hint}`;
}

function incompleteHint(state: MonState, pg: PgStat): string {
  const pool = state.osdmap.pool(pg.pgid.pool);
  if ((pg.state & pgState('incomplete')) === 0n || !pool || pool.minSize <= 1) return '';
  const name = state.osdmap.poolName(pg.pgid.pool);
  return ` (reducing pool ${name} min_size from ${pool.minSize} may help; search ceph.com/docs for 'incomplete')`;
}

function checkOf(state: MonState, consequence: Consequence, cause: Cause): HealthCheck {
  const parts = [...cause.counts].map(([name, n]) => `${n} ${n > 1 ? 'pgs' : 'pg'} ${name}`);
  const count = [...cause.counts.values()].reduce((a, b) => a + b, 0);
  const detail = [...cause.details.values()];
  if (consequence === 'degraded') {
    const { stat } = sumPgs(allPgs(state));
    const { numObjectsDegraded: n, numObjectCopies: of } = stat;
    if (n > 0 && of > 0)
      parts.unshift(`${n}/${of} objects degraded (${fixed((n / of) * 100, 3)}%)`);
  }
  const list = parts.join(', ');
  switch (consequence) {
    case 'unavailable':
      return warning('PG_AVAILABILITY', `Reduced data availability: ${list}`, count, detail);
    case 'degraded':
      return warning('PG_DEGRADED', `Degraded data redundancy: ${list}`, count, detail);
    case 'backfillFull':
      return warning(
        'PG_BACKFILL_FULL',
        `Low space hindering backfill (add storage if this doesn't resolve itself): ${list}`,
        count,
        detail,
      );
    case 'damaged':
      return failure('PG_DAMAGED', `Possible data damage: ${list}`, count, detail);
    case 'recoveryFull':
      return failure('PG_RECOVERY_FULL', `Full OSDs blocking recovery: ${list}`, count, detail);
  }
}

function objectChecks(pgs: readonly PgStat[]): HealthCheck[] {
  const { stat } = sumPgs(pgs);
  const checks: HealthCheck[] = [];
  if (stat.numScrubErrors > 0) {
    const summary = `${stat.numScrubErrors} scrub errors`;
    checks.push(failure('OSD_SCRUB_ERRORS', summary, stat.numScrubErrors));
  }
  if (stat.numObjectsUnfound > 0 && stat.numObjects > 0) {
    const percentage = fixed((stat.numObjectsUnfound / stat.numObjects) * 100, 3);
    const detail = pgs
      .filter((pg) => pg.statsSum.numObjectsUnfound > 0)
      .map(
        (pg) => `pg ${formatPgId(pg.pgid)} has ${pg.statsSum.numObjectsUnfound} unfound objects`,
      );
    const summary = `${stat.numObjectsUnfound}/${stat.numObjects} objects unfound (${percentage}%)`;
    checks.push(warning('OBJECT_UNFOUND', summary, stat.numObjectsUnfound, detail));
  }
  return checks;
}

/** PGs per OSD against the bound; the lower bound is 0, off, in release 16.2. */
function pgCounts(state: MonState, pgs: readonly PgStat[]): HealthCheck[] {
  const max = Number(state.option('mon_max_pg_per_osd'));
  const osdsIn = state.osdmap.osds().filter((osd) => state.osdmap.isIn(osd)).length;
  if (osdsIn === 0 || max <= 0) return [];
  const each = Math.floor(Math.max(sumPgs(pgs).up, pgs.length) / osdsIn);
  if (each <= max) return [];
  return [warning('TOO_MANY_PGS', `too many PGs per OSD (${each} > max ${max})`, each - max)];
}
