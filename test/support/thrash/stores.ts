import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { StoreUsage } from '../../../src/store/index.ts';
import { HOBJECT_MIN } from '../../../src/wire/index.ts';
import { openNodeStore } from '../node-store.ts';
import type { PgStat } from './clean.ts';
import type { Run } from './run.ts';
import { type OsdDf, verifySpace } from './space.ts';

type Held = ReadonlyMap<string, unknown>;

/** Objects of clients that an OSD holds, by PG, and what its store says that it holds. */
async function holdings(path: string): Promise<{ byPg: Map<string, Held>; usage: StoreUsage }> {
  const store = await openNodeStore(path);
  const out = new Map<string, Held>();
  for (const c of store.collections().filter((name) => name !== 'meta')) {
    const objects = new Map<string, unknown>();
    for (const oid of store.list(c, HOBJECT_MIN, 10_000_000).objects) {
      if (oid.pool < 0 || oid.name === '') continue; // the PG's own
      const { size } = store.stat(c, oid)!;
      objects.set(`${oid.name}@${oid.snap}`, {
        data: Buffer.from(await store.read(c, oid, 0, size)),
        attrs: store.getattrs(c, oid),
        omap: store.omapList(c, oid, { limit: 1_000_000 }).entries,
        header: store.omapHeader(c, oid),
      });
    }
    out.set(c, objects);
  }
  const usage = store.usage();
  await store.close();
  return { byPg: out, usage };
}

/**
 * Compares the stores of OSDs that do not run: all members of a PG hold the same, and nobody else holds anything of it.
 * @param df what `osd df` said of them
 * @returns how many copies of objects there are
 */
export async function verifyStores(run: Run, pgs: readonly PgStat[], df: OsdDf): Promise<number> {
  const held = new Map<number, Map<string, Held>>();
  const usages = new Map<number, StoreUsage>();
  for (let id = 0; id < 64; id++) {
    const path = join(run.cluster.dir, `osd.${id}`);
    if (!existsSync(path)) continue;
    const { byPg, usage } = await holdings(path);
    held.set(id, byPg);
    usages.set(id, usage);
  }
  verifySpace(run, df, pgs, usages);
  let copies = 0;
  const actingOf = new Map(pgs.map((pg) => [pg.pgid, pg.acting]));
  for (const { pgid, acting } of pgs) {
    const first = held.get(acting[0]!)?.get(pgid);
    for (const osd of acting) {
      const mine = held.get(osd)?.get(pgid);
      copies += mine?.size ?? 0;
      for (const name of new Set([...(first?.keys() ?? []), ...(mine?.keys() ?? [])])) {
        if (isDeepStrictEqual(first?.get(name), mine?.get(name))) continue;
        run.fail(`${name} of PG ${pgid} differs between osd.${acting[0]} and osd.${osd}`);
      }
    }
  }
  for (const [osd, byPg] of held) {
    for (const pgid of byPg.keys()) {
      if (actingOf.get(pgid)?.includes(osd)) continue;
      run.fail(`osd.${osd} holds PG ${pgid}, which is [${actingOf.get(pgid) ?? 'gone'}]`);
    }
  }
  return copies;
}
