import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createDefaultCrushMap } from '../src/crush/index.ts';
import {
  emptyIncremental,
  firstOSDMap,
  holds,
  newPgPool,
  OSD_STATE,
  OSDMap,
  POOL_TYPE,
  type PoolMapping,
} from '../src/maps/index.ts';

const NONE = 0x7fffffff;
const GOLDEN = new URL('golden/maps/', import.meta.url);
const maps = ['live/', 'syn/'].flatMap((folder) =>
  readdirSync(new URL(folder, GOLDEN))
    .filter((name) => !name.startsWith('inc.') && !name.endsWith('.gz'))
    .map((name) => readFileSync(new URL(folder + name, GOLDEN))),
);

const row = (m: PoolMapping, ids: Int32Array, counts: Uint16Array, seed: number): number[] => {
  const all = [...ids.subarray(seed * m.width, (seed + 1) * m.width)];
  expect(all.slice(counts[seed])).toEqual(all.slice(counts[seed]).fill(NONE));
  return all.slice(0, counts[seed]);
};

test('a whole pool is mapped as each of its PGs is: replicated, erasure-coded, with all overrides', () => {
  let pgs = 0;
  for (const bytes of maps) {
    const one = OSDMap.decode(bytes);
    const whole = OSDMap.decode(bytes);
    for (const [id, pool] of one.data.pools) {
      const m = whole.poolMapping(id)!;
      expect([m.poolId, m.pgNum]).toEqual([id, pool.pgNum]);
      for (let seed = 0; seed < pool.pgNum; seed++) {
        const pgid = { pool: id, seed };
        const alone = one.pgToUpActing(pgid);
        expect({
          up: row(m, m.up, m.upCounts, seed),
          upPrimary: m.upPrimary[seed],
          acting: row(m, m.acting, m.actingCounts, seed),
          actingPrimary: m.actingPrimary[seed],
        }).toEqual(alone);
        expect(row(m, m.raw, m.rawCounts, seed)).toEqual(one.pgToRaw(pgid));
        // One PG is read from the whole, once there is one.
        expect(whole.pgToUpActing(pgid)).toEqual(alone);
        for (let osd = -1; osd <= one.data.maxOsd; osd++) {
          expect(holds(m, seed, osd)).toBe([...alone.up, ...alone.acting].includes(osd));
        }
        pgs++;
      }
    }
  }
  expect(pgs).toBeGreaterThan(1000);
});

/** Six OSDs, up and in, with a pool of 32 PGs. */
function running(): OSDMap {
  const osds = [0, 1, 2, 3, 4, 5].map((id) => {
    return { id, weight: 1, loc: { root: 'default', host: `h${id}` } };
  });
  const crush = createDefaultCrushMap({ osds });
  const stamp = { sec: 1, nsec: 0 };
  const first = firstOSDMap({ fsid: '11111111-2222-3333-4444-555555555555', stamp, crush });
  const pool = newPgPool({
    ...{ type: POOL_TYPE.replicated, size: 3, minSize: 2, crushRule: 0, pgNum: 32 },
    createTime: stamp,
  });
  return new OSDMap({
    ...first,
    maxOsd: 6,
    osdState: osds.map(() => OSD_STATE.exists | OSD_STATE.up),
    osdWeight: osds.map(() => 0x10000),
    pools: new Map([[4, pool]]),
    poolNames: new Map([[4, 'p']]),
  });
}

test('a mapping is made once, goes over to an epoch that places alike, and not to one that does not', () => {
  const map = running();
  const mapping = map.poolMapping(4)!;
  expect(map.poolMapping(4)).toBe(mapping);
  expect(map.poolMapping(5)).toBeUndefined();
  const next = (patch: object): OSDMap => {
    const modified = { sec: 2, nsec: 0 };
    const inc = emptyIncremental({ fsid: map.fsid, epoch: map.epoch + 1, modified });
    return map.applyIncremental({ ...inc, ...patch });
  };
  expect(next({ newUpThru: new Map([[0, 3]]) }).poolMapping(4)).toBe(mapping);
  const out = next({ newWeight: new Map([[0, 0]]) }).poolMapping(4)!;
  expect(out.up).not.toEqual(mapping.up);
  expect(out.up).not.toContain(0);
  expect(mapping.up).toContain(0);
});

test('PGs of a pool without a rule, and of a cluster without OSDs, live nowhere', () => {
  const map = running();
  const pool = { ...map.pool(4)!, crushRule: 9 };
  const ruleless = new OSDMap({ ...map.data, pools: new Map([[4, pool]]) });
  const down = new OSDMap({ ...map.data, osdState: map.data.osdState.map(() => 1) });
  for (const m of [ruleless.poolMapping(4)!, down.poolMapping(4)!]) {
    expect(m.up.every((osd) => osd === NONE)).toBe(true);
    expect(m.actingCounts.every((count) => count === 0)).toBe(true);
    expect(m.actingPrimary.every((osd) => osd === -1)).toBe(true);
    expect(m.upPrimary.every((osd) => osd === -1)).toBe(true);
  }
  expect(ruleless.poolMapping(4)!.rawCounts[0]).toBe(0);
  expect(down.poolMapping(4)!.rawCounts[0]).toBe(3);
});

test('an override longer than the pool has replicas makes all rows as long', () => {
  const map = running();
  const pgTemp = new Map([['4.1f', [5, 4, 3, 2, 1]]]);
  const temp = new OSDMap({ ...map.data, pgTemp });
  const m = temp.poolMapping(4)!;
  expect(m.width).toBe(5);
  expect(row(m, m.acting, m.actingCounts, 31)).toEqual([5, 4, 3, 2, 1]);
  expect(row(m, m.up, m.upCounts, 31)).toEqual(map.pgToUpActing({ pool: 4, seed: 31 }).up);
  expect(row(m, m.acting, m.actingCounts, 30)).toEqual(row(m, m.up, m.upCounts, 30));
});

// OSDMap::_get_temp_osds and _pg_to_up_acting_osds, release 16.2.
test('a PG whose shards are all to be served by OSDs that are down has no primary, whoever should be', () => {
  const map = running();
  const { osdState } = map.data;
  const temp = new OSDMap({
    ...map.data,
    pools: new Map([[4, { ...map.pool(4)!, type: POOL_TYPE.erasure }]]),
    pgUpmap: new Map([['4.0', [0, 1, 2]]]),
    pgTemp: new Map([['4.0', [3, 4]]]),
    osdState: osdState.with(3, OSD_STATE.exists).with(4, OSD_STATE.exists),
  });
  expect(temp.pgToUpActing({ pool: 4, seed: 0 })).toEqual({
    ...{ up: [0, 1, 2], upPrimary: 0 },
    ...{ acting: [NONE, NONE], actingPrimary: -1 },
  });
});
