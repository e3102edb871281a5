import { type Column, type Json, table } from '../../codec/index.ts';
import { classOf, devicesBelow, itemWeights, rootsOf } from '../../crush/index.ts';
import { type PgPool, ruleOf } from '../../maps/index.ts';
import type { PoolStat } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import type { CommandReply, ReadCommand } from '../command.ts';
import type { MonState } from '../state.ts';
import { textOrValue } from './reply.ts';
import { poolStats, rawRate, type Space, spaceOf } from './totals.ts';
import { bytes, count, percent } from './units.ts';

// Source: PGMapDigest::dump_cluster_stats, dump_pool_stats_full and dump_object_stat_sum, PGMap::get_rule_avail,
// mon/PGMap.cc, release 16.2. Ceph computes much of it in single precision, and so does this.

const f32 = Math.fround;

/** What one pool uses, and what could still go into it. */
interface PoolUsage {
  readonly name: string;
  readonly id: number;
  readonly pool: PgPool;
  readonly stat: PoolStat;
  /** User data and user keys, without their copies. */
  readonly storedData: number;
  readonly storedOmap: number;
  readonly storedRaw: number;
  readonly used: number;
  readonly usedRatio: number;
  readonly available: number;
  readonly availableRaw: number;
}

/** Share of a rule's data that each OSD gets: the take steps' weights. */
function shares(state: MonState, rule: number): Map<number, number> {
  const crush = state.osdmap.crushMap;
  const weights = new Map<number, number>();
  let sum = 0;
  const visit = (id: number, w: number): void => {
    if (id >= 0) {
      weights.set(id, (weights.get(id) ?? 0) + w);
      sum += w;
      return;
    }
    const bucket = crush.buckets.get(id);
    const below = bucket ? itemWeights(bucket) : [];
    bucket?.items.forEach((child, i) => {
      visit(child, below[i]!);
    });
  };
  for (const step of crush.rules[rule]?.steps ?? []) if (step.op === 1) visit(step.arg1, 0);
  for (const [osd, w] of weights) weights.set(osd, f32(w / sum));
  return weights;
}

/** Raw bytes that a rule's OSDs can take until the first of them is full. */
function ruleAvailable(state: MonState, rule: number): number {
  let least = -1;
  for (const [osd, share] of shares(state, rule)) {
    const s = state.osdmap.isIn(osd) ? state.osdStats.get(osd) : undefined;
    if (!s || s.totalBytes === 0 || share === 0) continue;
    const kb = Math.floor(s.totalBytes / 1024);
    const unusable = kb * f32(1 - f32(state.osdmap.data.fullRatio));
    const free = Math.max(0, Math.floor(s.availableBytes / 1024) - unusable) * 1024;
    const projected = Math.trunc(free / share);
    if (least < 0 || projected < least) least = projected;
  }
  return Math.max(0, least);
}

/** Usage of every pool by id. @param stats what each pool holds, by name */
function poolUsages(state: MonState, stats: ReadonlyMap<string, PoolStat>): PoolUsage[] {
  const usages: PoolUsage[] = [];
  for (const [id, pool] of [...state.osdmap.data.pools].sort((a, b) => a[0] - b[0])) {
    const name = state.osdmap.poolName(id) ?? '';
    const stat = stats.get(name);
    if (!stat) continue;
    const sum = stat.stats.sum;
    const copies = f32((sum.numObjectCopies - sum.numObjectsDegraded) / sum.numObjectCopies);
    const rate = f32(f32(rawRate(state, pool)) * (sum.numObjectCopies > 0 ? copies : 1));
    const availableRaw = ruleAvailable(state, ruleOf(state.osdmap.crushMap, pool));
    const { allocated, dataStored, omapAllocated } = stat.storeStats;
    const used = allocated + omapAllocated;
    const user = (raw: number): number => (rate > 0 ? Math.trunc(f32(f32(raw) / rate)) : 0);
    const storedData = user(dataStored);
    const storedOmap = user(omapAllocated);
    let usedRatio = 0;
    if (availableRaw > 0) usedRatio = f32(f32(used) / f32(f32(used) + f32(availableRaw)));
    else if (used > 0) usedRatio = 1;
    usages.push({
      name,
      id,
      pool,
      stat,
      storedData,
      storedOmap,
      storedRaw: Math.trunc(f32((storedData + storedOmap) * rate)),
      used,
      usedRatio,
      available: rate > 0 ? Math.trunc(f32(f32(availableRaw) / rate)) : 0,
      availableRaw,
    });
  }
  return usages;
}

/** Bytes of users in each pool, without their copies. */
export function storedByPool(state: MonState): Map<number, number> {
  const usages = poolUsages(state, poolStats(state));
  return new Map(usages.map((u) => [u.id, u.storedData + u.storedOmap]));
}

const STORAGE: Column[] = [
  ['CLASS', 'l', 'l'],
  ['SIZE', 'r', 'r'],
  ['AVAIL', 'r', 'r'],
  ['USED', 'r', 'r'],
  ['RAW USED', 'r', 'r'],
  ['%RAW USED', 'r', 'r'],
];
const right = (title: string): Column => [title, 'r', 'r'];

const usedRatio = (s: Space): number => (s.total > 0 ? f32((s.total - s.available) / s.total) : 0);

/** Space by device class, in the order of the classes' names. */
function byClass(state: MonState): [string, Space][] {
  const crush = state.osdmap.crushMap;
  const osds = rootsOf(crush, { shadow: false }).flatMap((root) => devicesBelow(crush, root));
  const classes = new Set(osds.flatMap((osd) => classOf(crush, osd) ?? []));
  return [...classes]
    .sort()
    .map((name): [string, Space] => [name, spaceOf(state, (osd) => classOf(crush, osd) === name)])
    .filter(([, space]) => space.osds > 0);
}

function dfText(state: MonState, usages: readonly PoolUsage[], detail: boolean): string {
  const storageRow = (name: string, s: Space): string[] => [
    name,
    bytes(s.total),
    bytes(s.available),
    bytes(s.used),
    bytes(s.total - s.available),
    percent(usedRatio(s) * 100),
  ];
  const storage = [
    ...byClass(state).map(([name, s]) => storageRow(name, s)),
    storageRow('TOTAL', spaceOf(state)),
  ];
  const columns: Column[] = [['POOL', 'l', 'l'], right('ID'), right('PGS'), right('STORED')];
  if (detail) columns.push(right('(DATA)'), right('(OMAP)'));
  columns.push(right('OBJECTS'), right('USED'));
  if (detail) columns.push(right('(DATA)'), right('(OMAP)'));
  columns.push(right('%USED'), right('MAX AVAIL'));
  if (detail) {
    const titles = ['QUOTA OBJECTS', 'QUOTA BYTES', 'DIRTY', 'USED COMPR', 'UNDER COMPR'];
    columns.push(...titles.map(right));
  }
  const rows = usages.map((u) => {
    const sum = u.stat.stats.sum;
    const { quotaMaxObjects, quotaMaxBytes } = u.pool;
    const row = [u.name, String(u.id), String(u.pool.pgNum), bytes(u.storedData + u.storedOmap)];
    if (detail) row.push(bytes(u.storedData), bytes(u.storedOmap));
    row.push(count(sum.numObjects), bytes(u.used));
    const { allocated, omapAllocated } = u.stat.storeStats;
    if (detail) row.push(bytes(allocated), bytes(omapAllocated));
    row.push(percent(u.usedRatio * 100), bytes(u.available));
    if (detail) {
      const { dataCompressedAllocated, dataCompressedOriginal } = u.stat.storeStats;
      row.push(
        quotaMaxObjects > 0n ? count(Number(quotaMaxObjects)) : 'N/A',
        quotaMaxBytes > 0n ? bytes(Number(quotaMaxBytes)) : 'N/A',
        u.pool.tierOf >= 0 ? count(sum.numObjectsDirty) : 'N/A',
        bytes(dataCompressedAllocated),
        bytes(dataCompressedOriginal),
      );
    }
    return row;
  });
  return `--- RAW STORAGE ---\n${table(STORAGE, storage)} \n--- POOLS ---\n${table(columns, rows)}`;
}

function spaceJson(s: Space): { [key: string]: Json } {
  return {
    total_bytes: s.total,
    total_avail_bytes: s.available,
    total_used_bytes: s.used,
    total_used_raw_bytes: s.total - s.available,
    total_used_raw_ratio: usedRatio(s),
  };
}

function dfJson(state: MonState, usages: readonly PoolUsage[], detail: boolean): Json {
  const all = spaceOf(state);
  return {
    stats: {
      ...spaceJson(all),
      num_osds: all.osds,
      num_per_pool_osds: all.osds,
      num_per_pool_omap_osds: all.osds,
    },
    stats_by_class: new Map(
      byClass(state).map(([name, s]): [string, Json] => [name, spaceJson(s)]),
    ),
    pools: usages.map((u) => {
      const sum = u.stat.stats.sum;
      const more: { [key: string]: Json } = {
        quota_objects: u.pool.quotaMaxObjects,
        quota_bytes: u.pool.quotaMaxBytes,
        dirty: u.pool.tierOf >= 0 ? sum.numObjectsDirty : 0,
        rd: sum.numRd,
        rd_bytes: sum.numRdKb * 1024,
        wr: sum.numWr,
        wr_bytes: sum.numWrKb * 1024,
        compress_bytes_used: u.stat.storeStats.dataCompressedAllocated,
        compress_under_bytes: u.stat.storeStats.dataCompressedOriginal,
        stored_raw: u.storedRaw,
        avail_raw: u.availableRaw,
      };
      return {
        name: u.name,
        id: u.id,
        stats: {
          stored: u.storedData + u.storedOmap,
          ...(detail && { stored_data: u.storedData, stored_omap: u.storedOmap }),
          objects: sum.numObjects,
          kb_used: Math.ceil(u.used / 1024),
          bytes_used: u.used,
          ...(detail && {
            data_bytes_used: u.stat.storeStats.allocated,
            omap_bytes_used: u.stat.storeStats.omapAllocated,
          }),
          percent_used: u.usedRatio,
          max_avail: u.available,
          ...(detail && more),
        },
      };
    }),
  };
}

/**
 * `ceph df`.
 * @param stats what each pool holds; from the PGs unless given
 */
export function df(
  state: MonState,
  args: CommandArgs,
  stats: ReadonlyMap<string, PoolStat> = poolStats(state),
): CommandReply {
  const detail = args.text('detail') === 'detail';
  const usages = poolUsages(state, stats);
  return textOrValue(
    args,
    () => dfText(state, usages, detail),
    () => dfJson(state, usages, detail),
    { end: 'newline' },
  );
}

export const dfCommands: ReadCommand[] = [
  {
    sig: 'df name=detail,type=CephChoices,strings=detail,req=false',
    help: 'Show how much space is used, in all and by pool',
    module: 'mon',
    perm: 'r',
    run: (state, args) => df(state, args),
  },
];
