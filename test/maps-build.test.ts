import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { createDefaultCrushMap, decodeCrushMap, encodeCrushMap } from '../src/crush/index.ts';
import {
  decodeIncremental,
  emptyIncremental,
  encodeIncremental,
  firstOSDMap,
  type Incremental,
  newPgPool,
  OSD_STATE,
  OSDMap,
  POOL_TYPE,
  WEIGHT_ONE,
} from '../src/maps/index.ts';
import { ADDR, type EntityAddr, UUID_ZERO } from '../src/wire/index.ts';

const FSID = '11111111-2222-3333-4444-555555555555';
const UUID = '99999999-2222-3333-4444-555555555555';
const addr = (port: number): EntityAddr[] => [
  { type: ADDR.msgr2, nonce: 1, host: '127.0.0.1', port },
];

function step(map: OSDMap, patch: Partial<Incremental>): OSDMap {
  const modified = { sec: map.epoch + 1, nsec: 0 };
  const inc = {
    ...emptyIncremental({ fsid: map.fsid, epoch: map.epoch + 1, modified }),
    ...patch,
  };
  const next = map.applyIncremental(inc);
  // What a receiver makes of the bytes is what the sender holds.
  const received = decodeIncremental(encodeIncremental(inc, next));
  const theirs = OSDMap.decode(map.encode()).applyIncremental(received);
  expect(theirs.crc).toBe(received.fullCrc);
  expect(theirs.encode().equals(next.encode())).toBe(true);
  return next;
}

function first(): OSDMap {
  const crush = createDefaultCrushMap();
  return new OSDMap(firstOSDMap({ fsid: FSID, stamp: { sec: 1, nsec: 0 }, crush }));
}

/** Three OSDs up and in, and a pool of 16 PGs. */
function running(): OSDMap {
  const crush = createDefaultCrushMap({
    failureDomain: 'osd',
    osds: [0, 1, 2].map((id) => ({ id, weight: 1, loc: { root: 'default', host: 'h' } })),
  });
  const pool = newPgPool({
    type: POOL_TYPE.replicated,
    size: 2,
    minSize: 1,
    crushRule: 0,
    pgNum: 16,
    createTime: { sec: 1, nsec: 0 },
  });
  const ids = [0, 1, 2];
  const born = step(first(), {
    crush: encodeCrushMap(crush),
    newMaxOsd: 3,
    newPoolMax: 1,
    newPools: new Map([[1, pool]]),
    newPoolNames: new Map([[1, 'p']]),
    newUuid: new Map(ids.map((id) => [id, UUID])),
    newState: new Map(ids.map((id) => [id, OSD_STATE.exists | OSD_STATE.new])),
  });
  return step(born, {
    newUpClient: new Map(ids.map((id) => [id, addr(6800 + id)])),
    newUpCluster: new Map(ids.map((id) => [id, addr(6900 + id)])),
    newHbBackUp: new Map(ids.map((id) => [id, addr(7000 + id)])),
    newHbFrontUp: new Map(ids.map((id) => [id, addr(7100 + id)])),
    newWeight: new Map(ids.map((id) => [id, WEIGHT_ONE])),
  });
}

test('a first map has the content of a real monitor’s first map', () => {
  const real = OSDMap.decode(readFileSync(new URL('golden/maps/live/full.1', import.meta.url)));
  const { fsid, created, crush } = real.data;
  const ours = firstOSDMap({ fsid, stamp: created, crush: decodeCrushMap(crush) });
  expect(new OSDMap(ours).encode().equals(real.encode())).toBe(true);
});

describe('the life of an OSD', () => {
  test('it comes up and in, with its addresses', () => {
    const map = running();
    expect(map.osds()).toEqual([0, 1, 2]);
    expect(map.isUp(1) && map.isIn(1)).toBe(true);
    expect(map.addrs(1)).toEqual(addr(6801));
    expect(map.clusterAddrs(1)).toEqual(addr(6901));
    expect(map.hbBackAddrs(1)).toEqual(addr(7001));
    expect(map.hbFrontAddrs(1)).toEqual(addr(7101));
    expect(map.data.osdInfo.at(1)?.upFrom).toBe(3);
    expect(map.data.osdState[1]).toBe(OSD_STATE.exists | OSD_STATE.up); // in: no longer new
    expect(map.pgsOfOsd(1).length).toBeGreaterThan(0);
  });

  test('it goes down: no PG has it in up or acting, its place stays', () => {
    const before = running();
    const map = step(before, { newState: new Map([[1, OSD_STATE.up]]) });
    expect([map.exists(1), map.isUp(1), map.isIn(1)]).toEqual([true, false, true]);
    expect(map.data.osdInfo.at(1)?.downAt).toBe(4);
    expect(map.data.osdXInfo.at(1)?.downStamp).toEqual({ sec: 4, nsec: 0 });
    expect(map.pgsOfOsd(1)).toEqual([]);
    expect(before.isUp(1)).toBe(true);
  });

  test('a state of 0 means: down', () => {
    const map = step(running(), { newState: new Map([[1, 0]]) });
    expect(map.isUp(1)).toBe(false);
  });

  test('it is destroyed: nothing of it stays', () => {
    const down = step(running(), { newState: new Map([[1, OSD_STATE.up]]) });
    const map = step(down, {
      newState: new Map([[1, OSD_STATE.exists]]),
      newWeight: new Map([[1, 0]]),
    });
    expect([map.exists(1), map.isUp(1), map.isIn(1)]).toEqual([false, false, false]);
    expect(map.data.osdUuid.at(1)).toBe(UUID_ZERO);
    expect(map.addrs(1)).toEqual([]);
    expect(map.osds()).toEqual([0, 2]);
  });

  test('an OSD beyond max_osd is no OSD', () => {
    const map = running();
    for (const osd of [-1, 3, 1e9]) {
      expect([map.exists(osd), map.isUp(osd), map.isIn(osd)]).toEqual([false, false, false]);
      expect(map.addrs(osd)).toEqual([]);
    }
  });
});

describe('overrides of placement', () => {
  const pgid = { pool: 1, seed: 3 };
  const others = (map: OSDMap): [in0: number, in1: number, spare: number] => {
    const [a, b] = map.pgToUpActing(pgid).up as [number, number];
    return [a, b, 3 - a - b];
  };

  test('pg_temp replaces acting, an empty list ends it', () => {
    const map = running();
    const [, b, spare] = others(map);
    const temp = step(map, { newPgTemp: new Map([['1.3', [spare, b]]]) });
    expect(temp.pgToUpActing(pgid)).toMatchObject({
      up: map.pgToUpActing(pgid).up,
      acting: [spare, b],
      actingPrimary: spare,
    });
    const ended = step(temp, { newPgTemp: new Map([['1.3', []]]) });
    expect(ended.pgToUpActing(pgid)).toEqual(map.pgToUpActing(pgid));
    expect(ended.data.pgTemp.size).toBe(0);
  });

  test('primary_temp chooses who leads, -1 ends it', () => {
    const map = running();
    const [a, b] = others(map);
    const temp = step(map, { newPrimaryTemp: new Map([['1.3', b]]) });
    expect(temp.pgToUpActing(pgid)).toMatchObject({ actingPrimary: b, upPrimary: a });
    const ended = step(temp, { newPrimaryTemp: new Map([['1.3', -1]]) });
    expect(ended.pgToUpActing(pgid).actingPrimary).toBe(a);
  });

  test('upmap moves a PG, but not to an OSD that is out', () => {
    const map = running();
    const [a, b, spare] = others(map);
    const moved = step(map, { newPgUpmapItems: new Map([['1.3', [[b, spare]]]]) });
    expect(moved.pgToUpActing(pgid).up).toEqual([a, spare]);
    const whole = step(moved, { newPgUpmap: new Map([['1.3', [spare, a]]]) });
    expect(whole.pgToUpActing(pgid).up).toEqual([spare, a]);
    const out = step(whole, { newWeight: new Map([[spare, 0]]) });
    expect(out.pgToUpActing(pgid).up).toEqual(out.pgToRaw(pgid));
    expect(out.pgToUpActing(pgid).up).not.toContain(spare);
    const ended = step(whole, {
      oldPgUpmap: new Set(['1.3']),
      oldPgUpmapItems: new Set(['1.3']),
    });
    expect(ended.pgToUpActing(pgid)).toEqual(map.pgToUpActing(pgid));
  });

  test('an OSD of affinity 0 leads no PG, but serves in as many', () => {
    const map = running();
    const shy = step(map, { newPrimaryAffinity: new Map([[0, 0]]) });
    expect([...shy.pgs()].some((pg) => shy.pgToUpActing(pg).upPrimary === 0)).toBe(false);
    expect(shy.pgsOfOsd(0)).toEqual(map.pgsOfOsd(0));
  });
});

test('placements are taken over when a change leaves them as they are, and only then', () => {
  const map = running();
  const pgid = { pool: 1, seed: 3 };
  const place = map.pgToUpActing(pgid);
  expect(step(map, { newUpThru: new Map([[0, 3]]) }).pgToUpActing(pgid)).toBe(place);
  const changes: Partial<Incremental>[] = [
    { newState: new Map([[place.upPrimary, OSD_STATE.up]]) },
    { newWeight: new Map([[place.upPrimary, 0]]) },
    { newPrimaryAffinity: new Map([[place.upPrimary, 0]]) },
    { newPgTemp: new Map([['1.3', [place.up[1]!]]]) },
    { newPrimaryTemp: new Map([['1.3', place.up[1]!]]) },
    { newPgUpmap: new Map([['1.3', [place.up[1]!]]]) },
    { newPools: new Map([[1, { ...map.pool(1)!, size: 1 }]]) },
    { crush: encodeCrushMap(createDefaultCrushMap()) },
  ];
  for (const change of changes) {
    expect(step(map, change).pgToUpActing(pgid)).not.toEqual(place);
  }
});

test('a removed pool takes its name with it', () => {
  const map = step(running(), { oldPools: new Set([1]) });
  expect(map.poolByName('p')).toBeUndefined();
  expect(map.data.poolNames.size).toBe(0);
  expect([...map.pgs()]).toEqual([]);
});

test('a changed pool carries the epoch of its change', () => {
  const map = running();
  const pool = { ...map.pool(1)!, size: 3 };
  expect(step(map, { newPools: new Map([[1, pool]]) }).pool(1)).toMatchObject({
    size: 3,
    lastChange: 4,
  });
});

test('a blocked client is blocked with its nonce, a blocked host with all its clients', () => {
  const client: EntityAddr = { type: ADDR.any, nonce: 77, host: '10.0.0.1', port: 0 };
  const host: EntityAddr = { type: ADDR.any, nonce: 0, host: '10.0.0.2', port: 0 };
  const until = { sec: 99, nsec: 0 };
  const map = step(running(), {
    newBlocklist: [
      [host, until],
      [client, until],
    ],
  });
  expect(map.isBlocklisted({ ...client, type: ADDR.msgr2 })).toBe(true);
  expect(map.isBlocklisted({ ...client, nonce: 78 })).toBe(false);
  expect(map.isBlocklisted({ ...host, nonce: 5, port: 9 })).toBe(true);
  const freed = step(map, { oldBlocklist: [client] });
  expect(freed.isBlocklisted(client)).toBe(false);
  expect(freed.data.blocklist).toEqual([[host, until]]);
});

test('removed snapshots wait in a queue until they are purged', () => {
  const snaps = (start: bigint, length: bigint) => new Map([[1, [{ start, length }]]]);
  const removed = step(running(), { newRemovedSnaps: snaps(3n, 4n) });
  expect(removed.data.newRemovedSnaps).toEqual(snaps(3n, 4n));
  const some = step(removed, { newPurgedSnaps: snaps(3n, 2n) });
  expect(some.data.removedSnapsQueue).toEqual(snaps(5n, 2n));
  expect(some.data.newRemovedSnaps.size).toBe(0);
  const all = step(some, { newPurgedSnaps: snaps(5n, 2n) });
  expect(all.data.removedSnapsQueue.size).toBe(0);
});
