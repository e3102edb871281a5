import { describe, expect, it } from 'vitest';
import { ENTRY, type LogEntry, logKey, oidKey, TOTALS_ZERO } from '../src/osd/log/log-entry.ts';
import { Logged } from '../src/osd/log/logged.ts';
import { mergeLog } from '../src/osd/log/merge.ts';
import { PgLog } from '../src/osd/log/pg-log.ts';
import {
  addInterval,
  type Interval,
  joinHistories,
  mayWrite,
  type PgView,
  priorSet,
} from '../src/osd/pg/intervals.ts';
import { missingSet } from '../src/osd/pg/missing.ts';
import { Peering } from '../src/osd/pg/peering.ts';
import type { PeeringEffect } from '../src/osd/pg/peering-steps.ts';
import { emptyInfo, type PgInfo } from '../src/osd/pg/pg-info.ts';
import { nextInfo } from '../src/osd/pg/pg-life.ts';
import { Frontier, firstObject } from '../src/osd/recovery/import.ts';
import { EVERSION_ZERO, type EVersion, type HObject } from '../src/wire/index.ts';
import { objectNamed } from './support/pg-views.ts';

const v = (epoch: number, version: number): EVersion => ({ epoch, version: BigInt(version) });
function entry(
  version: EVersion,
  name: string,
  prior = EVERSION_ZERO,
  kind = ENTRY.modify as number,
): Logged {
  const made: LogEntry = {
    kind,
    version,
    previous: EVERSION_ZERO,
    prior,
    oid: objectNamed(name),
    reqid: { name: { type: 8, num: 1 }, tid: version.version, inc: version.epoch },
    userVersion: version.version,
    result: 0,
    totals: TOTALS_ZERO,
  };
  return Logged.of(made);
}
function view(acting: number[], options: Partial<PgView> = {}): PgView {
  const primary = acting[0] ?? -1;
  const sizes = { size: 3, minSize: 2, pgCount: 1 };
  return {
    epoch: 9,
    up: acting,
    upPrimary: primary,
    acting,
    primary,
    ...sizes,
    upFrom: acting.map(() => 1),
    upThru: 0,
    bits: 0,
    isMerging: false,
    ...options,
  };
}
const stored = (w: PgView) => ({
  ...w,
  up: [...w.up],
  acting: [...w.acting],
  upFrom: [...w.upFrom],
});
const infoOf = (o: Partial<PgInfo>): PgInfo => ({
  ...emptyInfo(1, stored(view([0, 1, 2])), 1),
  ...o,
});

describe('PG log', () => {
  const log = () =>
    new PgLog(v(1, 1), [entry(v(1, 2), 'a'), entry(v(2, 3), 'b'), entry(v(2, 4), 'a')]);

  it('reaches its tail and its entries, nothing else', () => {
    expect([v(1, 1), v(1, 2), v(2, 4)].map((x) => log().reaches(x))).toEqual([true, true, true]);
    expect([v(1, 0), v(1, 3), v(2, 5)].map((x) => log().reaches(x))).toEqual([false, false, false]);
  });
  it('finds requests until their entry is rewound, and remembers those of trimmed ones', () => {
    const l = log();
    expect(l.find('8.1.1.2')?.version).toEqual(v(1, 2));
    l.trim(v(1, 2));
    expect(l.find('8.1.1.2')?.version).toEqual(v(1, 2));
    expect(new PgLog(v(0, 0), [], l).find('8.1.1.2')?.version).toEqual(v(1, 2));
    expect(new PgLog().find('8.1.1.2')).toBeUndefined();
    expect(l.tail).toEqual(v(1, 2));
    l.rewind(v(2, 3));
    expect(l.find('8.1.2.4')).toBeUndefined();
    expect(l.head).toEqual(v(2, 3));
  });
  it('finds the newest version two logs share', () => {
    expect(log().newestCommon(v(1, 1), [v(1, 2), v(2, 3), v(3, 4)])).toEqual(v(2, 3));
    expect(log().newestCommon(v(1, 1), [v(3, 2)])).toEqual(v(1, 1));
    expect(log().newestCommon(v(0, 1), [v(3, 2)])).toBeUndefined();
  });
  it('has keys in the order of versions', () => {
    const versions = [v(1, 2), v(1, 256), v(2, 1), v(256, 1)];
    expect(versions.map(logKey).sort()).toEqual(versions.map(logKey));
  });
  it('tells objects apart whose names contain separators', () => {
    const named = (o: Partial<HObject>): string => oidKey({ ...objectNamed('n'), ...o });
    const keys = [
      named({}),
      named({ namespace: 'n', name: '' }),
      named({ key: 'n', name: '' }),
      named({ namespace: '1:a', name: 'b' }),
      named({ namespace: '1', key: ':a', name: 'b' }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('merging a log', () => {
  it('takes objects back to the version before the divergent writes, or removes them', () => {
    const log = new PgLog(EVERSION_ZERO, [
      entry(v(1, 1), 'kept'),
      entry(v(1, 2), 'kept', v(1, 1)),
      entry(v(1, 3), 'created'),
      entry(v(1, 4), 'kept', v(1, 2)),
    ]);
    const missing = missingSet([]);
    const changes = mergeLog(log, missing, v(1, 1), [entry(v(2, 2), 'new')]);
    expect(changes.divergent).toEqual([v(1, 2), v(1, 3), v(1, 4)]);
    expect(changes.removed.map((o) => o.name)).toEqual(['created']);
    expect([...missing.values()].map((m) => [m.oid.name, m.need])).toEqual([
      ['kept', v(1, 1)],
      ['new', v(2, 2)],
    ]);
    expect(log.head).toEqual(v(2, 2));
  });
  it('forgets that a deleted object was missing, and ignores refused writes', () => {
    const missing = missingSet([{ oid: objectNamed('gone'), need: v(1, 1) }]);
    const log = new PgLog(v(1, 1));
    const changes = mergeLog(log, missing, v(1, 1), [
      entry(v(1, 2), 'gone', v(1, 1), ENTRY.delete),
      entry(v(1, 3), 'refused', EVERSION_ZERO, ENTRY.error),
    ]);
    expect(missing.size).toBe(0);
    expect(changes.notMissing).toEqual(['gone']);
    expect(changes.removed.map((o) => o.name)).toEqual(['gone']);
  });
});

describe('a member that follows the maps', () => {
  const at = (epoch: number, o: Partial<PgView> = {}): PgView => view([0, 1], { epoch, ...o });
  const born = (): PgInfo => emptyInfo(1, stored(at(1)), 1);

  it('counts an interval as written only if its primary was vouched for in it', () => {
    const unused = nextInfo(born(), at(1), at(2, { acting: [1] }));
    expect([unused.since, unused.history]).toEqual([2, []]);
    const served = nextInfo(born(), at(1), at(2, { upThru: 1 }));
    expect([served.since, served.isVouchedFor]).toEqual([1, true]);
    const after = nextInfo(served, at(2), at(3, { acting: [1] }));
    expect(after.isVouchedFor).toBe(false);
    expect(after.history).toMatchObject([{ first: 1, last: 2, acting: [0, 1] }]);
  });
  it('does not take an older life of the primary for its word', () => {
    const again = nextInfo(born(), at(1), at(8, { upFrom: [8, 1], upThru: 7 }));
    expect(nextInfo(again, at(8, { upFrom: [8, 1] }), at(9, { upFrom: [8, 1], upThru: 7 }))).toBe(
      again,
    );
  });
  it('takes maps that it never saw for maps in which writes may have been taken', () => {
    const gap = nextInfo(born(), at(1), at(5, { acting: [1] }));
    expect(gap.history).toMatchObject([{ first: 1, last: 4 }]);
  });
  it('begins an interval when min_size changes, and judges the one before by its own', () => {
    const v2 = at(2, { upThru: 1 });
    const served = nextInfo(born(), at(1), v2);
    const raised = nextInfo(served, v2, at(3, { minSize: 3, upThru: 1 }));
    expect([raised.since, raised.history.length]).toEqual([3, 1]);
    const v4 = at(4, { minSize: 3, upThru: 3 });
    const few = nextInfo(raised, at(3, { minSize: 3 }), v4);
    expect(few.isVouchedFor).toBe(true);
    // Two of three were too few to answer a write.
    expect(nextInfo(few, v4, at(5, { minSize: 1 })).history.map((i) => i.first)).toEqual([1]);
  });
});

describe('intervals', () => {
  const interval = (
    first: number,
    last: number,
    acting: number[],
    maybeWritten = true,
  ): Interval => ({
    first,
    last,
    oldest: first,
    acting,
    primary: acting[0]!,
    maybeWritten,
  });
  it('may hold writes only with a primary and min_size members', () => {
    expect([[], [0], [0, 1], [0, 1, 2]].map((a) => mayWrite(view(a)))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
  it('keeps one entry for each set of members, with the first time they met', () => {
    const history = [interval(1, 3, [0, 1]), interval(4, 5, [1, 2])];
    expect(addInterval(history, interval(6, 7, [1, 0]))).toEqual([
      interval(4, 5, [1, 2]),
      { ...interval(6, 7, [1, 0]), oldest: 1 },
    ]);
    expect(addInterval(history, interval(6, 7, [2], false))).toEqual(history);
    expect(
      joinHistories([history, [interval(2, 6, [2, 1])]]).map((i) => [i.last, i.oldest]),
    ).toEqual([
      [3, 1],
      [6, 2],
    ]);
  });
  it('asks one living member of each interval since the last that began to serve', () => {
    const history = [interval(1, 2, [3, 4]), interval(3, 4, [1, 2])];
    const up = new Set([0, 1]);
    const lost: Record<number, number> = {};
    const prior = (started: number, witnesses = new Set([0, 1])) =>
      priorSet(
        view([0]),
        history,
        started,
        { isUp: (o) => up.has(o), lostAt: (o) => lost[o] ?? 0 },
        (o) => witnesses.has(o),
      );
    expect([...prior(3).ask]).toEqual([0, 1]);
    expect(prior(3).blockedBy.size).toBe(0);
    expect([...prior(1).blockedBy]).toEqual([3, 4]);
    expect([...prior(3, new Set([0])).blockedBy]).toEqual([1, 2]);
    // Given up after the interval: one of two leaves the other to be waited for, both leave nobody.
    lost[3] = 2;
    expect([...prior(1).blockedBy]).toEqual([4]);
    lost[4] = 1;
    expect([...prior(1).blockedBy]).toEqual([4]);
    lost[4] = Number.POSITIVE_INFINITY;
    expect(prior(1).blockedBy.size).toBe(0);
  });
});

const LOST: Interval = {
  first: 3,
  last: 5,
  oldest: 3,
  acting: [3, 4],
  primary: 3,
  maybeWritten: true,
};

describe('peering', () => {
  /** A primary osd.0 whose log ends at `head`, and what its peers say. */
  function start(
    selfInfo: Partial<PgInfo>,
    log: PgLog,
    peers: Record<number, Partial<PgInfo>>,
    w = view([0, 1, 2]),
    isVouchedFor = true,
  ) {
    const info = infoOf(selfInfo);
    const self = {
      id: 0,
      isVouchedFor,
      get info() {
        return {
          ...info,
          isVouchedFor: self.isVouchedFor,
          lastUpdate: log.head,
          logTail: log.tail,
        };
      },
      log,
    };
    const peering = new Peering(self);
    const alive = new Set([0, ...Object.keys(peers).map(Number)]);
    let effects = peering.step({
      kind: 'start',
      view: w,
      others: { isUp: (o) => alive.has(o), lostAt: () => 0 },
      known: new Map(),
    });
    expect(effects.map((e) => e.kind)).toEqual(effects.map(() => 'askInfo'));
    for (const [osd, said] of Object.entries(peers)) {
      effects = peering.step({ kind: 'info', from: Number(osd), info: infoOf(said) });
    }
    return { peering, effects, self };
  }
  const kinds = (effects: readonly PeeringEffect[]): string[] =>
    effects.map((e) => ('to' in e ? `${e.kind} ${e.to}` : e.kind));

  it('activates at once when all logs agree, and serves when all have answered', () => {
    const log = new PgLog(EVERSION_ZERO, [entry(v(1, 1), 'a')]);
    const { peering, effects } = start({}, log, { 1: { lastUpdate: v(1, 1) }, 2: {} });
    expect(kinds(effects)).toEqual(['activate 0', 'activate 1', 'activate 2']);
    const to2 = effects[2]!;
    expect(to2.kind === 'activate' && to2.how.entries.length).toBe(1);
    const done = (from: number) =>
      peering.step({ kind: 'activated', from, missing: missingSet([]), frontier: undefined });
    expect(kinds([...done(0), ...done(1)])).toEqual([]);
    expect(done(2)).toEqual([{ kind: 'serve', writeable: true }]);
    expect(peering.phase.name).toBe('active');
  });
  it('serves only once the map shows the primary alive in the interval, and asks for that with the activation', () => {
    const log = new PgLog(EVERSION_ZERO, [entry(v(1, 1), 'a')]);
    const said = { lastUpdate: v(1, 1) };
    const begun = start({}, log, { 1: said, 2: said }, view([0, 1, 2]), false);
    const { peering, effects, self } = begun;
    expect(kinds(effects)).toEqual(['activate 0', 'activate 1', 'activate 2', 'askUpThru']);
    const done = (from: number) =>
      peering.step({ kind: 'activated', from, missing: missingSet([]), frontier: undefined });
    expect([...done(0), ...done(1), ...done(2)]).toEqual([]);
    expect(peering.phase.name).toBe('waitingForUpThru');
    self.isVouchedFor = true;
    expect(peering.step({ kind: 'vouchedFor' })).toEqual([{ kind: 'serve', writeable: true }]);
    expect(peering.step({ kind: 'vouchedFor' })).toEqual([]);
  });
  it('asks for no up_thru while the PG waits for others, or may take no writes', () => {
    const gone: Interval = { ...LOST, acting: [3] };
    const down = start({ history: [gone] }, new PgLog(), { 1: {} }, view([0, 1]), false);
    expect(kinds(down.effects)).toEqual([]);
    const few = start({}, new PgLog(), { 1: {} }, view([0, 1], { minSize: 3 }), false);
    expect(kinds(few.effects)).toEqual(['activate 0', 'activate 1']);
    for (const from of [0, 1]) {
      few.peering.step({ kind: 'activated', from, missing: missingSet([]), frontier: undefined });
    }
    expect(few.peering.phase.name).toBe('peered');
  });
  it('prefers who served last over who has the longer log', () => {
    const log = new PgLog(EVERSION_ZERO, [entry(v(1, 1), 'a'), entry(v(1, 2), 'b')]);
    const { effects } = start({ lastEpochStarted: 1 }, log, {
      1: { lastEpochStarted: 3, lastUpdate: v(3, 2) },
      2: { lastEpochStarted: 1, lastUpdate: v(1, 2) },
    });
    expect(effects).toEqual([{ kind: 'askLog', to: 1, since: v(1, 2) }]);
  });
  it('rewinds its own log to what the authoritative one shares', () => {
    const log = new PgLog(EVERSION_ZERO, [entry(v(1, 1), 'a'), entry(v(1, 2), 'b')]);
    const { peering } = start({ lastEpochStarted: 1 }, log, {
      1: { lastEpochStarted: 3, lastUpdate: v(3, 2) },
      2: { lastEpochStarted: 3, lastUpdate: v(3, 2) },
    });
    const remote = {
      tail: EVERSION_ZERO,
      dups: [],
      entries: [entry(v(1, 1), 'a'), entry(v(3, 2), 'c')],
    };
    const [adopt] = peering.step({ kind: 'log', from: 1, log: remote });
    expect(adopt).toMatchObject({ kind: 'adopt', from: 1, how: { kind: 'log', base: v(1, 1) } });
  });
  it('does not serve when nobody of an interval that may hold writes is up', () => {
    const { peering, effects } = start({ history: [LOST] }, new PgLog(), { 1: {}, 2: {} });
    expect(effects).toEqual([]);
    expect(peering.phase).toEqual({ name: 'down', blockedBy: new Set([3, 4]) });
  });
  it('does not take a replaced disk for a witness', () => {
    const last: Interval = {
      first: 3,
      last: 5,
      oldest: 3,
      acting: [1],
      primary: 1,
      maybeWritten: true,
    };
    const blank = emptyInfo(0, stored(view([0, 1])), 8);
    const replaced = start({ history: [last] }, new PgLog(), { 1: blank }, view([0, 1]));
    expect(replaced.peering.phase.name).toBe('down');
    // The same disk as then, which never began to serve in that interval: nothing was written.
    const unused = start(
      { history: [last] },
      new PgLog(),
      { 1: { ...blank, storeSince: 2 } },
      view([0, 1]),
    );
    expect(unused.peering.phase.name).toBe('activating');
  });
  it('has nothing to serve when only members are up whose log says nothing', () => {
    const { peering } = start({ complete: false, lastEpochStarted: 5 }, new PgLog(), {
      1: { lastEpochStarted: 1 },
      2: { lastEpochStarted: 1 },
    });
    expect(peering.phase.name).toBe('incomplete');
  });
  it('takes the newest log from a member that has no objects yet, and asks whom that imports from', () => {
    const blank = emptyInfo(0, stored(view([0, 1, 2])), 1);
    const importing = {
      lastEpochStarted: 5,
      lastUpdate: v(5, 9),
      logTail: v(1, 5),
      import: { base: v(1, 5), cursor: firstObject(1), sources: [2, 7] },
    };
    const whole = { lastEpochStarted: 1, lastUpdate: v(1, 8), logTail: v(1, 3) };
    const { effects, peering } = start(blank, new PgLog(), { 1: importing, 2: whole });
    expect(effects).toEqual([{ kind: 'askLog', to: 1, since: EVERSION_ZERO }]);
    const log = { tail: v(1, 5), dups: [], entries: [entry(v(1, 8), 'a'), entry(v(5, 9), 'b')] };
    const [adopt] = peering.step({ kind: 'log', from: 1, log });
    expect(adopt).toMatchObject({ how: { kind: 'import', base: v(1, 5), sources: [1, 2, 7] } });
  });
  it('names as sources who is of its history, and those that are not up', () => {
    const log = new PgLog(v(1, 5), [entry(v(1, 8), 'a'), entry(v(5, 9), 'b')]);
    const its = { base: v(1, 5), cursor: firstObject(1), sources: [3, 7] };
    const blank = emptyInfo(0, stored(view([0, 1, 2])), 1);
    const { effects } = start({ lastEpochStarted: 5, import: its }, log, {
      1: blank,
      // Of our history, and of another one.
      2: { lastEpochStarted: 1, lastUpdate: v(1, 8) },
      3: { lastEpochStarted: 1, lastUpdate: v(1, 7) },
    });
    const sources = effects.map((e) => e.kind === 'activate' && e.how.sources);
    expect(sources).toEqual([[2, 7], [2, 0, 7], []]);
  });
  it('agrees but takes no writes below min_size, and counts members that have nothing yet', () => {
    const log = new PgLog(v(1, 5), [entry(v(1, 6), 'a')]);
    const blank = emptyInfo(0, stored(view([0, 1])), 1);
    const { effects } = start({}, log, { 1: { lastUpdate: v(1, 1) } }, view([0, 1]));
    expect(kinds(effects)).toEqual(['askLog 1']);
    const { effects: now } = start({}, log, { 1: blank }, view([0, 1]));
    expect(now.map((e) => e.kind === 'activate' && [e.how.kind, e.writeable])).toEqual([
      ['log', true],
      ['import', true],
    ]);
    const few = start({}, log, { 1: blank }, view([0, 1], { minSize: 3 }));
    const frontier = new Frontier(firstObject(1), []);
    few.peering.step({ kind: 'activated', from: 1, missing: missingSet([]), frontier });
    few.peering.step({ kind: 'activated', from: 0, missing: missingSet([]), frontier: undefined });
    expect(few.peering.phase.name).toBe('peered');
    expect([...few.peering.frontiers.keys()]).toEqual([1]);
  });
});
