import type { DistributionSummary, MovedData, Movement } from '../../balancer/index.ts';
import { type Column, table } from '../../codec/index.ts';

// Numbers as people read them, and the tables that several words print.

/** 1.50 TiB */
export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value.toFixed(unit === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2)} ${units[unit]}`;
}

/** 2 d 3 h, 14 h 20 min, 3 min 5 s */
export function timeText(seconds: number): string {
  const s = Math.round(seconds);
  const pairs: [number, string, number, string][] = [
    [86_400, 'd', 3600, 'h'],
    [3600, 'h', 60, 'min'],
    [60, 'min', 1, 's'],
  ];
  for (const [large, largeName, small, smallName] of pairs) {
    if (s < large) continue;
    const rest = Math.floor((s % large) / small);
    return `${Math.floor(s / large)} ${largeName}${rest > 0 ? ` ${rest} ${smallName}` : ''}`;
  }
  return `${s} s`;
}

export function percent(ratio: number): string {
  const value = ratio * 100;
  return `${value.toFixed(value < 1 ? 3 : value < 10 ? 2 : 1)}%`;
}

function countText(n: number): string {
  return `${Math.round(n)}`;
}

export function leastText(least: number | undefined): string {
  return least === undefined ? '-' : countText(least);
}

export function ratioText(moved: number, least: number | undefined): string {
  return least === undefined || least < 1 ? '-' : (moved / least).toFixed(2);
}

const right = (title: string): Column => [title, 'r', 'r'];
export const left = (title: string): Column => [title, 'l', 'l'];
export const numbers = (titles: string): Column[] => titles.split(' ').map(right);

/** Rows of {@link DistributionSummary}. */
export function spreadTable(rows: readonly (readonly [string, DistributionSummary])[]): string {
  const columns = [
    left('SPREAD'),
    ...numbers('DEVICES SHARDS MEAN STDDEV MAX-DEV FULLEST EMPTIEST USABLE VS-CHANCE'),
  ];
  return table(
    columns,
    rows.map(([name, s]) => [
      name,
      `${s.devices}`,
      `${s.shards}`,
      s.mean.toFixed(2),
      s.standardDeviation.toFixed(2),
      s.maxDeviation.toFixed(2),
      percent(s.fullest),
      percent(s.emptiest),
      percent(s.usable),
      s.varianceRatio.toFixed(3),
    ]),
  );
}

/** What moves, per pool and in all. */
export function movementTable(m: Movement): string {
  const columns = [
    left('POOL'),
    ...numbers('PGS PGS-MOVED SHARDS MOVED RATIO LEAST MOVED/LEAST OBJECTS BYTES'),
    ...numbers('DEGRADED UNDERSIZED BELOW-MIN LOST'),
  ];
  const row = (name: string, d: MovedData): string[] => [
    name,
    `${d.pgs}`,
    `${d.pgsMoved}`,
    `${d.shards}`,
    `${d.shardsMoved}`,
    percent(d.shards === 0 ? 0 : d.shardsMoved / d.shards),
    leastText(d.shardsLeast),
    ratioText(d.shardsMoved, d.shardsLeast),
    countText(d.objectsMoved),
    bytesText(d.bytesMoved),
    `${d.shardsDegraded}`,
    `${d.undersized}`,
    `${d.belowMinSize}`,
    `${d.lost}`,
  ];
  const rows = m.pools.map((p) => row(p.name, p));
  if (rows.length !== 1) rows.push(row('total', m.total));
  return table(columns, rows);
}

export function spreadJson(s: DistributionSummary): Record<string, number> {
  return {
    devices: s.devices,
    shards: s.shards,
    mean: s.mean,
    stddev: s.standardDeviation,
    max_deviation: s.maxDeviation,
    fullest: s.fullest,
    emptiest: s.emptiest,
    usable: s.usable,
    variance_ratio: s.varianceRatio,
  };
}

function movedJson(d: MovedData): Record<string, number | null> {
  return {
    pgs: d.pgs,
    pgs_moved: d.pgsMoved,
    shards: d.shards,
    shards_moved: d.shardsMoved,
    shards_least: d.shardsLeast ?? null,
    shards_degraded: d.shardsDegraded,
    objects_moved: d.objectsMoved,
    bytes: d.bytes,
    bytes_moved: d.bytesMoved,
    pgs_undersized: d.undersized,
    pgs_below_min_size: d.belowMinSize,
    pgs_lost: d.lost,
  };
}

export function movementJson(m: Movement): Record<string, unknown> {
  return {
    total: movedJson(m.total),
    pools: m.pools.map((p) => ({ id: p.poolId, name: p.name, ...movedJson(p) })),
    moved_ratio: m.movedRatio,
    over_optimum: m.overOptimum ?? null,
    recovery: { seconds: m.recovery.seconds, least_seconds: m.recovery.leastSeconds },
  };
}

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

/** Tells on a terminal what takes long; nothing where stderr is read by a program. */
export function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text === '' ? '' : `${text} ...`}`);
}
