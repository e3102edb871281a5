// A PG follows its upmap to another OSD and back, with all its data, under its clients' eyes.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Pool, type Rados } from '../src/client/index.ts';
import { type Cluster, startCluster } from '../src/cluster/index.ts';
import { settled } from './support/settled.ts';

const OBJECTS = 60;
const content = (i: number): Buffer => Buffer.alloc(1 + ((i * 7919) % 60_000), `${i},`);

describe('overrides of PGs on running OSDs', () => {
  let cluster: Cluster;
  let rados: Rados;
  let pool: Pool;

  beforeAll(async () => {
    cluster = await startCluster({ osds: 4 });
    rados = await connect({ conf: await cluster.writeConf() });
    pool = await rados.createPool('p', { pgNum: 4 });
    for (let i = 0; i < OBJECTS; i++) await pool.object(`o${i}`).writeFull(content(i));
  });
  afterAll(async () => {
    await rados?.close();
    await cluster?.close();
  });

  const command = async (prefix: string, args: object = {}): Promise<string> =>
    (await rados.command({ prefix, ...args })).output.toString();
  const json = async (prefix: string, args: object = {}) =>
    JSON.parse(await command(prefix, { ...args, format: 'json' }));
  const where = async (pgid: string): Promise<{ up: number[]; acting: number[] }> =>
    json('pg map', { pgid });

  async function expectAllThere(): Promise<void> {
    for (let i = 0; i < OBJECTS; i++) {
      expect((await pool.object(`o${i}`).read()).equals(content(i))).toBe(true);
    }
  }

  for (const part of ['the primary', 'a replica'] as const) {
    it(`${part} of a PG moves to another OSD and back, and its data with it`, async () => {
      const pgid = `${pool.id}.${part === 'the primary' ? 1 : 2}`;
      const before = (await where(pgid)).up;
      const from = before[part === 'the primary' ? 0 : 2]!;
      const to = [0, 1, 2, 3].find((osd) => !before.includes(osd))!;
      let isOver = false;
      const writer = (async () => {
        for (let i = 0; !isOver; i++)
          await pool.object(`o${i % OBJECTS}`).writeFull(content(i % OBJECTS));
      })();
      await command('osd pg-upmap-items', { pgid, id: [from, to] });
      await settled(rados);
      const moved = before.map((osd) => (osd === from ? to : osd));
      expect(await where(pgid)).toMatchObject({ up: moved, acting: moved });
      await expectAllThere();
      await command('osd rm-pg-upmap-items', { pgid });
      await settled(rados);
      expect(await where(pgid)).toMatchObject({ up: before, acting: before });
      isOver = true;
      await writer;
      await expectAllThere();
    });
  }

  it('a PG is served for a while by others, and by another primary', async () => {
    const pgid = `${pool.id}.3`;
    const { up } = await where(pgid);
    const other = [0, 1, 2, 3].find((osd) => !up.includes(osd))!;
    const temp = [other, up[1]!, up[0]!];
    await command('osd pg-temp', { pgid, id: temp });
    // Once its primary has all that is lacking, it says that it is not needed any more.
    await settled(rados);
    await expect.poll(() => where(pgid), { timeout: 20_000 }).toMatchObject({ up, acting: up });
    await expectAllThere();
    await command('osd primary-temp', { pgid, id: up[2] });
    await settled(rados);
    await expectAllThere();
    await command('osd primary-temp', { pgid, id: -1 });
    await settled(rados);
    await expectAllThere();
  });
});
