import { CephError } from '../src/errors/index.ts';
import { formatPgId, HOBJECT_MIN, type HObject, type PgId } from '../src/wire/index.ts';
import type { SimCluster } from './cluster.ts';

/** A copy of an object whose bytes on the disk are not what was written. */
export interface Damage {
  readonly osd: number;
  /** The machine that has it. */
  readonly address: string;
  readonly pgid: PgId;
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
  const map = cluster.monitor?.state().osdmap;
  if (!map) return undefined;
  const all: { pgid: PgId; c: string; oid: HObject }[] = [];
  for (const pgid of map.pgs()) {
    const c = formatPgId(pgid);
    const store = cluster.osd(osd)?.storeOf(pgid);
    if (!map.pgToUpActing(pgid).acting.includes(osd) || !store?.hasCollection(c)) continue;
    const { objects } = store.list(c, { ...HOBJECT_MIN, pool: pgid.pool }, PAGE);
    for (const oid of objects) if (oid.pool === pgid.pool) all.push({ pgid, c, oid });
  }
  const chosen = all[pick % Math.max(1, all.length)];
  if (!chosen) return undefined;
  const machine = cluster.osd(osd)!;
  const store = machine.storeOf(chosen.pgid)!;
  if (!machine.diskOf(chosen.pgid).damage(store, chosen.c, chosen.oid)) return undefined;
  cluster.note(`flipped a bit of ${chosen.c}/${chosen.oid.name} on osd.${osd}`);
  cluster.noteDamage(osd, chosen.oid);
  return { osd, address: machine.address, ...chosen };
}

/** Whether the copy is as it should be, or no longer there. */
export async function isRepaired(cluster: SimCluster, damage: Damage): Promise<boolean> {
  const { osd, address, pgid, c, oid } = damage;
  const machine = cluster.osd(osd);
  if (machine?.address !== address) return true;
  const store = machine.storeOf(pgid);
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
