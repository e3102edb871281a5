// Overrides of single PGs: what `osd pg-upmap` and its like set, and what takes their sense from them.
import { describe, expect, it } from 'vitest';
import { createDefaultCrushMap, encodeCrushMap } from '../src/crush/index.ts';
import { bootAll, makeWorld, type World } from './mon-world.ts';

/** Six OSDs on three hosts; pool 1 has three copies on three hosts, pool 2 a PG. */
async function world(): Promise<World> {
  const w = await makeWorld({ osds: 6 });
  await bootAll(w);
  const osds = Array.from({ length: 6 }, (_, id) => ({
    id,
    weight: 1,
    loc: { host: `h${id % 3}`, root: 'default' },
  }));
  const crush = encodeCrushMap(createDefaultCrushMap({ failureDomain: 'host', osds }));
  for (const [prefix, args, input] of [
    ['osd setcrushmap', {}, crush],
    ['osd pool create', { pool: 'p', pg_num: 8, pgp_num: 8, size: 3 }],
    ['osd pool create', { pool: 'q', pg_num: 1, pgp_num: 1, size: 3 }],
    ['osd crush rule create-simple', { name: 'flat', root: 'default', type: 'osd' }],
  ] as const) {
    expect((await w.run(prefix, args, input)).result).toBe(0);
  }
  return w;
}
const PG = { pool: 1, seed: 0 };
/** The other OSD of the same host. */
const twin = (osd: number): number => (osd + 3) % 6;
const raw = (w: World): number[] => w.state().osdmap.pgToRaw(PG);
const items = (w: World) => w.state().osdmap.data.pgUpmapItems.get('1.0');
const up = (w: World) => w.state().osdmap.pgToUpActing(PG).up;

async function withItem(): Promise<{ w: World; from: number; to: number }> {
  const w = await world();
  const from = raw(w)[1]!;
  const to = twin(from);
  const reply = await w.run('osd pg-upmap-items', { pgid: '1.0', id: [from, to] });
  expect(reply.status).toBe(`set 1.0 pg_upmap_items mapping to [${from}->${to}]`);
  expect(up(w)).toEqual(raw(w).map((osd) => (osd === from ? to : osd)));
  return { w, from, to };
}

// Results and texts were taken from a monitor of release 16.2.15.
describe('an upmap', () => {
  it('is refused in the words of Ceph', async () => {
    const w = await world();
    const cases: [string, object, number, string][] = [
      ['osd pg-upmap-items', { pgid: 'x', id: [0, 1] }, -22, "invalid pgid 'x'"],
      ['osd pg-upmap-items', { pgid: '1.F', id: [0, 1] }, -2, 'pg 1.f does not exist'],
      ['osd pg-upmap-items', { pgid: '1.0', id: ['0', '1'] }, -22, "bad or missing field 'id'"],
      [
        'osd pg-upmap-items',
        { pgid: '1.0', id: [0] },
        -22,
        'you must specify pairs of osd ids to be remapped',
      ],
      [
        'osd pg-upmap-items',
        { pgid: '1.0', id: [0, 0, 0, 9] },
        -2,
        'from osd.0 == to osd.0, osd.9 does not exist',
      ],
      [
        'osd pg-upmap-items',
        { pgid: '1.0', id: [0, 0] },
        -22,
        'from osd.0 == to osd.0, no valid upmap items(pairs) is specified',
      ],
      ['osd pg-upmap', { pgid: '1.0', id: [0] }, -22, 'num of osds (1) < pool min size (2)'],
      ['osd pg-upmap', { pgid: '1.0', id: [0, 1, 2, 3] }, -22, 'num of osds (4) > pool size (3)'],
      ['osd pg-temp', { pgid: '1.0', id: [0, 9] }, -2, 'osd.9 does not exist'],
      ['osd primary-temp', { pgid: '1.0', id: -2 }, -2, 'osd.-2 does not exist'],
    ];
    const { epoch } = w.state().osdmap;
    for (const [prefix, args, result, status] of cases) {
      expect(await w.run(prefix, { ...args })).toMatchObject({ result, status });
    }
    expect(w.state().osdmap.epoch).toBe(epoch);
  });

  it('needs clients that know upmaps', async () => {
    const w = await world();
    await w.run('osd set-require-min-compat-client', { version: 'jewel' });
    expect(await w.run('osd rm-pg-upmap', { pgid: '9.9' })).toMatchObject({
      result: -1,
      status:
        "min_compat_client jewel < luminous, which is required for pg-upmap. Try 'ceph osd set-require-min-compat-client luminous' before using the new interface",
    });
  });

  it('that would not serve is answered and not taken', async () => {
    const w = await world();
    const [a, b, c] = raw(w) as [number, number, number];
    for (const id of [
      [a, b],
      [a, twin(a), c],
      [a, b, c],
      [a, b, 0x7fffffff],
    ]) {
      const reply = await w.run('osd pg-upmap', { pgid: '1.0', id });
      expect(reply.status).toBe(`set 1.0 pg_upmap mapping to [${id}]`);
      expect(w.state().osdmap.data.pgUpmap.size).toBe(0);
    }
    await w.run('osd pg-upmap', { pgid: '1.0', id: [c, a, b] });
    expect(up(w)).toEqual([c, a, b]);
  });

  it('stays through changes that leave it its sense', async () => {
    const { w, from, to } = await withItem();
    await w.run('osd set', { key: 'noout' });
    await w.run('osd out', { ids: [String(from)] });
    await w.run('osd in', { ids: [String(from)] });
    await w.run('osd down', { ids: [String(to)] });
    await w.boot(to);
    await w.run('osd pool rm', { pool: 'q', pool2: 'q' });
    await w.run('osd pg-upmap-items', { pgid: '1.0', id: [from, to, from, to] });
    expect(raw(w)).toContain(from);
    expect(items(w)).toEqual([[from, to]]);
  });

  const ends: [string, (w: World, from: number, to: number) => Promise<unknown>][] = [
    ['its OSD is out', (w, _, to) => w.run('osd out', { ids: [String(to)] })],
    [
      'its OSD has no weight',
      (w, _, to) => w.run('osd crush reweight', { name: `osd.${to}`, weight: 0 }),
    ],
    ['its OSD leaves the tree', (w, _, to) => w.run('osd crush rm', { name: `osd.${to}` })],
    [
      'the OSD it leads from has no weight',
      (w, from) => w.run('osd crush reweight', { name: `osd.${from}`, weight: 0 }),
    ],
    ['it is removed', (w) => w.run('osd rm-pg-upmap-items', { pgid: '1.0' })],
  ];
  it.each(ends)('goes when %s', async (_, end) => {
    const { w, from, to } = await withItem();
    const { epoch } = w.state().osdmap;
    expect(await end(w, from, to)).toMatchObject({ result: 0 });
    expect(items(w)).toBeUndefined();
    expect(w.state().osdmap.epoch).toBe(epoch + 1);
  });

  it('goes with its pool', async () => {
    const { w } = await withItem();
    await w.run('config set', { who: 'mon', name: 'mon_allow_pool_delete', value: 'true' });
    const rm = { pool: 'p', pool2: 'p', yes_i_really_really_mean_it: true };
    expect((await w.run('osd pool rm', rm)).result).toBe(0);
    expect(w.state().osdmap.data.pgUpmapItems.size).toBe(0);
  });
});

describe('a temporary mapping', () => {
  it('is taken when it says other than the PG does, and goes when it no longer serves', async () => {
    const w = await world();
    const [a, b, c] = raw(w) as [number, number, number];
    const temp = () => w.state().osdmap.data.pgTemp.get('1.0');
    for (const id of [
      [a, b, c],
      [a, b, b],
    ]) {
      await w.run('osd pg-temp', { pgid: '1.0', id });
      expect(temp()).toBeUndefined();
    }
    const id = [c, b];
    expect((await w.run('osd pg-temp', { pgid: '1.0', id })).status).toBe(
      `set 1.0 pg_temp mapping to [${id}]`,
    );
    expect(temp()).toEqual(id);
    await w.run('osd down', { ids: [String(c)] });
    expect(temp()).toEqual(id);
    await w.run('osd down', { ids: [String(b)] });
    expect(temp()).toBeUndefined();
  });

  it('of a primary likewise', async () => {
    const w = await world();
    const [a, b] = raw(w) as [number, number];
    const temp = () => w.state().osdmap.data.primaryTemp.get('1.0');
    await w.run('osd primary-temp', { pgid: '1.0', id: a });
    expect(temp()).toBeUndefined();
    await w.run('osd primary-temp', { pgid: '1.0', id: b });
    expect(temp()).toBe(b);
    expect(w.state().osdmap.pgToUpActing(PG).actingPrimary).toBe(b);
    await w.run('osd primary-temp', { pgid: '1.0', id: -1 });
    expect(temp()).toBeUndefined();
  });
});
