import { halvings, stableMod } from '../../maps/index.ts';
import type { StoreOp } from '../../store/index.ts';
import { compareEVersion, type EVersion, formatPgId, type PgId } from '../../wire/index.ts';
import type { PgTotals } from '../log/log-entry.ts';
import { newestChanges } from '../log/newest-changes.ts';
import type { LogPart, PgLog } from '../log/pg-log.ts';
import { Import, type ImportInfo } from '../recovery/import.ts';
import type { PgView } from './intervals.ts';
import type { MissingItem } from './missing.ts';
import type { PgInfo } from './pg-info.ts';
import { nextInfo } from './pg-life.ts';
import { PgState } from './pg-state.ts';

// A PG is split when its pool has more PGs: every member does so for itself, as it goes through the map that says so, and
// since all do the same to equal logs, the parts have equal logs again. Objects are not touched. Source of the rules:
// OSD::split_pgs, PG::split_into, pg_log_t::split_out_child, release 16.2.

/** What a member of a PG has after the PG was split. */
export interface SplitResult {
  /** The first one is what was split. */
  readonly parts: readonly PgState[];
  /** Atomic: all parts come to be with them, or none. */
  readonly ops: readonly StoreOp[];
}

/**
 * Splits what a member has. Changes `state` in place.
 * @param before the last map before the split
 * @param viewOf a PG in the map that splits it
 */
export function splitPg(
  state: PgState,
  before: PgView,
  pgCount: number,
  viewOf: (pgid: PgId) => PgView,
): SplitResult {
  const { pool, seed } = state.pgid;
  const splits = [...halvings(seed, before.bits, pgCount)];
  const seeds = [seed, ...splits.map((h) => h.child)];
  const ops: StoreOp[] = splits.map(({ parent, child, bits }) => ({
    op: 'splitcoll',
    c: formatPgId({ pool, seed: parent }),
    bits,
    seed: child,
    dest: formatPgId({ pool, seed: child }),
  }));
  const partOf = (hash: number): number => stableMod(hash, pgCount);
  const logs = state.log.split(seeds, partOf);
  const infos = infosOf(state, before, logs, viewOf);
  const moved: string[] = [];
  const lacking = new Map(seeds.map((s): [number, MissingItem[]] => [s, []]));
  for (const item of state.missing.values()) lacking.get(partOf(item.oid.hash))!.push(item);
  const children = seeds.slice(1).map((child) => {
    const part = new PgState({ pool, seed: child }, infos.get(child)!);
    const { log, stored } = logs.get(child)!;
    begin(part, log, state.import?.info);
    if (stored.length > 0) ops.push(part.put(stored));
    for (const [key] of stored) moved.push(key);
    ops.push(...part.storeDups());
    ops.push(...part.addMissing(lacking.get(child)!));
    return part;
  });
  const { c, meta: oid } = state;
  const gone = children.flatMap((part) => [...part.missing.keys()]);
  const importing = state.import?.info;
  state.info = infos.get(seed)!;
  begin(state, logs.get(seed)!.log, importing);
  ops.push(...state.forgetMissing(gone));
  if (moved.length > 0) ops.push({ op: 'omapRmKeys', c, oid, keys: moved });
  for (const part of [state, ...children]) {
    part.endImport();
    ops.push(part.saveInfo());
  }
  return { parts: [state, ...children], ops };
}

function begin(part: PgState, log: PgLog, importing: ImportInfo | undefined): void {
  part.log = log;
  if (!importing) return;
  const base = lastUpTo(log, importing.base);
  part.import = new Import({ ...importing, base }, newestChanges(log.after(base)).keys());
}

/** The log's newest version that is not above `v`: nothing of this log is between the two. */
function lastUpTo(log: PgLog, v: EVersion): EVersion {
  const above = log.after(v).length;
  const all = log.after(log.tail);
  const at = all.length - above - 1;
  return at >= 0 ? all[at]!.version : compareEVersion(log.tail, v) <= 0 ? log.tail : v;
}

function infosOf(
  state: PgState,
  before: PgView,
  logs: ReadonlyMap<number, LogPart>,
  viewOf: (pgid: PgId) => PgView,
): Map<number, PgInfo> {
  const { pool } = state.pgid;
  const info = state.current();
  const totals = shares(info.totals, logs.size);
  const isEstimated = info.isEstimated || info.totals.objects > 0;
  return new Map(
    [...logs].map(([seed, { log }], i) => {
      const next = nextInfo(info, before, viewOf({ pool, seed }));
      return [seed, { ...next, standing: { version: log.head, totals: totals[i]! }, isEstimated }];
    }),
  );
}

/** Totals in about equal shares, which add up. */
function shares(totals: PgTotals, count: number): PgTotals[] {
  const share = (n: number, i: number): number => Math.floor((n + count - 1 - i) / count);
  return Array.from({ length: count }, (_, i) => ({
    lastUserVersion: totals.lastUserVersion,
    objects: share(totals.objects, i),
    bytes: share(totals.bytes, i),
    dirty: share(totals.dirty, i),
    omapObjects: share(totals.omapObjects, i),
    wr: share(totals.wr, i),
    wrKb: share(totals.wrKb, i),
  }));
}
