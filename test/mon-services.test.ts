import { describe, expect, it } from 'vitest';
import { currentWeight, fullLocation } from '../src/crush/index.ts';
import { OSD_STATE, POOL_FLAG, WEIGHT_ONE } from '../src/maps/index.ts';
import { updateFullness } from '../src/mon/services/fullness.ts';
import { poolStats, statfsOf } from '../src/mon/views/totals.ts';
import { addrOf, bootAll, bootOf, makeWorld, openWorld } from './mon-world.ts';
import { osdStat, pgStat, report } from './support/mon-reports.ts';

describe('a booting OSD', () => {
  it('comes up and in, at its host, with its class, size and uuid', async () => {
    const w = await makeWorld();
    expect(await w.boot(1)).toEqual({ kind: 'booted' });
    const { osdmap } = w.state();
    expect(osdmap.isUp(1)).toBe(true);
    expect(osdmap.data.lastUpChange).toEqual(osdmap.data.modified);
    expect(osdmap.data.lastInChange).toEqual(osdmap.data.modified);
    expect(osdmap.data.osdWeight[1]).toBe(WEIGHT_ONE);
    expect(osdmap.data.osdState[1]).toBe(OSD_STATE.exists | OSD_STATE.up);
    expect(osdmap.addrs(1)).toEqual([addrOf(1)]);
    expect(osdmap.data.osdUuid.at(1)).toBe('00000000-0000-4000-8000-000000000001');
    const host = [...osdmap.crushMap.buckets.values()].find((b) => b.items.includes(1))!;
    expect(osdmap.crushMap.itemNames.get(host.id)).toMatch(/^node1(~ssd)?$/);
    // 10 GiB in TiB, 16.16.
    expect(host.weight).toBe(Math.trunc((10 / 1024) * 65536));
    expect([...osdmap.crushMap.classNames.values()]).toEqual(['ssd']);
    expect(w.state().osdMetadata.get(1)?.get('hostname')).toBe('node1.example');
  });

  it('has a host of its own when that is called as a bucket of another type', async () => {
    const w = await makeWorld();
    const metadata = new Map(bootOf(0).metadata).set('hostname', 'default.example');
    for (let life = 0; life < 2; life++) {
      expect(await w.boot(0, { metadata })).toEqual({ kind: 'booted' });
      expect(fullLocation(w.state().osdmap.crushMap, 0)).toEqual([
        ['root', 'default'],
        ['host', 'default-host'],
      ]);
      await w.run('osd down', { ids: ['0'] });
    }
  });

  it('comes up where it is when there is no place for its host', async () => {
    const w = await makeWorld();
    await w.run('osd crush add-bucket', { name: 'taken-host', type: 'rack' });
    await w.run('osd crush add-bucket', { name: 'taken', type: 'rack' });
    await w.boot(1);
    const before = currentWeight(w.state().osdmap.crushMap, 1);
    await w.run('osd down', { ids: ['1'] });
    const metadata = new Map(bootOf(1).metadata).set('hostname', 'taken');
    expect(await w.boot(1, { metadata })).toEqual({ kind: 'booted' });
    expect(w.state().osdmap.isUp(1)).toBe(true);
    expect(currentWeight(w.state().osdmap.crushMap, 1)).toBe(before);
  });

  it('that is already up with this address changes nothing', async () => {
    const w = await makeWorld();
    await w.boot(1);
    const { epoch } = w.state().osdmap;
    await w.boot(1);
    expect(w.state().osdmap.epoch).toBe(epoch);
  });

  it('that started anew is seen down in an epoch of its own before it is up again', async () => {
    const w = await makeWorld();
    await w.boot(1);
    const { epoch } = w.state().osdmap;
    await w.boot(1, { publicAddrs: [addrOf(1, 2)] });
    const { osdmap } = w.state();
    expect(osdmap.epoch).toBe(epoch + 2);
    expect(
      w
        .state()
        .osdmapAt(epoch + 1)
        ?.isUp(1),
    ).toBe(false);
    expect(osdmap.addrs(1)).toEqual([addrOf(1, 2)]);
    expect(osdmap.data.osdInfo.at(1)).toMatchObject({ downAt: epoch + 1, upFrom: epoch + 2 });
    // Its former life serves nobody any more, so its peers need not wait for its leases.
    const { deadEpoch, downStamp } = w
      .state()
      .osdmapAt(epoch + 1)!
      .data.osdXInfo.at(1)!;
    expect(deadEpoch).toBe(epoch + 1);
    expect(downStamp.sec).toBeGreaterThan(0);
  });

  it('keeps the weight and the place it was given', async () => {
    const w = await makeWorld();
    await w.boot(0);
    await w.run('osd reweight', { id: 0, weight: 0.5 });
    await w.run('osd crush reweight', { name: 'osd.0', weight: 3 });
    await w.run('osd down', { ids: ['0'] });
    await w.boot(0);
    const { osdmap } = w.state();
    expect(osdmap.data.osdWeight[0]).toBe(WEIGHT_ONE / 2);
    expect([...osdmap.crushMap.buckets.values()].some((b) => b.weight === 3 * 65536)).toBe(true);
  });

  it.each([
    ['another cluster', { superblock: { fsid: '00000000-0000-4000-8000-0000000000ff' } }],
    ['an id that does not exist', { superblock: { osd: 9 } }],
    [
      'a uuid that is not the one of this id',
      { superblock: { uuid: '00000000-0000-4000-8000-0000000000ff' } },
    ],
    ['no address', { publicAddrs: [] }],
  ])('is refused with %s', async (_what, wrong) => {
    const w = await makeWorld();
    await bootAll(w);
    await w.run('osd down', { ids: ['1'] });
    const { epoch } = w.state().osdmap;
    expect(await w.boot(1, wrong)).toMatchObject({ kind: 'refused' });
    expect(w.state().osdmap.epoch).toBe(epoch);
  });

  it('waits while noup is set, and stays out while noin is', async () => {
    const w = await makeWorld();
    await w.run('osd set', { key: 'noup' });
    expect(await w.boot(0)).toMatchObject({ kind: 'refused' });
    await w.run('osd unset', { key: 'noup' });
    await w.run('osd set', { key: 'noin' });
    await w.boot(0);
    expect(w.state().osdmap.isUp(0)).toBe(true);
    expect(w.state().osdmap.isIn(0)).toBe(false);
  });
});

describe('fullness', () => {
  it('marks OSDs and the pools on them, and takes the marks away again', async () => {
    const w = await makeWorld();
    await bootAll(w);
    await w.run('osd pool create', { pool: 'p', pg_num: 4 });
    const settle = async () => {
      const patch = updateFullness(w.state());
      if (patch) await w.ledger.propose({ osdmap: patch });
      return w.state().osdmap;
    };
    for (const osd of [0, 1, 2]) report(w, osd, osdStat(10));
    expect(updateFullness(w.state())).toBeUndefined();
    report(w, 0, osdStat(96));
    let map = await settle();
    expect(map.data.osdState[0]! & OSD_STATE.full).not.toBe(0);
    expect(map.isUp(0)).toBe(true);
    expect(map.pool(1)!.flags & POOL_FLAG.full).not.toBe(0);
    report(w, 0, osdStat(86));
    map = await settle();
    expect(map.data.osdState[0]! & (OSD_STATE.full | OSD_STATE.nearfull)).toBe(OSD_STATE.nearfull);
    expect(map.pool(1)!.flags & (POOL_FLAG.full | POOL_FLAG.nearfull)).toBe(POOL_FLAG.nearfull);
    report(w, 0, osdStat(10));
    map = await settle();
    expect(map.pool(1)!.flags).toBe(POOL_FLAG.hashpspool);
    expect(updateFullness(w.state())).toBeUndefined();
  });

  it('a pool at its quota is full until the quota or the pool changes', async () => {
    const w = await makeWorld();
    await bootAll(w);
    await w.run('osd pool create', { pool: 'p', pg_num: 4 });
    await w.run('osd pool set-quota', { pool: 'p', field: 'max_objects', val: '2' });
    report(w, 0, osdStat(10), [pgStat(1, 0, { numObjects: 1 })]);
    expect(updateFullness(w.state())).toBeUndefined();
    report(w, 0, osdStat(10), [pgStat(1, 1, { numObjects: 1 })]);
    await w.ledger.propose({ osdmap: updateFullness(w.state())! });
    const both = POOL_FLAG.full | POOL_FLAG.full_quota;
    expect(w.state().osdmap.pool(1)!.flags & both).toBe(both);
    await w.run('osd pool set-quota', { pool: 'p', field: 'max_objects', val: '0' });
    await w.ledger.propose({ osdmap: updateFullness(w.state())! });
    expect(w.state().osdmap.pool(1)!.flags & both).toBe(0);
  });
});

describe('reports of OSDs', () => {
  it('add up for statfs and the pools', async () => {
    const w = await makeWorld();
    await bootAll(w);
    await w.run('osd pool create', { pool: 'p', pg_num: 2 });
    for (const osd of [0, 1, 2]) report(w, osd, osdStat(1024, 4096));
    report(w, 0, osdStat(1024, 4096), [
      pgStat(1, 0, { numObjects: 2, numBytes: 2048, numObjectCopies: 6 }),
      pgStat(1, 1, { numObjects: 1, numBytes: 1024, numObjectCopies: 3 }),
    ]);
    expect(statfsOf(w.state(), undefined)).toEqual({
      kb: 12,
      kbUsed: 3,
      kbAvail: 9,
      numObjects: 3,
    });
    expect(statfsOf(w.state(), 1)).toEqual({ kb: 6, kbUsed: 3, kbAvail: 3, numObjects: 3 });
    const stats = poolStats(w.state(), ['p', 'nosuch']);
    expect([...stats.keys()]).toEqual(['p']);
    expect(stats.get('p')!.stats.sum.numObjectCopies).toBe(9);
  });

  // The figures of a pool of release 16.2.15: 4 MiB of text and 4 MiB of noise in three copies, compressed by lz4.
  it('say what compression does for a pool', async () => {
    const w = await makeWorld();
    await bootAll(w);
    await w.run('osd pool create', { pool: 'p' });
    const third = { compressed: 1_121_076 / 3, allocated: 6_291_456 / 3, original: 12_582_912 / 3 };
    const other = { pool: 7, compressed: 1, allocated: 4096, original: 8192 };
    const stat = { ...osdStat(2 ** 23, 2 ** 33), compressed: [{ pool: 1, ...third }, other] };
    for (const osd of [0, 1, 2]) report(w, osd, stat);
    const sums = { numObjects: 8, numBytes: 8_388_608, numObjectCopies: 24 };
    report(w, 0, stat, [pgStat(1, 0, sums)]);
    expect(poolStats(w.state()).get('p')!.storeStats).toMatchObject({
      allocated: 18_874_368,
      dataStored: 25_165_824,
      dataCompressed: 1_121_076,
      dataCompressedAllocated: 6_291_456,
      dataCompressedOriginal: 12_582_912,
    });
    const shown = String((await w.run('df', { detail: 'detail', format: 'json' })).output);
    const [pool] = (JSON.parse(shown) as { pools: { stats: object }[] }).pools;
    expect(pool!.stats).toMatchObject({
      stored: 8_388_608,
      bytes_used: 18_874_368,
      compress_bytes_used: 6_291_456,
      compress_under_bytes: 12_582_912,
    });
    const dump = String(
      (await w.run('pg dump', { dumpcontents: ['osds'], format: 'json' })).output,
    );
    const osd = (JSON.parse(dump) as { osd_stats: { statfs: object }[] }).osd_stats[0];
    expect(osd!.statfs).toMatchObject({
      data_compressed: third.compressed + other.compressed,
      data_compressed_allocated: third.allocated + other.allocated,
      data_compressed_original: third.original + other.original,
    });
  });

  it('give rates over the time between them, which end with the traffic', async () => {
    const w = await makeWorld();
    const at = (ms: number, written: number) => {
      w.nowMs = ms;
      report(w, 0, osdStat(1), [
        { ...pgStat(1, 0, { numWr: written, numWrKb: written * 4 }), reportedSeq: BigInt(ms) },
      ]);
      w.pgMap.sample(ms);
      return w.pgMap.totalRates;
    };
    expect(at(10_000, 100).writeOps).toBe(0);
    expect(at(12_000, 120)).toMatchObject({ writeOps: 10, writeBytes: 10 * 4096, readOps: 0 });
    let last = at(14_000, 120);
    for (let ms = 16_000; ms <= 26_000; ms += 2_000) last = at(ms, 120);
    expect(last.writeOps).toBe(0);
  });

  it('of a primary that no longer is do not replace newer ones', async () => {
    const w = await makeWorld();
    const send = (epoch: number, numObjects: number) =>
      report(w, 0, osdStat(1), [{ ...pgStat(1, 0, { numObjects }), reportedEpoch: epoch }]);
    send(5, 7);
    send(4, 99);
    expect(w.pgMap.pgStats.get('1.0')!.statsSum.numObjects).toBe(7);
    send(6, 8);
    expect(w.pgMap.pgStats.get('1.0')!.statsSum.numObjects).toBe(8);
  });
});

describe('defaults of a new cluster', () => {
  it.each([
    [1, 1, 1],
    [2, 2, 1],
    [3, 3, 2],
    [5, 3, 2],
  ])('with %i OSDs a pool keeps %i copies and needs %i', async (osds, size, minSize) => {
    const w = await makeWorld({ osds });
    await w.run('osd pool create', { pool: 'p' });
    expect(w.state().osdmap.poolByName('p')!.pool).toMatchObject({
      size,
      minSize,
      pgNum: 32,
      pgpNum: 32,
      pgAutoscaleMode: 0,
      flags: POOL_FLAG.hashpspool,
    });
    expect(openWorld(w.kv).state().osdmap.data.flags).toBe(0x588000);
  });
});
