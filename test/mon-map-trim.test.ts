import { expect, it } from 'vitest';
import { trimFloor } from '../src/mon/services/map-trim.ts';
import { type PgStat, pgState } from '../src/wire/index.ts';

type State = Parameters<typeof trimFloor>[0];

/** At epoch 1000, with the maps since 1. @param stats of PGs 1.0, 1.1 and so on */
function floor(stats: readonly (Partial<PgStat> | undefined)[], keep = 500): number | undefined {
  const state = {
    osdmap: { epoch: 1000, pgs: () => stats.map((_, seed) => ({ pool: 1, seed })) },
    oldestEpoch: 1,
    pgStats: new Map(stats.flatMap((s, seed) => (s ? [[`1.${seed}`, s as PgStat]] : []))),
    option: () => keep,
  };
  return trimFloor(state as unknown as State);
}

const clean = { state: pgState('active', 'clean'), reportedEpoch: 998, lastEpochClean: 40 };
const busy = { state: pgState('active', 'degraded'), reportedEpoch: 999, lastEpochClean: 700 };

it('keeps so many maps as the option says, however long nothing has happened to a clean PG', () => {
  expect(floor([clean, clean])).toBe(500);
  expect(floor([clean], 300)).toBe(700);
  expect(floor([])).toBe(500);
});

it('keeps the maps since which a PG was not clean', () => {
  expect(floor([clean, { ...busy, lastEpochClean: 400 }])).toBe(400);
  expect(floor([clean, busy])).toBe(500);
  // What a clean PG said long ago is not known to hold any more.
  expect(floor([{ ...clean, reportedEpoch: 300 }])).toBe(300);
});

it('waits until it is worth a commit, and while nothing is known of a PG', () => {
  expect(floor([{ ...busy, lastEpochClean: 100 }])).toBeUndefined();
  expect(floor([{ ...busy, lastEpochClean: 101 }])).toBe(101);
  expect(floor([clean, undefined])).toBeUndefined();
  expect(floor([clean], 950)).toBeUndefined();
});
