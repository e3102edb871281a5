// Priorities and counts as Ceph has them: PeeringState::get_recovery_priority, get_backfill_priority and
// update_calc_stats, src/osd/PeeringState.cc, 16.2.
import { describe, expect, it } from 'vitest';
import { POOL_OPTION } from '../src/maps/index.ts';
import { OsdConfig } from '../src/osd/front/osd-config.ts';
import { countCopies } from '../src/osd/recovery/recovery-counts.ts';
import { kindOf, type NeedScene, needOf } from '../src/osd/recovery/recovery-need.ts';
import { recoveryOrders } from '../src/osd/recovery/recovery-orders.ts';
import { type RecoveryStanding, recoveryPriority } from '../src/osd/recovery/recovery-priority.ts';
import { settingsOf } from '../src/osd/settings.ts';
import { builtMap } from './support/built-osdmap.ts';

describe('priorities', () => {
  const whole = { size: 3, minSize: 2, acting: 3, whole: 3, isDegraded: false, isForced: false };
  const of = (s: Partial<RecoveryStanding>): number =>
    recoveryPriority({ kind: 'recovery', poolPriority: 0, ...whole, ...s });

  it('puts logs before backfill, missing copies before moves, and waiting clients before all', () => {
    // A pool without a priority of its own stands in the middle of its pools' range of 20.
    expect(of({})).toBe(190);
    expect(of({ isDegraded: true, whole: 1 })).toBe(231);
    expect(of({ isDegraded: true, whole: 2 })).toBe(190);
    expect(of({ kind: 'backfill' })).toBe(110);
    expect(of({ kind: 'backfill', isDegraded: true })).toBe(150);
    expect(of({ kind: 'backfill', isDegraded: true, acting: 2 })).toBe(151);
    expect(of({ kind: 'backfill', isDegraded: true, acting: 1 })).toBe(231);
  });

  it('moves with the pool within its kind, and not beyond', () => {
    expect(of({ poolPriority: 10 })).toBe(200);
    expect(of({ poolPriority: -10 })).toBe(180);
    expect(of({ poolPriority: 99 })).toBe(200);
    expect(of({ kind: 'backfill', poolPriority: -10 })).toBe(100);
    expect(of({ kind: 'backfill', size: 40, minSize: 1, acting: 2, poolPriority: 10 })).toBe(179);
  });

  it('puts what was forced before everything', () => {
    expect(of({ isForced: true, poolPriority: -10 })).toBe(255);
    expect(of({ kind: 'backfill', isForced: true })).toBe(254);
  });
});

describe('what may be copied now', () => {
  const orders = { norecover: false, nobackfill: false, norebalance: false, poolPriority: 0 };
  const scene: NeedScene = {
    self: 0,
    lacking: [
      { osd: 3, imports: true },
      { osd: 2, imports: false },
      { osd: 0, imports: false },
    ],
    isDegraded: true,
    size: 3,
    minSize: 2,
    acting: 3,
    whole: 0,
    forced: new Set(),
    orders,
  };
  const importing = { ...scene, lacking: [{ osd: 3, imports: true }], whole: 2 };

  it('follows the logs first, and gives places only to who is given objects', () => {
    expect(needOf(scene)).toEqual({ kind: 'recovery', priority: 232, targets: [2] });
    expect(needOf(importing)).toEqual({ kind: 'backfill', priority: 150, targets: [3] });
    expect(kindOf([])).toBe(undefined);
    expect(needOf({ ...scene, lacking: [] })).toBe(undefined);
  });

  it('does what the flags of the map say', () => {
    const say = (s: NeedScene, flag: Partial<typeof orders>) =>
      needOf({ ...s, orders: { ...orders, ...flag } })?.kind;
    expect(say(scene, { norecover: true })).toBe(undefined);
    expect(say(importing, { norecover: true })).toBe(undefined);
    expect(say(scene, { nobackfill: true, norebalance: true })).toBe('recovery');
    expect(say(importing, { nobackfill: true })).toBe(undefined);
    expect(say(importing, { norebalance: true })).toBe('backfill');
    expect(say({ ...importing, isDegraded: false }, { norebalance: true })).toBe(undefined);
  });
});

describe('what a pool says', () => {
  const settings = settingsOf(new OsdConfig(), 1).recovery;
  const of = (...options: [keyof typeof POOL_OPTION, bigint][]) => {
    const map = builtMap();
    for (const [name, value] of options) {
      map.pool(1)!.options.values.set(POOL_OPTION[name].key, value);
    }
    const { poolPriority, opPriority } = recoveryOrders(map, 1, settings);
    return { poolPriority, opPriority };
  };

  it('is its priority among PGs, and its weight beside clients if that is above 0', () => {
    expect(of()).toEqual({ poolPriority: 0, opPriority: 0 });
    expect(of(['recovery_priority', -3n], ['recovery_op_priority', 20n])).toEqual({
      ...{ poolPriority: -3, opPriority: 20 },
    });
    expect(of(['recovery_op_priority', -1n])).toEqual({ poolPriority: 0, opPriority: 0 });
    expect(recoveryOrders(undefined, 1, settings)).toMatchObject({
      ...{ poolPriority: 0, opPriority: 0 },
    });
  });
});

describe('counts of copies', () => {
  const holders = (...lacks: number[]) => lacks.map((n, osd) => ({ osd, lacks: n }));

  it('calls what nobody else holds degraded', () => {
    const of = (targets: number[]) =>
      countCopies({ size: 3, objects: 100, targets: holders(...targets), others: [] });
    expect(of([0, 0, 0])).toEqual({ degraded: 0, misplaced: 0 });
    expect(of([0, 0])).toEqual({ degraded: 100, misplaced: 0 });
    expect(of([0])).toEqual({ degraded: 200, misplaced: 0 });
    expect(of([0, 7, 0])).toEqual({ degraded: 7, misplaced: 0 });
  });

  it('calls what somebody outside the up set still holds misplaced', () => {
    const of = (targets: number[], others: number[]) =>
      countCopies({
        size: 3,
        objects: 100,
        targets: holders(...targets),
        others: holders(...others),
      });
    expect(of([0, 0, 100], [0])).toEqual({ degraded: 0, misplaced: 100 });
    expect(of([0, 0, 60], [0])).toEqual({ degraded: 0, misplaced: 60 });
    // A new member for one that is there and one that has died.
    expect(of([0, 100, 100], [0])).toEqual({ degraded: 100, misplaced: 100 });
    // The old holder lags behind itself.
    expect(of([0, 0, 100], [10])).toEqual({ degraded: 10, misplaced: 90 });
  });
});
