import { checkPgUpmaps } from '../../balancer/index.ts';
import { type Incremental, type OSDMap, type PgKey, placesAlike } from '../../maps/index.ts';
import { parsePgId } from '../../wire/index.ts';

/**
 * A change without the overrides of single PGs that would not serve on the map it leads to: those that were there are
 * removed, those it brings are left out. Sources: OSDMap::clean_pg_upmaps and clean_temps, release 16.2, as
 * OSDMonitor::encode_pending uses them. Costs nothing to speak of when there are no overrides, or PGs stay where they are.
 * @param after what the change makes of `before`
 * @returns `change` itself when there is nothing to do
 */
export function withoutStaleOverrides(
  change: Incremental,
  before: OSDMap,
  after: OSDMap,
): Incremental {
  const { pgUpmap, pgUpmapItems, pgTemp, primaryTemp } = after.data;
  if (pgUpmap.size + pgUpmapItems.size + pgTemp.size + primaryTemp.size === 0) return change;
  if (placesAlike(before.data, after.data)) return change;
  const { cancel, replace } = checkPgUpmaps(after);
  const pgTemps = [...pgTemp.keys()].filter((pg) => !servesPgTemp(after, pg));
  const primaryTemps = [...primaryTemp.keys()].filter((pg) => !servesPrimaryTemp(after, pg));
  if (cancel.length + replace.size + pgTemps.length + primaryTemps.length === 0) return change;
  const { data } = before;
  return {
    ...change,
    newPgUpmap: without(change.newPgUpmap, cancel),
    oldPgUpmap: new Set([...change.oldPgUpmap, ...held(data.pgUpmap, cancel)]),
    newPgUpmapItems: new Map([...without(change.newPgUpmapItems, cancel), ...replace]),
    oldPgUpmapItems: new Set([...change.oldPgUpmapItems, ...held(data.pgUpmapItems, cancel)]),
    newPgTemp: replaced<number[]>(change.newPgTemp, pgTemps, data.pgTemp, []),
    newPrimaryTemp: replaced(change.newPrimaryTemp, primaryTemps, data.primaryTemp, -1),
  };
}

function without<V>(entries: ReadonlyMap<PgKey, V>, gone: readonly PgKey[]): Map<PgKey, V> {
  const out = new Map(entries);
  for (const pg of gone) out.delete(pg);
  return out;
}

/** Those of the PGs for which the map already has an entry. */
function held(entries: ReadonlyMap<PgKey, unknown>, pgs: readonly PgKey[]): PgKey[] {
  return pgs.filter((pg) => entries.has(pg));
}

/** The new entries without those of some PGs, which get `none` where the map before has an entry. */
function replaced<V>(
  entries: ReadonlyMap<PgKey, V>,
  gone: readonly PgKey[],
  before: ReadonlyMap<PgKey, V>,
  none: V,
): Map<PgKey, V> {
  const out = without(entries, gone);
  for (const pg of held(before, gone)) out.set(pg, none);
  return out;
}

/** Is one of them up, is there room for all, and are they others than those who should serve? */
function servesPgTemp(map: OSDMap, key: PgKey): boolean {
  const pg = parsePgId(key)!;
  const pool = map.pool(pg.pool);
  if (!pool || pg.seed >= pool.pgNum) return false;
  const osds = map.data.pgTemp.get(key)!;
  // An OSD named twice would be two of the copies. Ceph leaves that to the primary, which asks for the entry's removal.
  if (new Set(osds).size < osds.length) return false;
  if (osds.length > pool.size || !osds.some((osd) => map.isUp(osd))) return false;
  return osds.join() !== map.pgToUpActing(pg).up.join();
}

function servesPrimaryTemp(map: OSDMap, key: PgKey): boolean {
  const { upPrimary, actingPrimary } = map.pgToUpActing(parsePgId(key)!);
  return map.isUp(map.data.primaryTemp.get(key)!) && actingPrimary !== upPrimary;
}
