// Real OSDs: a primary that has nothing, and may not copy anything in the background, serves ranges of large objects.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { connect, type Pool, type Rados } from '../src/client/index.ts';
import { type Cluster, startCluster } from '../src/cluster/index.ts';
import { pgReports, settled } from './support/settled.ts';

const OBJECTS = 12;
const BYTES = 300_000;
const content = (i: number): Buffer => {
  const bytes = Buffer.alloc(BYTES);
  for (let at = 0; at + 4 <= BYTES; at += 4) bytes.writeUInt32LE((i * 65_537 + at) >>> 0, at);
  return bytes;
};

let cluster: Cluster;
let rados: Rados;
let pool: Pool;

beforeAll(async () => {
  cluster = await startCluster({ osds: 4 });
  rados = await connect({ conf: await cluster.writeConf() });
  pool = await rados.createPool('p', { pgNum: 1 });
  for (let i = 0; i < OBJECTS; i++) await pool.object(`o${i}`).writeFull(content(i));
  await pool.object('o0').setXattr('x', Buffer.from('y'));
});
afterAll(async () => {
  await rados?.close();
  await cluster?.close();
});

const command = (prefix: string, args: object = {}) => rados.command({ prefix, ...args });

async function stats(): Promise<{ state: string; misplaced: number; recovered: number }> {
  const [pg] = (await pgReports(rados)) as unknown as {
    state: string;
    stat_sum: { num_objects_misplaced: number; num_objects_recovered: number };
  }[];
  const { num_objects_misplaced: misplaced, num_objects_recovered: recovered } = pg!.stat_sum;
  return { state: pg!.state, misplaced, recovered };
}

it('reads ranges where they lie, and imports what is asked for whole or is changed', async () => {
  await settled(rados);
  for (const key of ['nobackfill', 'norecover']) await command('osd set', { key });
  const pgid = `${pool.id}.0`;
  const { up } = JSON.parse(
    (await command('pg map', { pgid, format: 'json' })).output.toString(),
  ) as { up: number[] };
  const to = [0, 1, 2, 3].find((osd) => !up.includes(osd))!;
  await command('osd pg-upmap-items', { pgid, id: [up[0], to] });
  await expect.poll(async () => (await stats()).misplaced, { timeout: 20_000 }).toBe(OBJECTS);
  const { recovered } = await stats();
  for (let i = 0; i < OBJECTS; i++) {
    const offset = i * 24_000 + 1;
    const range = content(i).subarray(offset, offset + 20_000);
    const got = await pool.object(`o${i}`).read({ offset, length: 20_000 });
    expect(got.equals(range)).toBe(true);
  }
  // A new report, which says that none of them has moved.
  await command('osd set', { key: 'noscrub' });
  const { epoch } = JSON.parse(
    (await command('osd dump', { format: 'json' })).output.toString(),
  ) as { epoch: number };
  const isKnown = async () => (await pgReports(rados)).every((pg) => pg.reported_epoch >= epoch);
  await expect.poll(isKnown, { timeout: 20_000 }).toBe(true);
  expect(await stats()).toMatchObject({ misplaced: OBJECTS, recovered });
  expect((await pool.object('o3').stat()).size).toBe(BYTES);
  expect((await pool.object('o1').read()).equals(content(1))).toBe(true);
  expect((await pool.object('o0').getXattr('x')).toString()).toBe('y');
  await pool.object('o2').write(Buffer.from('new'), { offset: 5 });
  const changed = content(2);
  changed.write('new', 5);
  expect((await pool.object('o2').read({ length: 64 })).equals(changed.subarray(0, 64))).toBe(true);
  await expect.poll(async () => (await stats()).recovered - recovered).toBeGreaterThanOrEqual(3);
  for (const key of ['nobackfill', 'norecover']) await command('osd unset', { key });
  await settled(rados);
  for (let i = 0; i < OBJECTS; i++) {
    const expected = i === 2 ? changed : content(i);
    expect((await pool.object(`o${i}`).read()).equals(expected)).toBe(true);
  }
});
