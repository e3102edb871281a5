import { CephError } from '../src/errors/index.ts';
import { formatPgId, HOBJECT_MIN, type HObject } from '../src/wire/index.ts';
import type { SimCluster } from './cluster.ts';

/** A copy of an object whose bytes on the disk are not what was written. */
export interface Damage {
  readonly osd: number;
  readonly c: string;
  readonly oid: HObject;
}

const PAGE = 1000;

/**
 * Turns over a bit in the data of one of the objects that an OSD has.
 * @param pick which: any number
 * @returns undefined when it has no data of any object
 */
export function flipBit(cluster: SimCluster, osd: number, pick: number): Damage | undefined {
  const { store, disk } = cluster.osds[osd]!;
  const map = cluster.monitor?.state().osdmap;
  if (!store || !map) return undefined;
  const all: { c: string; oid: HObject }[] = [];
  for (const pgid of map.pgs()) {
    const c = formatPgId(pgid);
    if (!map.pgToUpActing(pgid).acting.includes(osd) || !store.hasCollection(c)) continue;
    const { objects } = store.list(c, { ...HOBJECT_MIN, pool: pgid.pool }, PAGE);
    for (const oid of objects) if (oid.pool === pgid.pool) all.push({ c, oid });
  }
  const chosen = all[pick % Math.max(1, all.length)];
  if (!chosen || !disk.damage(store, chosen.c, chosen.oid)) return undefined;
  cluster.note(`flipped a bit of ${chosen.c}/${chosen.oid.name} on osd.${osd}`);
  cluster.noteDamage(osd, chosen.oid);
  return { osd, ...chosen };
}

/** Whether the copy is as it should be, or no longer there. */
export async function isRepaired(cluster: SimCluster, { osd, c, oid }: Damage): Promise<boolean> {
  const { store } = cluster.osds[osd]!;
  if (!store) return false;
  const size = store.stat(c, oid)?.size;
  if (size === undefined) return true;
  try {
    await store.read(c, oid, 0, size);
    return true;
  } catch (e) {
    if (e instanceof CephError && e.code === 'EIO') return false;
    throw e;
  }
}
