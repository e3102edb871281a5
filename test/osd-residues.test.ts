// What lies in an OSD's store and belongs to no PG that a map gives it: found when it starts, and gone soon after.
import { expect, it } from 'vitest';
import { decodeAll, encodeToBytes } from '../src/codec/index.ts';
import { INFO_KEY, pgMeta } from '../src/osd/pg/pg-collection.ts';
import { PgInfo } from '../src/osd/pg/pg-info.ts';
import { HOBJECT_MIN, parsePgId, SNAP_HEAD } from '../src/wire/index.ts';
import { OsdCluster } from './support/osd-cluster.ts';

it('an OSD drops PGs of pools that are gone and what was left of others, and keeps its own', async () => {
  await using cluster = await OsdCluster.start(1);
  const rados = await cluster.client();
  const pool = await rados.createPool('p', { pgNum: 1 });
  await pool.object('mine').writeFull('stays');
  const store = cluster.stores[0]!;
  const own = store.collections().filter((c) => parsePgId(c));
  const info = decodeAll(
    PgInfo,
    store.omapGet('1.0', pgMeta({ pool: 1, seed: 0 }), [INFO_KEY]).get(INFO_KEY)!,
  );
  await cluster.kill(0);
  // A whole PG of a pool that no map has, as after an import by hand, and one whose removal was cut short.
  for (const pgid of [
    { pool: 77, seed: 0 },
    { pool: 78, seed: 0 },
  ]) {
    const c = `${pgid.pool}.0`;
    const entries = new Map([[INFO_KEY, encodeToBytes(PgInfo, info)]]);
    const isWhole = pgid.pool === 77;
    await store.submit([
      { op: 'mkcoll', c, bounds: { ...pgid, bits: 0 } },
      {
        op: 'omapSet',
        c,
        oid: pgMeta(pgid),
        entries: isWhole ? entries : new Map([['x', Buffer.from('y')]]),
      },
    ]);
    for (let n = 0; n < 150; n++) {
      const oid = {
        ...HOBJECT_MIN,
        name: `o${n}`,
        snap: SNAP_HEAD,
        hash: n * 7919,
        pool: pgid.pool,
      };
      await store.submit([{ op: 'write', c, oid, offset: 0, data: Buffer.from('old') }]);
    }
  }
  await cluster.startOsd(0);
  for (let i = 0; i < 200 && store.collections().some((c) => /^7[78]/.test(c)); i++) {
    await new Promise((go) => setTimeout(go, 20));
  }
  expect(store.collections().filter((c) => parsePgId(c))).toEqual(own);
  expect(cluster.fatal).toEqual([]);
  expect(Buffer.from(await pool.object('mine').read()).toString()).toBe('stays');
});
