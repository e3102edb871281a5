import type { OSDMap } from '../../maps/index.ts';
import {
  addStatSum,
  blankPgStat,
  emptyStatSum,
  formatPgId,
  formatPgState,
  msOfUtime,
  type ObjectStatSum,
  type OsdStat,
  type PgId,
  type PgStat,
  pgState,
  TIME_ZERO,
  type UTime,
  utimeOfMs,
} from '../../wire/index.ts';
import type { MonState } from '../state.ts';

// What Ceph's PGMap derives from the reports and the map. Source: mon/PGMap.cc, release 16.2.

/** Reports from before this monitor began are lost, so that is the earliest that a PG can be missed. */
function unknownSince(state: MonState, pgid: PgId): UTime {
  const created = state.osdmap.pool(pgid.pool)?.createTime ?? TIME_ZERO;
  return msOfUtime(created) < state.startedMs ? utimeOfMs(state.startedMs) : created;
}

const STALE = pgState('stale');

interface View {
  readonly version: number;
  readonly osdmap: OSDMap;
  readonly pgs: readonly PgStat[];
}
const views = new WeakMap<MonState, View>();

/**
 * Every PG of the map, by pool and seed: its last report, marked stale while the primary that made it is down, or an
 * entry in state `unknown`. Computed once per map and report.
 */
export function allPgs(state: MonState): readonly PgStat[] {
  const known = views.get(state);
  if (known?.version === state.pgMapVersion && known.osdmap === state.osdmap) return known.pgs;
  const pgs: PgStat[] = [];
  for (const pgid of state.osdmap.pgs()) {
    const stat = state.pgStats.get(formatPgId(pgid));
    if (!stat) pgs.push(blankPgStat(pgid, unknownSince(state, pgid)));
    else if (stat.actingPrimary >= 0 && !state.osdmap.isUp(stat.actingPrimary)) {
      pgs.push({ ...stat, state: stat.state | STALE });
    } else pgs.push(stat);
  }
  views.set(state, { version: state.pgMapVersion, osdmap: state.osdmap, pgs });
  return pgs;
}

/** Sums over some PGs. */
export interface PgSums {
  readonly stat: ObjectStatSum;
  readonly pgs: number;
  readonly logSize: number;
  readonly ondiskLogSize: number;
  /** How many OSDs are in up and acting, over all PGs. */
  readonly up: number;
  readonly acting: number;
}
export function sumPgs(pgs: Iterable<PgStat>): PgSums {
  const stat = emptyStatSum();
  const sums = { stat, pgs: 0, logSize: 0, ondiskLogSize: 0, up: 0, acting: 0 };
  for (const pg of pgs) {
    addStatSum(stat, pg.statsSum);
    sums.pgs++;
    sums.logSize += pg.logSize;
    sums.ondiskLogSize += pg.ondiskLogSize;
    sums.up += pg.up.length;
    sums.acting += pg.acting.length;
  }
  return sums;
}
export function sumOfPool(state: MonState, pool: number): PgSums {
  return sumPgs(allPgs(state).filter((pg) => pg.pgid.pool === pool));
}

/** PGs per state, most frequent first. */
export function countByState(
  pgs: Iterable<PgStat>,
): { name: string; state: bigint; count: number }[] {
  const counts = new Map<bigint, number>();
  for (const { state } of pgs) counts.set(state, (counts.get(state) ?? 0) + 1);
  return [...counts]
    .map(([state, count]) => ({ name: formatPgState(state), state, count }))
    .sort((a, b) => b.count - a.count || (a.state < b.state ? -1 : 1));
}

/** How many PGs an OSD acts in, and for how many the map wants it as the primary. */
export function pgsPerOsd(state: MonState): Map<number, { acting: number; primary: number }> {
  const out = new Map<number, { acting: number; primary: number }>();
  const at = (osd: number): { acting: number; primary: number } => {
    let entry = out.get(osd);
    if (!entry) {
      entry = { acting: 0, primary: 0 };
      out.set(osd, entry);
    }
    return entry;
  };
  for (const pg of allPgs(state)) {
    for (const osd of pg.acting) at(osd).acting++;
    if (pg.upPrimary >= 0) at(pg.upPrimary).primary++;
  }
  return out;
}

/** Reports of OSDs that hold data: an OSD that is out no longer counts as space. */
export function countedOsds(state: MonState): [number, OsdStat][] {
  return [...state.osdStats].filter(([osd]) => state.osdmap.isIn(osd)).sort((a, b) => a[0] - b[0]);
}

const NOTHING = {
  upFrom: 0,
  totalBytes: 0,
  usedBytes: 0,
  availableBytes: 0,
  dataBytes: 0,
  omapBytes: 0,
  metadataBytes: 0,
  compressed: [],
  numPgs: 0,
  heartbeatPeers: [],
  numShardsRepaired: 0,
  commitLatencyNs: 0,
  applyLatencyNs: 0,
} as const;

/** All OSDs that reported; one that is out is listed with nothing. */
export function listedOsds(state: MonState): [number, OsdStat][] {
  return [...state.osdStats]
    .map(([osd, stat]): [number, OsdStat] => [
      osd,
      state.osdmap.isIn(osd)
        ? stat
        : { ...NOTHING, heartbeatPeers: [], compressed: [], pingTimes: [] },
    ])
    .sort((a, b) => a[0] - b[0]);
}

/** PGs whose acting set is not what the map would choose without overrides. */
export function remappedCount(state: MonState): number {
  return allPgs(state).filter((pg) => (pg.state & pgState('remapped')) !== 0n).length;
}

/** Values by the key that `keyOf` gives them, in the order of first appearance. */
export function groupBy<K, V>(values: Iterable<V>, keyOf: (value: V) => K): Map<K, V[]> {
  const groups = new Map<K, V[]>();
  for (const value of values) {
    const key = keyOf(value);
    const group = groups.get(key);
    if (group) group.push(value);
    else groups.set(key, [value]);
  }
  return groups;
}
