// What the monitor makes of accusations, of silence and of time: OSDMonitor::check_failure and its neighbours, 16.2.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OSD_STATE, WEIGHT_ONE } from '../src/maps/index.ts';
import { weighFailure } from '../src/mon/services/failure-weight.ts';
import { OsdBeacons } from '../src/mon/services/osd-beacons.ts';
import { OsdDownOut } from '../src/mon/services/osd-down-out.ts';
import { FailureReports } from '../src/mon/services/osd-failure.ts';
import { laggyAtBoot, laggyGrace } from '../src/mon/services/osd-laggy.ts';
import { isMarked } from '../src/mon/services/osd-marks.ts';
import { FAILURE_FLAG, PAXOS_ZERO } from '../src/wire/index.ts';
import { addrOf, bootAll, bootOf, FSID, makeWorld, type World } from './mon-world.ts';

/** OSDs in hosts of so many. */
async function hosts(perHost: number, osds: number): Promise<World> {
  const w = await makeWorld({ osds });
  for (let osd = 0; osd < osds; osd++) await bootAt(w, osd, `host${Math.floor(osd / perHost)}`);
  return w;
}

async function bootAt(w: World, osd: number, host: string): Promise<void> {
  await w.boot(osd, { metadata: new Map([...bootOf(osd).metadata, ['hostname', host]]) });
}

const set = (w: World, name: string, value: string) =>
  w.run('config set', { who: 'mon', name, value });

function report(w: World, osd: number, failedFor = 20, flags: number = FAILURE_FLAG.failed) {
  const { epoch } = w.state().osdmap;
  const addrs = [...w.state().osdmap.addrs(osd)];
  return { paxos: PAXOS_ZERO, fsid: FSID, osd, addrs, epoch, flags, failedFor };
}
const IMMEDIATE = FAILURE_FLAG.failed | FAILURE_FLAG.immediate;

describe('accusations', () => {
  it('of OSDs of two hosts mark a third down, those of one host do not', async () => {
    const w = await hosts(2, 6);
    const reports = new FailureReports();
    expect(reports.take(w.state(), 0, report(w, 4))).toBeUndefined();
    expect(reports.take(w.state(), 1, report(w, 4))).toBeUndefined();
    expect(reports.take(w.state(), 2, report(w, 4))).toEqual({
      osd: 4,
      isDead: false,
      text: 'osd.4 failed (root=default,host=host2) (2 reporters from different host after 20.000000 >= grace 20.000000)',
    });
  });

  it('count by OSD when the level says so', async () => {
    const w = await hosts(6, 6);
    await set(w, 'mon_osd_reporter_subtree_level', 'osd');
    const reports = new FailureReports();
    expect(reports.take(w.state(), 0, report(w, 4))).toBeUndefined();
    expect(reports.take(w.state(), 0, report(w, 4))).toBeUndefined();
    expect(reports.take(w.state(), 1, report(w, 4))?.osd).toBe(4);
  });

  it('wait for the grace, and are weighed again when it is over', async () => {
    const w = await hosts(1, 4);
    const reports = new FailureReports();
    reports.take(w.state(), 0, report(w, 3, 15));
    expect(reports.take(w.state(), 1, report(w, 3, 12))).toBeUndefined();
    w.nowMs += 7_900;
    expect(reports.next(w.state())).toBeUndefined();
    w.nowMs += 100;
    expect(reports.next(w.state())?.osd).toBe(3);
  });

  it('that are taken back count no more', async () => {
    const w = await hosts(1, 4);
    const reports = new FailureReports();
    reports.take(w.state(), 0, report(w, 3));
    reports.take(w.state(), 0, report(w, 3, 0, 0));
    expect(reports.take(w.state(), 1, report(w, 3))).toBeUndefined();
    w.nowMs += 1e6;
    expect(reports.next(w.state())).toBeUndefined();
  });

  it('that nobody listens need no second witness, and tell that the accused is dead', async () => {
    const w = await hosts(1, 4);
    const verdict = new FailureReports().take(w.state(), 0, report(w, 3, 21, IMMEDIATE));
    expect(verdict).toMatchObject({ osd: 3, isDead: true });
    expect(verdict?.text).toBe(
      'osd.3 failed (root=default,host=host3) (connection refused reported by osd.0)',
    );
  });

  it('of a former life, of oneself, from one that is down, or of another cluster are nothing', async () => {
    const w = await hosts(1, 4);
    const reports = new FailureReports();
    const good = report(w, 3, 20, IMMEDIATE);
    await w.run('osd down', { ids: ['2'] });
    expect(reports.take(w.state(), 2, good)).toBeUndefined();
    expect(reports.take(w.state(), 3, good)).toBeUndefined();
    expect(reports.take(w.state(), 0, { ...good, addrs: [addrOf(3, 9)] })).toBeUndefined();
    expect(reports.take(w.state(), 0, { ...good, epoch: 1 })).toBeUndefined();
    const other = '00000000-0000-4000-8000-0000000000ff';
    expect(reports.take(w.state(), 0, { ...good, fsid: other })).toBeUndefined();
    expect(reports.take(w.state(), 0, good)?.osd).toBe(3);
  });

  it('are kept while nodown is set, and act when it is not', async () => {
    const w = await hosts(1, 4);
    const reports = new FailureReports();
    await w.run('osd set', { key: 'nodown' });
    reports.take(w.state(), 0, report(w, 3));
    expect(reports.take(w.state(), 1, report(w, 3))).toBeUndefined();
    expect(reports.take(w.state(), 1, report(w, 3, 21, IMMEDIATE))).toBeUndefined();
    expect(reports.next(w.state())).toBeUndefined();
    await w.run('osd unset', { key: 'nodown' });
    expect(reports.next(w.state())?.osd).toBe(3);
  });

  it('do nothing when too few would be up, so that the accusers look suspicious', async () => {
    const w = await hosts(1, 4);
    await set(w, 'mon_osd_min_up_ratio', '0.8');
    await w.run('osd down', { ids: ['2'] });
    const reports = new FailureReports();
    expect(reports.take(w.state(), 0, report(w, 3, 21, IMMEDIATE))).toBeUndefined();
  });

  it('suffice from all hosts that there are: of two OSDs one can find the other dead', async () => {
    const w = await hosts(1, 2);
    expect(new FailureReports().take(w.state(), 0, report(w, 1))?.osd).toBe(1);
  });

  it('need not less than there are witnesses, never fewer hosts, and time (property)', async () => {
    const w = await hosts(2, 8);
    const { osdmap, option } = w.state();
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 6 }), fc.nat(60)), {
          minLength: 1,
          selector: ([osd]) => osd,
        }),
        (said) => {
          const nowMs = 1e12;
          const accusers = new Map(said.map(([osd, s]) => [osd, nowMs - 1000 * s]));
          const weight = weighFailure({ osdmap, option, nowMs }, 7, accusers);
          const places = new Set(said.map(([osd]) => Math.floor(osd / 2))).size;
          const failedFor = Math.min(...said.map(([, s]) => s));
          expect(weight.reporters).toBe(places);
          expect(weight.failedFor).toBe(failedFor);
          expect(weight.isEnough).toBe(places >= 2 && failedFor >= 20);
          // More accusers who saw it fail no later never make it less.
          const more = new Map([...accusers, [6, nowMs - 60_000] as const]);
          const heavier = weighFailure({ osdmap, option, nowMs }, 7, more);
          if (weight.isEnough && !accusers.has(6)) expect(heavier.isEnough).toBe(true);
        },
      ),
    );
  });
});

describe('the history of an OSD', () => {
  it('lengthens its grace when it was marked down while it lived, and less as time goes by', async () => {
    const w = await hosts(1, 4);
    await w.run('osd down', { ids: ['3'] });
    w.nowMs += 100_000;
    await w.boot(3, { bootEpoch: 5 });
    const { laggyProbability, laggyInterval } = w.state().osdmap.data.osdXInfo.at(3)!;
    expect(laggyProbability).toBeCloseTo(0.3, 5);
    expect(laggyInterval).toBe(30);
    const accusers = new Map([[0, w.nowMs - 25_000]]);
    const { grace } = weighFailure(w.state(), 3, accusers);
    expect(grace).toBeCloseTo(20 + 9 * 0.5 ** (25 / 3600), 2);
    const xinfo = w.state().osdmap.data.osdXInfo.at(3)!;
    expect(laggyGrace(w.state(), xinfo, 3600)).toBeCloseTo(4.5, 2);
    await set(w, 'mon_osd_adjust_heartbeat_grace', 'false');
    expect(weighFailure(w.state(), 3, accusers).grace).toBe(20);
  });

  it('is forgotten by and by when it really was dead', async () => {
    const w = await makeWorld();
    const state = w.state();
    const xinfo = { ...state.osdmap.data.osdXInfo.at(0)!, laggyProbability: 1, laggyInterval: 100 };
    expect(laggyAtBoot(state, xinfo, false)).toEqual({ laggyProbability: 0.7, laggyInterval: 70 });
  });

  it('counts at most mon_osd_laggy_max_interval of an absence', async () => {
    const w = await hosts(1, 3);
    await w.run('osd down', { ids: ['1'] });
    w.nowMs += 10_000_000;
    await w.boot(1, { bootEpoch: 5 });
    expect(w.state().osdmap.data.osdXInfo.at(1)!.laggyInterval).toBe(90);
  });

  it('says that what it held is lost when it comes back with a new store', async () => {
    const w = await hosts(1, 3);
    await w.run('osd down', { ids: ['1'] });
    const { epoch } = w.state().osdmap;
    await w.boot(1, { superblock: { mounted: 0 } });
    expect(w.state().osdmap.data.osdInfo.at(1)!.lostAt).toBe(epoch);
  });
});

describe('an OSD without beacons', () => {
  it('is marked down after its time, or two of its own intervals', async () => {
    const w = await hosts(1, 3);
    const beacons = new OsdBeacons();
    for (const osd of [0, 1, 2]) beacons.take(osd, w.nowMs, osd === 2 ? 600 : 300);
    w.nowMs += 900_000;
    expect(beacons.next(w.state())).toBeUndefined();
    w.nowMs += 1;
    beacons.take(1, w.nowMs, 300);
    expect(beacons.next(w.state())).toEqual({
      osd: 0,
      text: 'osd.0 marked down after no beacon for 900.001000 seconds',
    });
    await w.run('osd down', { ids: ['0'] });
    expect(beacons.next(w.state())).toBeUndefined();
    w.nowMs += 300_000;
    expect(beacons.next(w.state())?.osd).toBe(2);
  });

  it('is given its time from when the monitor first looks, and is left alone under nodown', async () => {
    const w = await hosts(1, 3);
    const beacons = new OsdBeacons();
    expect(beacons.next(w.state())).toBeUndefined();
    w.nowMs += 900_001;
    await w.run('osd set-group', { flags: 'nodown', who: ['osd.0'] });
    expect(beacons.next(w.state())?.osd).toBe(1);
  });
});

describe('an OSD that stays down', () => {
  it('is marked out after its time, and in again with its weight when it comes back', async () => {
    const w = await hosts(1, 5);
    await w.run('osd reweight', { id: 4, weight: 0.5 });
    await w.run('osd down', { ids: ['4'] });
    const downOut = new OsdDownOut();
    w.nowMs += 599_000;
    expect(downOut.next(w.state())).toBeUndefined();
    w.nowMs += 2_000;
    const out = downOut.next(w.state())!;
    expect(out.osds).toEqual([{ osd: 4, downFor: 601 }]);
    await w.ledger.propose({ osdmap: out.patch });
    const { data } = w.state().osdmap;
    expect(data.osdWeight[4]).toBe(0);
    expect(data.osdState[4]).toBe(OSD_STATE.exists | OSD_STATE.autoout);
    expect(downOut.next(w.state())).toBeUndefined();
    await w.boot(4);
    expect(w.state().osdmap.data.osdWeight[4]).toBe(WEIGHT_ONE / 2);
  });

  it('is left in when noout is set for all, for it, its host or its class', async () => {
    const w = await hosts(1, 5);
    await w.run('osd down', { ids: ['2'] });
    w.nowMs += 700_000;
    const isOut = (): boolean => new OsdDownOut().next(w.state()) !== undefined;
    expect(isOut()).toBe(true);
    await w.run('osd set', { key: 'noout' });
    expect(isOut()).toBe(false);
    await w.run('osd unset', { key: 'noout' });
    for (const who of ['osd.2', 'host2', 'default', 'ssd']) {
      await w.run('osd set-group', { flags: 'noout', who: [who] });
      expect([who, isOut()]).toEqual([who, false]);
      await w.run('osd unset-group', { flags: 'noout', who: [who] });
      expect([who, isOut()]).toEqual([who, true]);
    }
  });

  it('is left in when too few are in', async () => {
    const w = await hosts(1, 3);
    await w.run('osd down', { ids: ['1', '2'] });
    w.nowMs += 700_000;
    // Two of three in are fewer than mon_osd_min_in_ratio asks for, so only one of them goes.
    const out = new OsdDownOut().next(w.state())!;
    expect(out.osds.map(({ osd }) => osd)).toEqual([1]);
    await w.ledger.propose({ osdmap: out.patch });
    expect(new OsdDownOut().next(w.state())).toBeUndefined();
  });

  it('is left in while its whole rack is down, and its time begins when that is over', async () => {
    const w = await hosts(1, 6);
    for (const [rack, list] of Object.entries({ a: [0, 1], b: [2, 3], c: [4, 5] })) {
      await w.run('osd crush add-bucket', { name: rack, type: 'rack' });
      await w.run('osd crush move', { name: rack, args: ['root=default'] });
      for (const i of list) {
        await w.run('osd crush move', { name: `host${i}`, args: [`rack=${rack}`] });
      }
    }
    const downOut = new OsdDownOut();
    await w.run('osd down', { ids: ['2', '3'] });
    w.nowMs += 700_000;
    expect(downOut.next(w.state())).toBeUndefined();
    await bootAt(w, 2, 'host2');
    w.nowMs += 300_000;
    expect(downOut.next(w.state())).toBeUndefined();
    w.nowMs += 301_000;
    expect(downOut.next(w.state())?.osds.map(({ osd }) => osd)).toEqual([3]);
  });
});

describe('marks', () => {
  it('hold an OSD down or out that boots, whoever they were put on', async () => {
    const w = await makeWorld();
    await w.boot(0);
    await w.run('osd down', { ids: ['0'] });
    for (const who of ['osd.0', 'node1', 'ssd']) {
      await w.run('osd set-group', { flags: 'noup', who: [who] });
      expect(isMarked(w.state().osdmap, 0, 'noup')).toBe(true);
      expect(await w.boot(0)).toEqual({ kind: 'refused', reason: 'noup is set' });
      await w.run('osd unset-group', { flags: 'noup', who: [who] });
    }
    await w.run('osd add-noin', { ids: ['1'] });
    await w.boot(1);
    expect(w.state().osdmap.isIn(1)).toBe(false);
  });

  it('of one OSD leave the others alone', async () => {
    const w = await makeWorld();
    await bootAll(w);
    await w.run('osd add-nodown', { ids: ['1'] });
    expect([0, 1, 2].map((osd) => isMarked(w.state().osdmap, osd, 'nodown'))).toEqual([
      false,
      true,
      false,
    ]);
  });
});

it('the id of a destroyed OSD goes to another store, which has nothing of what was there', async () => {
  const w = await hosts(1, 3);
  await w.run('osd down', { ids: ['1'] });
  expect((await w.run('osd destroy', { id: 1 })).result).toBe(0);
  expect(await w.boot(1)).toEqual({ kind: 'refused', reason: 'the OSD was destroyed' });
  const uuid = '11111111-2222-4333-8444-555555555555';
  expect(await w.run('osd new', { uuid, id: 1 })).toMatchObject({ result: 0, output: '1\n' });
  expect((await w.boot(1)).kind).toBe('refused');
  const { epoch, data } = w.state().osdmap;
  const weight = data.osdWeight[1];
  await w.boot(1, { superblock: { uuid, mounted: 0 } });
  const { osdmap } = w.state();
  expect(osdmap.isUp(1)).toBe(true);
  expect(osdmap.data.osdWeight[1]).toBe(weight);
  expect(osdmap.data.osdInfo.at(1)!.lostAt).toBe(epoch);
});

it('an OSD that is needed is not given up unless it is forced', async () => {
  const w = await hosts(1, 3);
  await w.run('osd pool create', { pool: 'p', pg_num: 4 });
  const unknown = await w.run('osd safe-to-destroy', { ids: ['1'] });
  expect([unknown.result, unknown.status]).toEqual([
    -11,
    '4 pgs have unknown state; cannot draw any conclusions',
  ]);
  await w.run('osd down', { ids: ['1'] });
  expect((await w.run('osd purge', { id: 1 })).result).toBe(-11);
  expect(w.state().osdmap.exists(1)).toBe(true);
  expect((await w.run('osd purge', { id: 1, force: true })).result).toBe(0);
  expect(w.state().osdmap.exists(1)).toBe(false);
  expect((await w.run('osd ok-to-stop', { ids: ['0'] })).result).toBe(-11);
});
