// A running cluster grows by OSDs, and others leave it, under its clients' eyes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Pool, Rados } from '../src/client/index.ts';
import { type Cluster, startCluster } from '../src/cluster/index.ts';
import { pgReports, settled } from './support/settled.ts';
import { pause } from './support/until.ts';

const OBJECTS = 120;
const content = (i: number): Buffer => Buffer.alloc(1 + ((i * 7919) % 20_000), `${i},`);

describe('PGs of a cluster that changes', () => {
  let cluster: Cluster;
  let rados: Rados;
  let pool: Pool;

  beforeAll(async () => {
    cluster = await startCluster({ osds: 3 });
    rados = await cluster.connect();
    // So few that the logs do not reach back to the beginning.
    await command('config set', { who: 'osd', name: 'osd_min_pg_log_entries', value: '5' });
    await command('config set', { who: 'osd', name: 'osd_max_pg_log_entries', value: '5' });
    pool = await rados.createPool('p', { pgNum: 2 });
    const writeAll = async (count: number, name: (i: number) => string): Promise<void> => {
      for (let i = 0; i < count; i += 20) {
        const some = Array.from({ length: 20 }, (_, n) => i + n);
        await Promise.all(some.map((n) => pool.object(name(n)).writeFull(content(n))));
      }
    };
    await writeAll(OBJECTS, (i) => `o${i}`);
    await writeAll(400, (i) => `busy${i % 20}`);
  });
  afterAll(async () => {
    await rados?.close();
    await cluster?.close();
  });

  const command = async (prefix: string, args: object = {}): Promise<string> =>
    (await rados.command({ prefix, ...args })).output.toString();
  const json = async (prefix: string, args: object = {}) =>
    JSON.parse(await command(prefix, { ...args, format: 'json' }));
  it('move to a new OSD while they are read and written, and leave the one that is marked out', async () => {
    await settled(rados);
    let isOver = false;
    const worker = (async () => {
      for (let i = 0; !isOver; i = (i + 37) % OBJECTS) {
        expect((await pool.object(`o${i}`).read()).equals(content(i))).toBe(true);
        await pool.object(`o${(i * 7) % OBJECTS}`).writeFull(content((i * 7) % OBJECTS));
      }
    })();
    const added = await cluster.addOsd();
    await command('osd out', { ids: ['0'] });
    await settled(rados);
    isOver = true;
    await worker;
    const now = await pgReports(rados);
    for (const { up } of now) expect([...up].sort()).toEqual([1, 2, added.id]);
    for (let i = 0; i < OBJECTS; i++) {
      expect((await pool.object(`o${i}`).read()).equals(content(i))).toBe(true);
    }
    // The one that was left holds nothing any more.
    const end = Date.now() + 10_000;
    for (;;) {
      const { nodes } = await json('osd df');
      if (nodes.find((n: { id: number }) => n.id === 0).pgs === 0) break;
      if (Date.now() > end) throw new Error('osd.0 still holds PGs');
      await pause(50);
    }
  });
});
