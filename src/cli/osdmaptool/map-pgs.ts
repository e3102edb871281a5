import { general } from '../../codec/index.ts';
import { CRUSH_ITEM_NONE, currentWeight, editMany } from '../../crush/index.ts';
import { type OSDMap, osdList, type PoolMapping, WEIGHT_ONE } from '../../maps/index.ts';
import { formatPgId, parsePgId } from '../../wire/index.ts';
import { ToolFailure, type ToolIo } from '../tool-io.ts';
import { ME } from './files.ts';
import type { Request } from './request.ts';
import { USAGE } from './usage.ts';
import type { WorkingMap } from './working-map.ts';

/** --test-map-object and --test-map-pg. @throws ToolFailure */
export function mapOne(r: Request, { osdmap }: WorkingMap, io: ToolIo): void {
  if (r.testMapObject !== '') {
    if (r.pool === -1) io.out(`${ME}: assuming pool 1 (use --pool to override)\n`);
    const pool = r.pool === -1 ? 1 : r.pool;
    const place = osdmap.locate(pool, r.testMapObject);
    if (!place) throw new ToolFailure(`There is no pool ${pool}`);
    const { pgid } = place;
    const { acting } = osdmap.pgToUpActing(pgid);
    io.out(` object '${r.testMapObject}' -> ${formatPgId(pgid)} -> ${osdList(acting)}\n`);
  }
  if (r.testMapPg !== '') {
    const pgid = parsePgId(r.testMapPg);
    if (!pgid) {
      io.err(`${ME}: failed to parse pg '${r.testMapPg}\n`);
      io.out(USAGE);
      throw new ToolFailure('');
    }
    const name = formatPgId(pgid);
    io.out(` parsed '${r.testMapPg}' -> ${name}\n`);
    const raw = osdmap.pgToRaw(pgid);
    // A seed beyond pg_num is taken for the hash of an object.
    const { pool, seed } = pgid;
    const place = osdmap.pgToUpActing(osdmap.rawPgToPg(pool, seed) ?? pgid);
    io.out(placeLine(name, raw, place.up, place.upPrimary, place.acting, place.actingPrimary));
  }
}

function placeLine(
  name: string,
  raw: readonly number[],
  up: readonly number[],
  upPrimary: number,
  acting: readonly number[],
  actingPrimary: number,
): string {
  const rawPrimary = raw.find((osd) => osd !== CRUSH_ITEM_NONE) ?? -1;
  return (
    `${name} raw (${osdList(raw)}, p${rawPrimary}) up (${osdList(up)}, p${upPrimary}) ` +
    `acting (${osdList(acting)}, p${actingPrimary})\n`
  );
}

/** --test-map-pgs and its kin. @throws ToolFailure */
export function mapAll(r: Request, map: WorkingMap, io: ToolIo): void {
  if (!r.testMapPgs && !r.testMapPgsDump && !r.testMapPgsDumpAll) return;
  if (r.pool !== -1 && !map.osdmap.pool(r.pool)) {
    throw new ToolFailure(`There is no pool ${r.pool}`);
  }
  if (r.pgNum > 0) setPgNum(r, map);
  const counts = new Counts(map.data.maxOsd);
  for (const id of [...map.data.pools.keys()].sort((a, b) => a - b)) {
    if (r.pool !== -1 && id !== r.pool) continue;
    const real = map.osdmap.poolMapping(id)!;
    const m = r.testRandom ? scattered(real, map.osdmap.pool(id)!.size, map.data.maxOsd) : real;
    io.out(`pool ${id} pg_num ${m.pgNum}\n`);
    for (let seed = 0; seed < m.pgNum; seed++) {
      if (r.testMapPgsDump) io.out(dumpLine(m, seed));
      else if (r.testMapPgsDumpAll) io.out(dumpAllLine(m, seed));
      counts.add(m.acting, seed * m.width, m.actingCounts[seed]!, m.actingPrimary[seed]!);
    }
  }
  io.out(counts.text(map.osdmap));
}

/** The pools that are looked at get another pg_num, which stays if the map is written. */
function setPgNum(r: Request, map: WorkingMap): void {
  const pools = [...map.data.pools].map(([id, pool]) => {
    const isMeant = r.pool === -1 || r.pool === id;
    return [id, isMeant ? { ...pool, pgNum: r.pgNum, pgNumPending: r.pgNum } : pool] as const;
  });
  map.set({ pools: new Map(pools) });
}

/** The same PGs placed at random, to compare with. */
function scattered(m: PoolMapping, size: number, maxOsd: number): PoolMapping {
  const acting = Int32Array.from({ length: m.pgNum * size }, () =>
    Math.floor(Math.random() * maxOsd),
  );
  return {
    ...m,
    width: size,
    acting,
    actingCounts: new Uint16Array(m.pgNum).fill(size),
    actingPrimary: Int32Array.from({ length: m.pgNum }, (_, seed) => acting[seed * size]!),
  };
}

const pgName = (m: PoolMapping, seed: number): string => formatPgId({ pool: m.poolId, seed });
const row = (ids: Int32Array, m: PoolMapping, seed: number, count: number): number[] => [
  ...ids.subarray(seed * m.width, seed * m.width + count),
];

function dumpLine(m: PoolMapping, seed: number): string {
  const acting = row(m.acting, m, seed, m.actingCounts[seed]!);
  return `${pgName(m, seed)}\t${osdList(acting)}\t${m.actingPrimary[seed]}\n`;
}

function dumpAllLine(m: PoolMapping, seed: number): string {
  return placeLine(
    pgName(m, seed),
    row(m.raw, m, seed, m.rawCounts[seed]!),
    row(m.up, m, seed, m.upCounts[seed]!),
    m.upPrimary[seed]!,
    row(m.acting, m, seed, m.actingCounts[seed]!),
    m.actingPrimary[seed]!,
  );
}

/** How many PGs each OSD has, and how evenly that is. */
class Counts {
  private readonly all: Int32Array;
  private readonly first: Int32Array;
  private readonly primary: Int32Array;
  private readonly sizes: number[] = [];

  constructor(maxOsd: number) {
    this.all = new Int32Array(maxOsd);
    this.first = new Int32Array(maxOsd);
    this.primary = new Int32Array(maxOsd);
  }

  add(ids: Int32Array, start: number, count: number, primary: number): void {
    this.sizes[count] = (this.sizes[count] ?? 0) + 1;
    for (let i = start; i < start + count; i++) {
      if (ids[i] !== CRUSH_ITEM_NONE) this.all[ids[i]!]!++;
    }
    if (count > 0 && ids[start] !== CRUSH_ITEM_NONE) this.first[ids[start]!]!++;
    if (primary >= 0) this.primary[primary]!++;
  }

  text(map: OSDMap): string {
    const lines = ['#osd\tcount\tfirst\tprimary\tc wt\twt'];
    const seen: { osd: number; count: number }[] = [];
    const crush = map.crushMap;
    editMany(crush, () => {
      for (let osd = 0; osd < map.data.maxOsd; osd++) {
        const weight = map.isIn(osd) ? (currentWeight(crush, osd) ?? 0) : 0;
        if (weight <= 0) continue;
        const count = this.all[osd]!;
        seen.push({ osd, count });
        const cells = [
          `osd.${osd}`,
          count,
          this.first[osd],
          this.primary[osd],
          general(weight / WEIGHT_ONE),
          general(map.data.osdWeight[osd]! / WEIGHT_ONE),
        ];
        lines.push(cells.join('\t'));
      }
    });
    lines.push(...spread(seen));
    this.sizes.forEach((pgs, size) => {
      lines.push(`size ${size}\t${pgs}`);
    });
    return `${lines.join('\n')}\n`;
  }
}

function spread(seen: readonly { osd: number; count: number }[]): string[] {
  const n = seen.length;
  const total = seen.reduce((sum, { count }) => sum + count, 0);
  const average = n > 0 ? Math.floor(total / n) : 0;
  const deviation = Math.sqrt(seen.reduce((sum, s) => sum + (average - s.count) ** 2, 0) / n);
  const expected = Math.sqrt((total / n) * (1 - 1 / n));
  const ofAverage = (v: number): string => `${general(v / average)}x`;
  const lines = [
    ` in ${n}`,
    ` avg ${average} stddev ${general(deviation)} (${ofAverage(deviation)}) ` +
      `(expected ${general(expected)} ${ofAverage(expected)}))`,
  ];
  const served = seen.filter(({ count }) => count > 0);
  const extreme = (pick: (a: number, b: number) => boolean) =>
    served.reduce<(typeof served)[number] | undefined>(
      (best, s) => (!best || pick(s.count, best.count) ? s : best),
      undefined,
    );
  const least = extreme((a, b) => a < b);
  const most = extreme((a, b) => a > b);
  if (least) lines.push(` min osd.${least.osd} ${least.count}`);
  if (most) lines.push(` max osd.${most.osd} ${most.count}`);
  return lines;
}

/** Status of a program that a closed pipe ended, as shells tell it. */
const STATUS_SIGPIPE = 141;

/**
 * --test-crush: maps every PG a hundred times, and all over again, until someone stops the tool.
 * @throws ToolFailure once nobody listens any more
 */
export function mapForever(r: Request, { osdmap }: WorkingMap, io: ToolIo): void {
  if (!r.testCrush) return;
  const known = new Map<string, string>();
  for (let pass = 1; !io.isOutClosed; pass++) {
    io.out(`pass ${pass}\n`);
    for (const pg of osdmap.pgs()) {
      const name = formatPgId(pg);
      for (let attempt = 0; attempt < 100 && !io.isOutClosed; attempt++) {
        io.out(`${name} attempt ${attempt}\n`);
        const now = osdList(osdmap.pgToRaw(pg));
        const before = known.get(name) ?? now;
        if (before !== now) throw new Error(`${name} had ${before} now ${now}`);
        known.set(name, now);
      }
    }
  }
  throw new ToolFailure('', STATUS_SIGPIPE);
}
