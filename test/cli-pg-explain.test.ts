import { describe, expect, it } from 'vitest';
import { pgExplain, storyOf } from '../src/cli/pg/explain.ts';
import { type PgStory, wordsOf } from '../src/cli/pg/words.ts';
import { parse, UsageError } from '../src/cli/usage.ts';
import type { PgFacts } from '../src/osd/index.ts';
import { OsdCluster } from './support/osd-cluster.ts';

const facts = (o: Partial<PgFacts>): PgFacts => ({
  pgid: '1.0',
  osd: 0,
  role: 'primary',
  word: 'clean',
  state: 'active+clean',
  epoch: 9,
  since: 7,
  sinceSeconds: 12,
  up: [0, 1],
  acting: [0, 1],
  primary: 0,
  size: 2,
  minSize: 2,
  phase: 'active',
  waitingFor: [],
  isVouchedFor: true,
  objects: 1,
  bytes: 10,
  version: "7'3",
  log: { tail: "0'0", entries: 3, remembered: 0 },
  members: [],
  strays: [],
  unfound: 0,
  isStalled: false,
  isLogFull: false,
  mightHaveUnfound: [],
  open: [],
  past: [],
  lastStarted: 7,
  lastClean: 7,
  ...o,
});
const story = (told: Partial<PgFacts>, o: Partial<PgStory> = {}): string =>
  wordsOf({
    pgid: '1.0',
    epoch: 9,
    up: [0, 1],
    acting: [0, 1],
    answers: [facts(told)],
    silent: [],
    ...o,
  }).join('\n');

describe('a PG in words', () => {
  it('says that all is well', () => {
    const text = story({});
    expect(text).toContain('PG 1.0: active+clean, for 12 s since epoch 7; up [0,1], acting [0,1]');
    expect(text).toContain('why: all 2 members serve and have everything');
    expect(text).toContain('waits for: nothing');
    expect(text).toContain("1 object, 10 bytes, version 7'3; log of 3 entries after 0'0");
  });
  it('says who must come back when it is down, and how to give up', () => {
    const open = [{ first: 3, last: 5, acting: [2], up: [] }];
    const text = story({ phase: 'down', state: 'down', waitingFor: [2], open });
    expect(text).toContain('may have been answered in epochs 3-5 by [2], and none of those is up');
    expect(text).toContain('osd.2 to start; if they are gone for good: ceph osd lost 2');
  });
  it('says what to decide about objects that are nowhere', () => {
    const down = story({ unfound: 2, mightHaveUnfound: [{ osd: '3', status: 'osd is down' }] });
    expect(down).toContain('2 objects cannot be found on any OSD that is up');
    expect(down).toContain('waits for: osd.3 (osd is down), who may have what is not found');
    const asked = story({ unfound: 2, mightHaveUnfound: [{ osd: '3', status: 'already probed' }] });
    expect(asked).toContain('ceph pg 1.0 mark_unfound_lost revert|delete');
    const stalled = story({
      isStalled: true,
      isLogFull: true,
      unfound: 3,
      mightHaveUnfound: [{ osd: '3', status: 'already probed' }],
    });
    expect(stalled).toContain('writes wait, since the log cannot be cut before all is listed');
    expect(stalled).toContain('no OSD that is up can say what else it holds: about 3 objects');
    expect(stalled).toContain('waits for: a decision: ceph pg 1.0 mark_unfound_lost');
  });
  it('says how much members still lack, and whence it comes', () => {
    const sources = [{ osd: 4, state: 'importing', left: 5 } as const];
    const mine = { osd: 0, isUp: true, version: "7'3", lacks: 5, isImporting: true, sources };
    const text = story({ members: [mine], size: 3 });
    expect(text).toContain('only 2 of 3 members are there; all is served, and 5 copies');
    expect(text).toContain(
      "osd.0: primary, version 7'3, lacks 5 objects, imports from osd.4 (importing, 5 left)",
    );
    expect(text).toContain('waits for: osd.0 to get 5 objects; 1 more member in the map');
  });
  it('says of a holder that is no member whether its primary knows of it', () => {
    const its = { osd: 5, isUp: true, version: "6'2", lacks: 0, isImporting: false, sources: [] };
    const of = (word: PgFacts['word']): string => {
      const holder = facts({ osd: 5, role: 'homeless', word, members: [its] });
      return story({}, { answers: [facts({}), holder] });
    };
    expect(of('homeless')).toContain("osd.5: homeless, version 6'2");
    expect(of('exporting')).toContain("osd.5: exporting, version 6'2");
  });
  it('says why nothing is served by few members, or before the map has their primary', () => {
    const few = story({ phase: 'peered', acting: [0], minSize: 2 });
    expect(few).toContain('1 of 2 members are there and min_size is 2: nothing is served');
    expect(few).toContain('waits for: 1 more member, or a smaller min_size');
    expect(story({ phase: 'waitingForUpThru' })).toContain('the monitor to publish a map');
  });
  it('tells the history, and who does not answer', () => {
    const past = [
      {
        first: 1,
        last: 6,
        up: [0],
        acting: [0],
        primary: 0,
        maybeWritten: true,
        ended: 'osd.1 came',
      },
    ];
    const text = story({ past }, { silent: [{ osd: 1, reason: 'osd.1 is not up' }] });
    expect(text).toContain('epochs 1-6: [0] may hold writes; then osd.1 came');
    expect(text).toContain('osd.1: no answer (osd.1 is not up)');
  });
  it('has something to say when nobody is the primary, or it does not answer', () => {
    const nobody = story({}, { up: [], acting: [], answers: [] });
    expect(nobody).toContain('PG 1.0: no member is up');
    expect(nobody).toContain('waits for: one of its OSDs to come up');
    const member = story({ osd: 1, role: 'member', primary: 0 });
    expect(member).toContain('why: its primary does not answer');
    expect(member).toContain('waits for: osd.0 to answer');
  });
});

describe('sepiola pg explain', () => {
  const run = (...words: string[]): Promise<number> =>
    pgExplain.run(parse(pgExplain.command, words));

  it('refuses words that name no PG, and formats that it does not have', async () => {
    for (const bad of ['zz', '1', '1.x', '1.0.2', '-1.0']) {
      await expect(run('--', bad)).rejects.toThrow(UsageError);
    }
    await expect(run('1.0', '--format', 'xml')).rejects.toThrow('--format is plain or json');
  });

  it('asks a cluster, whether the primary is there or not', async () => {
    await using c = await OsdCluster.start(2);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 1 });
    const pgid = `${pool.id}.0`;
    await pool.object('a').writeFull('x');
    const well = await storyOf(rados, pgid);
    expect(well.answers.map((a) => a.role)).toEqual(['primary', 'member']);
    expect(well.answers[0]).toMatchObject({ phase: 'active', objects: 1, acting: well.acting });
    expect(wordsOf(well)[0]).toContain(`PG ${pgid}: active`);
    await expect(storyOf(rados, '99.0')).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(storyOf(rados, `${pool.id}.7`)).rejects.toMatchObject({ code: 'ENOENT' });

    await c.kill(0);
    await c.kill(1);
    await rados.command({ prefix: 'osd down', ids: ['0', '1'] });
    const gone = await storyOf(rados, pgid);
    expect(gone).toMatchObject({ acting: [], answers: [] });
    expect(wordsOf(gone).join('\n')).toContain('waits for: one of its OSDs to come up');
  });
});
