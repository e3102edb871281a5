// How long OSDs take to answer each other's heartbeats: averages, the command that shows them, and health.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { healthChecks } from '../src/mon/views/health.ts';
import { pingTimesJson } from '../src/mon/views/pg-json.ts';
import { slowLines } from '../src/osd/failure/network-commands.ts';
import { PingBook } from '../src/osd/failure/ping-book.ts';
import { PingLedger } from '../src/osd/failure/ping-ledger.ts';
import { ctime, type PingTimes } from '../src/wire/index.ts';
import { bootAll, makeWorld, type World } from './mon-world.ts';
import { HeartbeatWorld } from './support/heartbeat-sim.ts';
import { osdStat, report } from './support/mon-reports.ts';

const MINUTE = 60_000;
const spans = (average: readonly number[], last = average[0]!) => ({
  average: [...average],
  min: average.map((us) => us - 1),
  max: average.map((us) => us + 1),
  last,
});
const timesOf = (
  osd: number,
  back: readonly number[],
  front = back,
  updatedSec = 1e9,
): PingTimes => ({
  osd,
  updatedSec,
  back: spans(back),
  front: spans(front),
});

it('a book says how long both answers to a ping took', () => {
  const book = new PingBook();
  book.add(1);
  book.sent(100, 20_000, 100.25);
  expect(book.answered(1, 'front', 99, 101)).toBe('unasked');
  expect(book.answered(1, 'front', 100, 101)).toBe('half');
  expect(book.answered(1, 'back', 100, 102)).toEqual({ front: 0.75, back: 1.75 });
  expect(book.answered(1, 'back', 100, 103)).toBe('unasked');
});

describe('the ledger', () => {
  it('tells nothing before a minute is over, then averages, extremes and the last', () => {
    const ledger = new PingLedger();
    ledger.add(4, { front: 1, back: 2 }, 0, 5e11, MINUTE);
    ledger.add(4, { front: 3, back: 2.5 }, 30_000, 5e11, MINUTE);
    expect(ledger.times(5e11, 3600)).toEqual([]);
    ledger.add(4, { front: 5, back: 6 }, 60_000, 5e11 + 900, MINUTE);
    const flat = (us: number) => [us, us, us];
    expect(ledger.times(5e11, 3600)).toEqual([
      {
        osd: 4,
        updatedSec: 5e8,
        back: { average: flat(3500), min: flat(2000), max: flat(6000), last: 6000 },
        front: { average: flat(3000), min: flat(1000), max: flat(5000), last: 5000 },
      },
    ]);
  });

  it('averages over one, five and fifteen minutes, the first standing for those before it (property)', () => {
    const minutes = fc.array(fc.array(fc.nat(10_000), { minLength: 1, maxLength: 4 }), {
      minLength: 1,
      maxLength: 20,
    });
    fc.assert(
      fc.property(minutes, (all) => {
        const ledger = new PingLedger();
        ledger.add(1, { front: 0, back: 0 }, 0, 0, MINUTE);
        let nowMs = 0;
        // The first minute has that one more.
        const model = all.map((us, i) => (i === 0 ? [0, ...us] : us));
        for (const us of all) {
          us.forEach((one, i) => {
            nowMs += i === us.length - 1 ? MINUTE - i * 10 : 10;
            ledger.add(1, { front: one / 1000, back: 1 }, nowMs, 1e9 + nowMs, MINUTE);
          });
        }
        const [times] = ledger.times(1e9 + nowMs, 0);
        const averages = model.map((us) => Math.floor(us.reduce((a, b) => a + b, 0) / us.length));
        const padded = [...new Array<number>(15).fill(averages[0]!), ...averages.slice(1)];
        const over = (n: number): number =>
          Math.floor(padded.slice(-n).reduce((a, b) => a + b, 0) / n);
        expect(times!.front.average).toEqual([over(1), over(5), over(15)]);
        expect(times!.front.last).toBe(all.at(-1)!.at(-1));
        expect(times!.front.max[0]).toBe(Math.max(...model.at(-1)!));
        expect(times!.back.average).toHaveLength(3);
      }),
    );
  });

  it('forgets what was not measured for long', () => {
    const ledger = new PingLedger();
    ledger.add(1, { front: 1, back: 1 }, 0, 1e9, 0);
    expect(ledger.times(1e9 + 3_600_000, 3600)).toHaveLength(1);
    expect(ledger.times(1e9 + 9_000_000, 0)).toHaveLength(1);
    expect(ledger.times(1e9 + 3_602_000, 3600)).toEqual([]);
    expect(ledger.times(1e9, 3600)).toEqual([]);
  });
});

it("OSDs that ping each other know each other's times", async () => {
  const w = await HeartbeatWorld.start(3, 1, 7);
  await w.run(150);
  const times = w.osds[0]!.heartbeats.pingTimes();
  expect(times.map(({ osd }) => osd)).toEqual([1, 2]);
  for (const { back, front } of times) {
    for (const side of [back, front]) {
      expect(side.min[0]!).toBeLessThanOrEqual(side.average[0]!);
      expect(side.average[0]!).toBeLessThanOrEqual(side.max[0]!);
      expect(side.average[0]!).toBeGreaterThan(0);
    }
  }
});

it('the command lists the slowest first, from a bound on', () => {
  const all = [timesOf(1, [500, 700, 600], [100, 100, 100]), timesOf(2, [900, 100, 100])];
  const seen = (leastUs: number) =>
    slowLines(all, leastUs).map(({ times, side, longest }) => [times.osd, side, longest]);
  expect(seen(0)).toEqual([
    [2, 'back', 900],
    [2, 'front', 900],
    [1, 'back', 700],
    [1, 'front', 100],
  ]);
  expect(seen(701).map(([osd]) => osd)).toEqual([2, 2]);
});

// Of `ceph pg dump` of a 16.2 cluster (test/golden/mon/io.json.gz).
it('a report has the form of a real one', () => {
  const side = (average: number[], min: number[], max: number[], last: number) => ({
    average,
    min,
    max,
    last,
  });
  const back = side([356, 356, 420], [251, 231, 188], [484, 824, 16_296], 448);
  const front = side([421, 403, 522], [284, 216, 175], [1713, 1713, 16_366], 1431);
  const real = {
    osd: 0,
    'last update': 'Fri Nov 20 11:42:09 2026',
    interfaces: [
      {
        interface: 'back',
        average: { '1min': 0.356, '5min': 0.356, '15min': 0.42 },
        min: { '1min': 0.251, '5min': 0.231, '15min': 0.188 },
        max: { '1min': 0.484, '5min': 0.824, '15min': 16.296 },
        last: 0.448,
      },
      {
        interface: 'front',
        average: { '1min': 0.421, '5min': 0.403, '15min': 0.522 },
        min: { '1min': 0.284, '5min': 0.216, '15min': 0.175 },
        max: { '1min': 1.713, '5min': 1.713, '15min': 16.366 },
        last: 1.431,
      },
    ],
  };
  const updatedSec = Date.UTC(2026, 10, 20, 11, 42, 9) / 1000;
  expect(pingTimesJson({ osd: 0, updatedSec, back, front })).toEqual(real);
  const silent = side([0, 0, 0], [0, 0, 0], [0, 0, 0], 0);
  expect(pingTimesJson({ osd: 0, updatedSec, back, front: silent })).toEqual({
    ...real,
    interfaces: [real.interfaces[0]],
  });
});

it('days of one digit are padded as by ctime', () => {
  expect(ctime(Date.UTC(2024, 1, 29, 23, 5, 9) / 1000)).toBe('Thu Feb 29 23:05:09 2024');
  expect(ctime(Date.UTC(2027, 0, 3) / 1000)).toBe('Sun Jan  3 00:00:00 2027');
});

describe('health', () => {
  const ofCode = (w: World, code: string) => healthChecks(w.state()).find((c) => c.code === code);
  const say = (w: World, from: number, ...pingTimes: PingTimes[]) =>
    report(w, from, { ...osdStat(1), pingTimes });

  it('names slow pairs by network, the slowest first', async () => {
    const w = await makeWorld();
    await bootAll(w);
    const nowSec = Math.floor(w.nowMs / 1000);
    say(w, 0, timesOf(1, [900_000, 1_000_000, 1_000_000], [1000, 1000, 1000], nowSec));
    expect(ofCode(w, 'OSD_SLOW_PING_TIME_BACK')).toBeUndefined();
    say(w, 0, timesOf(1, [900_000, 1_000_500, 1_200_250], [1000, 1000, 1000], nowSec));
    say(w, 2, timesOf(1, [2_000_000, 1_000_500, 1_200_250], [1000, 1000, 1000], nowSec));
    await w.run('osd down', { ids: ['1'] });
    const back = ofCode(w, 'OSD_SLOW_PING_TIME_BACK')!;
    expect([back.severity, back.summary]).toEqual([
      'HEALTH_WARN',
      'Slow OSD heartbeats on back (longest 2000.000ms)',
    ]);
    expect(back.detail).toEqual([
      'Slow OSD heartbeats on back from osd.2 [] to osd.1 [] (down) 2000.000 msec',
      'Slow OSD heartbeats on back from osd.0 [] to osd.1 [] (down) 1200.250 msec possibly improving',
    ]);
    expect(ofCode(w, 'OSD_SLOW_PING_TIME_FRONT')).toBeUndefined();
    // Old news are no news.
    w.nowMs += 61 * 20_000;
    expect(ofCode(w, 'OSD_SLOW_PING_TIME_BACK')).toBeUndefined();
  });

  it('goes by the bound in ms before the share of the grace, and says nothing at 0', async () => {
    const w = await makeWorld();
    await bootAll(w);
    const nowSec = Math.floor(w.nowMs / 1000);
    const many = Array.from({ length: 12 }, (_, i) =>
      timesOf(1, [5000 + i, 1, 1], [1, 1, 1], nowSec),
    );
    say(w, 0, ...many);
    const set = (name: string, value: string) =>
      w.run('config set', { who: 'global', name, value });
    expect(ofCode(w, 'OSD_SLOW_PING_TIME_BACK')).toBeUndefined();
    await set('mon_warn_on_slow_ping_time', '5');
    const { detail, summary } = ofCode(w, 'OSD_SLOW_PING_TIME_BACK')!;
    expect(summary).toBe('Slow OSD heartbeats on back (longest 5.011ms)');
    expect(detail.length).toBe(11);
    expect(detail.at(-1)).toMatch(/^Truncated long network list\. {2}Use ceph daemon mgr/);
    await set('mon_warn_on_slow_ping_time', '0');
    await set('mon_warn_on_slow_ping_ratio', '0');
    expect(ofCode(w, 'OSD_SLOW_PING_TIME_BACK')).toBeUndefined();
  });
});
