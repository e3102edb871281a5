import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeAll, encodeToBytes } from '../src/codec/index.ts';
import { strHashRjenkins } from '../src/crush/index.ts';
import {
  decodeIncremental,
  encodeIncremental,
  MonMap,
  newPgPool,
  OSDMap,
  POOL_TYPE,
} from '../src/maps/index.ts';
import { formatPgId, type PgId, parsePgId, TIME_ZERO } from '../src/wire/index.ts';

// Maps of a real cluster: see test/golden/maps/README.md.
const GOLDEN = new URL('golden/maps/', import.meta.url);
const read = (name: string): Buffer => readFileSync(new URL(name, GOLDEN));
const LAST_EPOCH = 134;

const maps = ['live/', 'syn/'].flatMap((folder) =>
  readdirSync(new URL(folder, GOLDEN))
    .filter((name) => !name.startsWith('inc.') && !name.endsWith('.gz'))
    .map((name) => folder + name),
);

test('the golden maps are all there', () => {
  expect(maps.length).toBeGreaterThan(20);
});

describe.each(maps)('%s', (name) => {
  const bytes = read(name);
  const map = OSDMap.decode(bytes);

  test('re-encodes byte for byte', () => {
    expect(map.encode().equals(bytes)).toBe(true);
  });

  test('places every PG where osdmaptool does', () => {
    let rows = 0;
    for (const line of gunzipSync(read(`${name}.pgs-all.gz`))
      .toString()
      .split('\n')) {
      const m = /^(\S+) raw \((\S+), p\S+\) up \((\S+), p(\S+)\) acting \((\S+), p(\S+)\)$/.exec(
        line,
      );
      if (!m) continue;
      const pg = parsePgId(m[1]!)!;
      const { up, upPrimary, acting, actingPrimary } = map.pgToUpActing(pg);
      expect([m[1], map.pgToRaw(pg), up, upPrimary, acting, actingPrimary]).toEqual([
        m[1],
        JSON.parse(m[2]!),
        JSON.parse(m[3]!),
        Number(m[4]),
        JSON.parse(m[5]!),
        Number(m[6]),
      ]);
      rows++;
    }
    expect(rows).toBe([...map.pgs()].length);
  });

  test('refuses a wrong checksum', () => {
    const damaged = Buffer.from(bytes);
    damaged[40] = damaged[40]! ^ 1; // in a time stamp, which decodes whatever it holds
    expect(() => OSDMap.decode(damaged)).toThrow(/crc \d+ stored, \d+ computed/);
  });
});

test('every incremental re-encodes byte for byte and leads to the map of its checksum', () => {
  let map: OSDMap | undefined;
  for (let epoch = 1; epoch <= LAST_EPOCH; epoch++) {
    const bytes = read(`live/inc.${epoch}`);
    const inc = decodeIncremental(bytes);
    expect(inc.epoch).toBe(epoch);
    const before = map?.encode();
    const next: OSDMap = map ? map.applyIncremental(inc) : OSDMap.decode(inc.fullmap);
    expect(`${epoch} ${next.crc}`).toBe(`${epoch} ${inc.fullCrc}`);
    expect(encodeIncremental(inc, next).equals(bytes)).toBe(true);
    if (map) expect(map.encode().equals(before!)).toBe(true); // the older epoch stays as it was
    // Placements taken over from the epoch before are those the map has by itself.
    const alone = new OSDMap(next.data);
    for (const pg of next.pgs()) expect(next.pgToUpActing(pg)).toEqual(alone.pgToUpActing(pg));
    map = next;
  }
  expect(map!.encode().equals(read(`live/full.${LAST_EPOCH}`))).toBe(true);
});

test('an incremental with a wrong checksum, or for another epoch or cluster, is refused', () => {
  const bytes = Buffer.from(read('live/inc.73'));
  const map = OSDMap.decode(read('live/full.72'));
  const inc = decodeIncremental(bytes);
  expect(map.applyIncremental(inc).epoch).toBe(73);
  expect(() => map.applyIncremental({ ...inc, epoch: 74 })).toThrow(/does not follow 72/);
  expect(() => map.applyIncremental({ ...inc, fsid: TIME_FSID })).toThrow(/fsid/);
  expect(() => map.applyIncremental({ ...inc, newWeight: new Map([[900, 0]]) })).toThrow(/osd.900/);
  expect(() => map.applyIncremental({ ...inc, newMaxOsd: 2 ** 30 })).toThrow(/max_osd/);
  bytes[40] = bytes[40]! ^ 1;
  expect(() => decodeIncremental(bytes)).toThrow(/crc/);
});
const TIME_FSID = '11111111-2222-3333-4444-555555555555';

test('names hash as the client hashes them', () => {
  const bytesOf = (hex: string): string =>
    hex === '-' ? '' : Buffer.from(hex, 'hex').toString('latin1');
  const map = withPool(256);
  const lines = read('object-hashes.txt').toString().trim().split('\n');
  for (const line of lines) {
    const [oid = '', ns = '', key = '', hash] = line.split(' ');
    const place = map.locate(1, bytesOf(oid), bytesOf(key), bytesOf(ns))!;
    expect(`${oid} ${place.hash}`).toBe(`${oid} ${hash}`);
    expect(place.pgid).toEqual({ pool: 1, seed: Number(hash) % 256 });
  }
  expect(lines.length).toBe(293);
  expect(strHashRjenkins('foo')).toBe(0x7fc1f406);
});

/** A map with one pool, made from a real one. */
function withPool(pgNum: number): OSDMap {
  const { data } = OSDMap.decode(read('live/full.1'));
  const pool = newPgPool({
    type: POOL_TYPE.replicated,
    size: 3,
    minSize: 2,
    crushRule: 0,
    pgNum,
    createTime: TIME_ZERO,
  });
  return new OSDMap({ ...data, pools: new Map([[1, pool]]), poolNames: new Map([[1, 'p']]) });
}

test('a pool that does not exist has no place, a PG that does not exist no OSDs', () => {
  const map = withPool(8);
  expect(map.locate(2, 'x')).toBeUndefined();
  expect(map.pgToUpActing({ pool: 1, seed: 8 }).actingPrimary).toBe(-1);
  expect(map.poolByName('p')?.id).toBe(1);
  expect(map.poolByName('q')).toBeUndefined();
});

test('pgsOfOsd lists the PGs in whose up or acting set the OSD is', () => {
  const map = OSDMap.decode(read('live/full.126'));
  for (const osd of map.osds()) {
    const mine = new Set(map.pgsOfOsd(osd).map(formatPgId));
    for (const pg of map.pgs()) {
      const { up, acting } = map.pgToUpActing(pg);
      expect(mine.has(formatPgId(pg))).toBe([...up, ...acting].includes(osd));
    }
  }
  expect(map.pgsOfOsd(map.osds()[0]!).length).toBeGreaterThan(0);
});

test('pgsOfOsd of some PGs looks at no others', () => {
  const whole = OSDMap.decode(read('live/full.126'));
  const [osd] = whole.osds();
  const all = whole.pgsOfOsd(osd!);
  const isOdd = (pg: PgId): boolean => pg.seed % 2 === 1;
  const fresh = OSDMap.decode(read('live/full.126'));
  const known = OSDMap.decode(read('live/full.126'));
  for (const pg of known.pgs()) known.pgToUpActing(pg);
  for (const map of [fresh, known, whole]) {
    const odd = map.pgsOfOsd(osd!, isOdd);
    expect(odd).toEqual(all.filter(isOdd));
    expect(map.pgsOfOsd(osd!, isOdd)).toBe(odd);
    expect(map.pgsOfOsd(osd!)).toEqual(all);
  }
  expect(all.some(isOdd) && !all.every(isOdd)).toBe(true);
});

test.each(['ipv6', 'legacy-v1', 'live', 'one-v2v1', 'three'])('monmap %s', (name) => {
  const bytes = read(`monmap/${name}`);
  const map = decodeAll(MonMap, bytes);
  expect(encodeToBytes(MonMap, map).equals(bytes)).toBe(true);
  const text = read(`monmap/${name}.txt`).toString();
  expect(text).toContain(`epoch ${map.epoch}\nfsid ${map.fsid}\n`);
  const ranks = map.ranks.map((mon, rank) => new RegExp(`^${rank}: .* mon\\.${mon}$`, 'm'));
  for (const line of ranks) expect(text).toMatch(line);
  expect([...map.monInfo.keys()].sort()).toEqual([...map.ranks].sort());
});
