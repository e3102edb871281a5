import { describe, expect, it } from 'vitest';
import { type Dup, Dups } from '../src/osd/log/dups.ts';
import {
  isListingFull,
  LogBudget,
  type LogSettings,
  trimPointOf,
} from '../src/osd/log/log-bounds.ts';
import { ENTRY, TOTALS_ZERO } from '../src/osd/log/log-entry.ts';
import { Logged } from '../src/osd/log/logged.ts';
import { PgLog } from '../src/osd/log/pg-log.ts';
import { emptyInfo } from '../src/osd/pg/pg-info.ts';
import { PgState } from '../src/osd/pg/pg-state.ts';
import { MemoryStore } from '../src/store/index.ts';
import { EVERSION_ZERO, type EVersion } from '../src/wire/index.ts';
import { loneView, objectNamed } from './support/pg-views.ts';

const v = (version: number): EVersion => ({ epoch: 1, version: BigInt(version) });
function entry(version: number, nameLength = 1): Logged {
  const name = 'n'.repeat(nameLength);
  return Logged.of({
    kind: ENTRY.modify,
    version: v(version),
    previous: v(version - 1),
    prior: EVERSION_ZERO,
    oid: objectNamed(name),
    reqid: { name: { type: 8, num: 1 }, tid: BigInt(version), inc: 0 },
    userVersion: BigInt(version),
    result: -version,
    totals: TOTALS_ZERO,
  });
}
const logOf = (count: number, nameLength = 1): PgLog =>
  new PgLog(
    v(0),
    Array.from({ length: count }, (_, i) => entry(i + 1, nameLength)),
  );
const SETTINGS: LogSettings = {
  entriesMin: 250,
  entriesMax: 10_000,
  entriesPerOsd: 300_000,
  bytesMax: 4 * 2 ** 20,
  stride: 100,
  strideMax: 10_000,
  remembered: 3000,
};

describe('the bounds of a log', () => {
  it('share what memory there is, between the least and the most that options say', () => {
    const budget = new LogBudget();
    const of = (inMemory: number, pgs: number) => {
      const { least, whole, away } = budget.of(SETTINGS, inMemory, pgs);
      return [least, whole, away];
    };
    expect(of(1000, 64)).toEqual([250, 1000, 4000]);
    expect(of(10, 64)).toEqual([250, 350, 350]);
    expect(of(1e6, 64)).toEqual([250, 4687, 4687]);
    expect(of(1e6, 1)).toEqual([250, 10_000, 10_000]);
    expect(budget.of(SETTINGS, 7, 3)).toBe(budget.of(SETTINGS, 7, 3));
  });
  const bounds = {
    least: 50,
    whole: 300,
    away: 900,
    bytes: 1e9,
    listing: 2000,
    listingBytes: 4e9,
    stride: 100,
    strideMax: 1000,
    remembered: 9,
  };
  it('end writes at four times what options say while somebody lists', () => {
    const { listing, listingBytes } = new LogBudget().of(SETTINGS, 1000, 64);
    expect([listing, listingBytes]).toEqual([40_000, 16 * 2 ** 20]);
    expect(isListingFull(logOf(1999), bounds)).toBe(false);
    expect(isListingFull(logOf(2000), bounds)).toBe(true);
    expect(isListingFull(logOf(10), { ...bounds, listingBytes: 100 })).toBe(true);
  });
  it('cut in strides, later while somebody is away', () => {
    expect(trimPointOf(logOf(300), bounds, 0, true)).toEqual(v(0));
    expect(trimPointOf(logOf(301), bounds, 0, true)).toEqual(v(101));
    expect(trimPointOf(logOf(301), bounds, 0, false)).toEqual(v(0));
    expect(trimPointOf(logOf(901), bounds, 0, false)).toEqual(v(101));
  });
  it('keep what is not answered, cut no more at once than is said, and never below the least', () => {
    expect(trimPointOf(logOf(301), bounds, 290, true)).toEqual(v(11));
    expect(trimPointOf(logOf(500), { ...bounds, strideMax: 7 }, 0, true)).toEqual(v(7));
    expect(trimPointOf(logOf(301), { ...bounds, least: 280 }, 0, true)).toEqual(v(21));
  });
  it('count bytes beside entries', () => {
    const log = logOf(200, 1000);
    const each = log.bytes / 200;
    const tight = { ...bounds, bytes: 150 * each };
    const cut = Number(trimPointOf(log, tight, 0, true).version);
    expect((200 - cut) * each).toBeLessThanOrEqual(tight.bytes);
    expect(cut).toBeGreaterThan(50);
    expect(cut).toBeLessThan(120);
    expect(trimPointOf(log, { ...tight, bytes: 0 }, 0, true)).toEqual(v(150));
    expect(trimPointOf(log, { ...tight, bytes: 0 }, 190, true)).toEqual(v(10));
  });
});

describe('requests whose entries were trimmed', () => {
  const dups = (from: number, to: number): Dup[] =>
    Array.from({ length: to - from + 1 }, (_, i) => ({
      reqid: `8.1.0.${from + i}`,
      version: v(from + i),
      userVersion: 5n,
      result: -(from + i),
    }));

  it('are found with the answer of then, and forgotten by chunks', () => {
    const all = new Dups();
    all.add(dups(1, 10));
    all.add(dups(11, 15));
    expect(all.find('8.1.0.7')).toMatchObject({ version: v(7), userVersion: 5n, result: -7 });
    expect(all.forget(9n)).toEqual([]);
    expect(all.forget(10n).length).toBe(1);
    expect([all.find('8.1.0.10'), all.find('8.1.0.11')?.result]).toEqual([undefined, -11]);
    expect(all.size).toBe(5);
  });
  it('are told apart where their hashes are the same', () => {
    // By FNV-1a of 32 bits.
    const [one, other] = ['8.4100.0.62035', '8.4101.0.300060'] as const;
    const named = (reqid: string, n: number): Dup => ({ ...dups(n, n)[0]!, reqid });
    const all = new Dups();
    all.add([named(one, 1)]);
    expect(all.find(other)).toBeUndefined();
    all.add([named(other, 2), named('8.1.0.3', 3)]);
    expect([one, other, '8.1.0.3'].map((r) => all.find(r)?.result)).toEqual([-1, -2, -3]);
    all.forget(1n);
    expect([one, other].map((r) => all.find(r)?.result)).toEqual([undefined, -2]);
  });
  it('join with those of a peer that cut its log elsewhere', () => {
    const [mine, other] = [new Dups(), new Dups()];
    mine.add(dups(5, 10));
    other.add(dups(1, 10));
    other.add(dups(11, 12));
    for (const bytes of other.all) mine.load(bytes);
    for (const bytes of other.all) mine.load(bytes);
    expect([1, 5, 10, 12].map((n) => mine.find(`8.1.0.${n}`)?.result)).toEqual([-1, -5, -10, -12]);
    expect(mine.all.length).toBe(2);
    expect(mine.forget(12n).length).toBe(2);
    expect(mine.size).toBe(0);
  });
  it('are remembered once where PGs are merged that were one: copies do not crowd others out', () => {
    const whole = new PgLog(v(2990));
    whole.dups.add(dups(1, 2990));
    const parts = [...whole.split([0, 1, 2, 3], (hash) => hash % 4).values()].map((p) => p.log);
    const merged = PgLog.merged(v(3000), parts);
    expect(merged.dups.size).toBe(2990);
    expect([1, 2990].map((n) => merged.find(`8.1.0.${n}`)?.result)).toEqual([-1, -2990]);
  });
  it('are in the store, as many as are to be remembered', async () => {
    const store = new MemoryStore();
    const pgid = { pool: 1, seed: 0 };
    const state = new PgState(pgid, emptyInfo(1, loneView(1), 1));
    await store.submit(state.create());
    for (let n = 1; n <= 400; n++) {
      const ops = [state.append(entry(n))];
      if (n % 20 === 0) ops.push(...state.trim(v(n - 10), 100));
      await store.submit(ops);
    }
    const loaded = PgState.load(store, pgid)!;
    for (const log of [state.log, loaded.log]) {
      expect(log.find('8.1.0.395')?.result).toBe(-395);
      expect(log.find('8.1.0.305')?.result).toBe(-305);
      expect(log.find('8.1.0.280')).toBeUndefined();
    }
    expect(loaded.log.dups.size).toBe(state.log.dups.size);
    expect(
      store.omapList('1.0', state.meta, { from: 'd', prefix: 'd', limit: 99 }).entries.length,
    ).toBe(5);
  });
});
