import { readFileSync } from 'node:fs';
import { edited, mapWithPool, type PgStats, withCrush } from '../../balancer/index.ts';
import {
  type CrushMap,
  CrushTextError,
  checkCrushMap,
  compileCrushMap,
  crushMapFromDocument,
  decodeCrushMap,
  RULE_TYPE,
} from '../../crush/index.ts';
import { CephError, DecodeError } from '../../errors/index.ts';
import { OSD_STATE, OSDMap, WEIGHT_ONE } from '../../maps/index.ts';
import { nativeCrc32c } from '../../runtime-node/index.ts';
import { formatPgId } from '../../wire/index.ts';
import { crushDocumentFromXml } from '../crushtool/xml.ts';
import { type Parsed, UsageError } from '../usage.ts';
import { POOL_OPTIONS, sizeOption } from './words.ts';

/** A file's map: a whole OSDMap, or a CRUSH map alone. */
export type MapFile =
  | { readonly path: string; readonly osdmap: OSDMap; readonly crush: undefined }
  | { readonly path: string; readonly osdmap: undefined; readonly crush: CrushMap };

/** The first bytes of an encoded CRUSH map. */
const CRUSH_MAGIC = 0x00010000;

/** @throws CephError EINVAL for what is no map; the system's error for a file that cannot be read */
function readMapFile(path: string): MapFile {
  const bytes = readFileSync(path);
  try {
    if (bytes.length >= 4 && bytes.readUInt32LE(0) === CRUSH_MAGIC) {
      return { path, osdmap: undefined, crush: sound(path, decodeCrushMap(bytes)) };
    }
    if (isText(bytes)) {
      return { path, osdmap: undefined, crush: sound(path, crushMapOfText(bytes, path)) };
    }
    const osdmap = OSDMap.decode(bytes, nativeCrc32c);
    sound(path, osdmap.crushMap);
    return { path, osdmap, crush: undefined };
  } catch (e) {
    if (e instanceof CrushTextError)
      throw new CephError('EINVAL', e.lines.join('; '), { cause: e });
    if (e instanceof SyntaxError) throw new CephError('EINVAL', `${path}: ${e.message}`);
    if (!(e instanceof DecodeError)) throw e;
    throw new CephError('EINVAL', `${path} is neither an OSDMap nor a CRUSH map: ${e.message}`, {
      cause: e,
    });
  }
}

/** A CRUSH map as crushtool's text, or as JSON or XML, which `ceph osd crush dump` prints too. */
function crushMapOfText(bytes: Buffer, path: string): CrushMap {
  const first = bytes.toString('latin1').trimStart()[0];
  if (first === '{') return crushMapFromDocument(JSON.parse(bytes.toString()));
  if (first === '<') return crushMapFromDocument(crushDocumentFromXml(bytes.toString()));
  return compileCrushMap(bytes.toString('latin1'), path);
}

/** More than any cluster has; less than what takes all memory. */
const DEVICES_MAX = 1 << 22;

/** A map that asks for absurd work must not be mapped. */
function sound(path: string, crush: CrushMap): CrushMap {
  const [problem] = checkCrushMap(crush, { devicesMax: DEVICES_MAX });
  if (problem !== undefined) throw new CephError('EINVAL', `${path}: ${problem}`);
  return crush;
}

function isText(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 4096).every((b) => b >= 32 || b === 9 || b === 10 || b === 13);
}

/** Two maps to compare. A CRUSH map beside an OSDMap stands for that map with this tree. */
export function mapPair(
  oldPath: string,
  newPath: string,
  args: Parsed,
): { before: OSDMap; after: OSDMap } {
  const [a, b] = [readMapFile(oldPath), readMapFile(newPath)];
  refusePoolOptions(a.osdmap ? a : b, args);
  if (a.osdmap && b.osdmap) return { before: a.osdmap, after: b.osdmap };
  if (a.osdmap && b.crush) return { before: a.osdmap, after: withTree(a.osdmap, b.crush) };
  if (a.crush && b.osdmap) return { before: withTree(b.osdmap, a.crush), after: b.osdmap };
  const devices = Math.max(deviceCount(a.crush!), deviceCount(b.crush!));
  return {
    before: poolMap(a.path, a.crush!, args, devices),
    after: poolMap(b.path, b.crush!, args, devices),
  };
}

/** One map to judge. */
export function singleMap(path: string, args: Parsed): { file: MapFile; map: OSDMap } {
  const file = readMapFile(path);
  refusePoolOptions(file, args);
  if (file.osdmap) return { file, map: file.osdmap };
  return { file, map: poolMap(path, file.crush, args, deviceCount(file.crush)) };
}

/** An OSDMap has pools of its own. */
function refusePoolOptions({ path, osdmap }: MapFile, args: Parsed): void {
  const given = Object.keys(POOL_OPTIONS).find((name) => args.string(name) !== undefined);
  if (!osdmap || given === undefined) return;
  throw new UsageError(`--${given} is for a CRUSH map alone; ${path} has its own pools`);
}

/** The map with another tree, whose devices that the map does not know are added as up and in. */
function withTree(map: OSDMap, crush: CrushMap): OSDMap {
  const added = devicesOf(crush).filter((osd) => !map.exists(osd));
  const changed = edited(map, {
    newMaxOsd: Math.max(map.data.maxOsd, crush.maxDevices),
    newState: new Map(added.map((osd) => [osd, OSD_STATE.up])),
    newWeight: new Map(added.map((osd) => [osd, WEIGHT_ONE])),
  });
  return withCrush(changed, crush);
}

function devicesOf(crush: CrushMap): number[] {
  const devices = new Set<number>();
  for (const { items } of crush.buckets.values()) {
    for (const item of items) if (item >= 0) devices.add(item);
  }
  return [...devices];
}

function deviceCount(crush: CrushMap): number {
  return devicesOf(crush).length;
}

const SHARDS_PER_DEVICE = 100;

/** PGs for about a hundred shards per device: a power of two, as pools have. */
export function usualPgNum(devices: number, size: number): number {
  return 2 ** Math.max(0, Math.round(Math.log2((devices * SHARDS_PER_DEVICE) / size)));
}

export interface PoolShape {
  readonly size: number;
  readonly pgNum: number | undefined;
  readonly dataShards: number | undefined;
}

/** @throws UsageError */
export function poolShape(args: Parsed): PoolShape {
  const size = args.integer('size', 1, 64) ?? 3;
  const dataShards = args.integer('data-shards', 1, 64);
  if (dataShards !== undefined && dataShards > size) {
    throw new UsageError(`--data-shards ${dataShards} of ${size} shards`);
  }
  return { size, pgNum: args.integer('pg-num', 1, 1 << 22), dataShards };
}

function poolMap(path: string, crush: CrushMap, args: Parsed, devices: number): OSDMap {
  const { size, pgNum, dataShards } = poolShape(args);
  const rule = ruleOption(path, crush, args.string('rule'));
  const { type, minSize, maxSize } = crush.rules[rule]!;
  if (size < minSize || size > maxSize) {
    throw new UsageError(
      `rule ${rule} of ${path} serves sizes ${minSize} to ${maxSize}, not ${size}`,
    );
  }
  return mapWithPool(crush, {
    pgNum: pgNum ?? usualPgNum(devices, size),
    size,
    rule,
    erasure: type === RULE_TYPE.ERASURE,
    ...(dataShards !== undefined && { dataShards }),
  });
}

function ruleOption(path: string, crush: CrushMap, word: string | undefined): number {
  const ids = [...crush.rules.keys()].filter((id) => crush.rules[id] !== undefined);
  const found =
    word === undefined
      ? ids[0]
      : ids.find((id) => crush.ruleNames.get(id) === word || `${id}` === word);
  if (found !== undefined) return found;
  throw new CephError('ENOENT', `${path} has no rule${word === undefined ? '' : ` ${word}`}`);
}

/** Ids of the pools named, or of all. @throws CephError ENOENT */
export function poolIds(map: OSDMap, args: Parsed): number[] {
  const names = args.string('pool');
  if (names === undefined) return [...map.data.pools.keys()].sort((a, b) => a - b);
  return names.split(',').map((name) => {
    const pool = map.poolByName(name);
    if (!pool) throw new CephError('ENOENT', `no pool ${name}`);
    return pool.id;
  });
}

/**
 * What the PGs hold: from a pg dump, or totals spread evenly, or nothing.
 * @throws UsageError; CephError EINVAL for a file that is no pg dump
 */
export function statsOf(args: Parsed, map: OSDMap): { stats: PgStats; isKnown: boolean } {
  const path = args.string('pg-dump');
  const total = ['objects', 'bytes'].find((name) => args.string(name) !== undefined);
  if (path !== undefined && total !== undefined) {
    throw new UsageError(`--${total} stands in for --pg-dump, not beside it`);
  }
  if (path !== undefined) return { stats: readPgDump(path), isKnown: true };
  const bytes = sizeOption(args, 'bytes');
  const objects = args.integer('objects', 0, Number.MAX_SAFE_INTEGER);
  let pgs = 0;
  for (const pool of map.data.pools.values()) pgs += pool.pgNum;
  const each = { objects: (objects ?? 0) / pgs, bytes: (bytes ?? 0) / pgs };
  return { stats: () => each, isKnown: bytes !== undefined };
}

function readPgDump(path: string): PgStats {
  const contents = new Map<string, { objects: number; bytes: number }>();
  for (const { pgid, stat_sum } of pgStatsIn(path, readFileSync(path, 'utf8'))) {
    contents.set(pgid, { objects: stat_sum.num_objects, bytes: stat_sum.num_bytes });
  }
  const nothing = { objects: 0, bytes: 0 };
  return (pool, seed) => contents.get(formatPgId({ pool, seed })) ?? nothing;
}

interface DumpedPg {
  readonly pgid: string;
  readonly stat_sum: { readonly num_objects: number; readonly num_bytes: number };
}

function pgStatsIn(path: string, text: string): DumpedPg[] {
  let dump: unknown;
  try {
    dump = JSON.parse(text);
  } catch (e) {
    throw new CephError('EINVAL', `${path} is no JSON`, { cause: e });
  }
  const whole = dump as { pg_map?: { pg_stats?: unknown }; pg_stats?: unknown } | null;
  const list = whole?.pg_map?.pg_stats ?? whole?.pg_stats;
  if (!Array.isArray(list) || !list.every(isDumpedPg)) {
    throw new CephError('EINVAL', `${path} is not what 'ceph pg dump --format json' prints`);
  }
  return list;
}

function isDumpedPg(value: unknown): value is DumpedPg {
  const { pgid, stat_sum } = (value ?? {}) as Partial<DumpedPg>;
  return (
    typeof pgid === 'string' &&
    typeof stat_sum?.num_bytes === 'number' &&
    typeof stat_sum.num_objects === 'number'
  );
}
