// Upmaps and temporary mappings on Sepiola and on a real Ceph side by side: the same answers, and after every change of
// the map the same overrides are left.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createDefaultCrushMap, crushHash2, encodeCrushMap } from '../../src/crush/index.ts';
import { interopSkip } from '../support/interop.ts';
import { type MonSession, sessionMissing, shown } from '../support/mon-session.ts';
import { MonitorPair } from '../support/monitor-pair.ts';
import { referenceMissing } from '../support/reference-cluster.ts';

const missing = interopSkip(referenceMissing()) ?? interopSkip(sessionMissing());

const OSDS = 8;
const HOSTS = 4;

/** In order. All but `osd` of every command stands here. OSD 9 does not exist; OSD 8 does, outside the CRUSH map. */
const STEPS = `
pg-upmap-items 1.99 0 1
pg-upmap-items 9.0 0 1
pg-upmap-items x 0 1
pg-upmap-items 1.0
pg-upmap-items 1.0 0
pg-upmap-items 1.0 0 0
pg-upmap-items 1.0 0 9
pg-upmap-items 1.0 9 0
pg-upmap-items 1.0 0 0 0 9
pg-upmap-items 1.0 0 1 1 2 2 3 3 4
pg-upmap-items 1.0 0 none
pg-upmap-items 1.0 0 osd.8
pg-upmap-items 1.00 0 1 0 1
pg-upmap-items 1.0 0 1 0 0 0 1 2 3
pg-upmap 1.0
pg-upmap 1.0 0
pg-upmap 1.0 0 2 4 6
pg-upmap 1.0 0 9 2
pg-upmap 1.0 0 0 2
pg-upmap 1.0 0 2 8
pg-upmap 1.0 0 2 4
pg-upmap 1.F 6 2 4
rm-pg-upmap 1.0
rm-pg-upmap 1.0
rm-pg-upmap 1.99
rm-pg-upmap-items 1.0
rm-pg-upmap-items 1.0
rm-pg-upmap-items 9.0
pg-temp 1.0 0 9
pg-temp 1.0
pg-temp 1.0 0
pg-temp 1.0 0 1 2 3
pg-temp 1.0 1 2 2
pg-temp 1.0 2 4 6
pg-temp 1.99
primary-temp 1.0 9
primary-temp 1.0 1
primary-temp 1.0 -1
primary-affinity 9 1
primary-affinity 0 0.5
primary-affinity 0 0.123456789
primary-affinity 0 1.5
primary-affinity 0 1
reweight 8 0.123456789
set-require-min-compat-client jewel
pg-upmap-items 1.0 0
rm-pg-upmap-items 1.0
pg-upmap 9.0 0 1
rm-pg-upmap x
set-require-min-compat-client luminous
`
  .trim()
  .split('\n')
  .map((line) => ['osd', ...line.split(' ')]);

const SEED = 1;
/** The same numbers in every run: below `bound`, for the n-th choice of a step. */
const choose = (step: number, n: number, bound: number): number =>
  (crushHash2(SEED + n, step) >>> 0) % bound;

/** Overrides of PGs, and in between changes of the map that may take their sense from them. */
function randomStep(i: number): string[] {
  const pg = `${1 + choose(i, 1, 2)}.${choose(i, 2, 4).toString(16)}`;
  const osd = (n: number): string => String(choose(i, n, OSDS));
  // Not the one that runs: a real monitor may die of a map whose OSDs that are in are all down.
  const sleeper = String(1 + choose(i, 3, OSDS - 1));
  const host = `h${choose(i, 7, HOSTS)}`;
  const words: readonly (readonly string[])[] = [
    ...Array.from({ length: 5 }, () => ['pg-upmap-items', pg, osd(3), osd(4)]),
    ...Array.from({ length: 3 }, () => ['pg-upmap-items', pg, osd(3), osd(4), osd(5), osd(6)]),
    ...Array.from({ length: 5 }, () => ['pg-upmap', pg, osd(3), osd(4), osd(5)]),
    ['rm-pg-upmap', pg],
    ['rm-pg-upmap-items', pg],
    ['out', sleeper],
    ['in', sleeper],
    ['crush', 'reweight', `osd.${osd(3)}`, ['0', '0.5', '1'][choose(i, 8, 3)]!],
    ['crush', 'create-or-move', `osd.${osd(3)}`, '1', `host=${host}`],
    ['crush', 'set', `osd.${osd(3)}`, '1', `host=${host}`],
    ['crush', 'rm', `osd.${osd(3)}`],
    ['pool', 'set', 'p', 'size', String(2 + choose(i, 8, 2))],
    ['pool', 'set', 'p', 'crush_rule', ['replicated_rule', 'flat'][choose(i, 8, 2)]!],
  ];
  return ['osd', ...words[choose(i, 0, words.length)]!];
}

describe.skipIf(missing)(`overrides of PGs on a real Ceph${missing ? ` (${missing})` : ''}`, () => {
  let pair: MonitorPair;
  const both = (words: readonly string[], input?: Uint8Array) => pair.both(words, input);
  const bothDo = async (...words: string[]): Promise<void> => {
    for (const answer of await both(words)) expect(answer).toMatchObject({ code: 0 });
  };

  beforeAll(async () => {
    pair = await MonitorPair.start(1);
    // OSDs need not run to be in the map.
    for (let id = 1; id <= OSDS; id++) {
      await bothDo('osd', 'new', randomUUID(), String(id));
      await bothDo('osd', 'in', String(id));
    }
    const map = createDefaultCrushMap({
      failureDomain: 'host',
      osds: Array.from({ length: OSDS }, (_, id) => ({
        id,
        weight: 1,
        loc: { host: `h${id % HOSTS}`, root: 'default' },
      })),
    });
    for (const { code } of await both(['osd', 'setcrushmap'], encodeCrushMap(map))) {
      expect(code).toBe(0);
    }
    for (const pool of ['p', 'q']) {
      await bothDo('osd', 'pool', 'create', pool, '16', '16', 'replicated', '--size', '3');
    }
    await bothDo('osd', 'crush', 'rule', 'create-simple', 'flat', 'default', 'osd');
  }, 120_000);
  afterAll(async () => {
    await pair?.[Symbol.asyncDispose]();
  });

  const overrides = async (session: MonSession) => {
    const { output } = await session.run(['osd', 'dump', '--format', 'json']);
    const dump = JSON.parse(output.toString());
    const { pg_upmap, pg_upmap_items, pg_temp, primary_temp } = dump;
    return { pg_upmap, pg_upmap_items, pg_temp, primary_temp };
  };
  /** @returns how many overrides there are afterwards */
  const expectSame = async (words: readonly string[]): Promise<number> => {
    const [a, b] = await both(words);
    expect(shown(a)).toEqual(shown(b));
    const [mine, its] = await Promise.all([overrides(pair.ours), overrides(pair.real)]);
    expect(mine).toEqual(its);
    return its.pg_upmap.length + its.pg_upmap_items.length;
  };

  test.for(STEPS.map((words, i) => [i, words.join(' '), words] as const))(
    '%i: %s',
    async ([, , words]) => {
      await expectSame(words);
    },
  );

  test('the same overrides outlive any change of the map', async () => {
    let kept = 0;
    let dropped = 0;
    let count = 0;
    for (let i = 0; i < 150; i++) {
      const words = randomStep(i);
      const now = await expectSame(words).catch((cause: unknown) => {
        throw new Error(`step ${i}: ${words.join(' ')}`, { cause });
      });
      if (now > count) kept++;
      else if (now < count && !words[1]!.startsWith('rm-')) dropped++;
      count = now;
    }
    // Of both kinds enough to mean something.
    expect(kept).toBeGreaterThan(10);
    expect(dropped).toBeGreaterThan(5);
  }, 60_000);

  test('they go with their pool', async () => {
    for (let id = 1; id < OSDS; id++) await expectSame(['osd', 'in', String(id)]);
    for (let i = 0; i < 4; i++)
      await expectSame(['osd', 'pg-upmap-items', '2.0', String(i % 8), String((i * 5 + 1) % 8)]);
    await bothDo('config', 'set', 'mon', 'mon_allow_pool_delete', 'true');
    for (const pool of ['p', 'q']) {
      await expectSame(['osd', 'pool', 'rm', pool, pool, '--yes-i-really-really-mean-it']);
    }
    expect(await overrides(pair.ours)).toEqual({
      pg_upmap: [],
      pg_upmap_items: [],
      pg_temp: [],
      primary_temp: [],
    });
  });
});
