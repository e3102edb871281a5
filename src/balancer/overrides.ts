import { applyUpmap, type OSDMap, OsdSet, type PgKey } from '../maps/index.ts';
import { formatPgId } from '../wire/index.ts';

/**
 * A PG's devices with its upmaps applied; devices that are down stay.
 * @param raw what CRUSH chooses
 */
export function upmapped(map: OSDMap, key: PgKey, raw: readonly number[]): number[] {
  const { pgUpmap, pgUpmapItems } = map.data;
  const whole = pgUpmap.get(key);
  const set = new OsdSet(Math.max(raw.length, whole?.length ?? 0));
  set.assign(raw, raw.length);
  applyUpmap(map.data, set, whole, pgUpmapItems.get(key));
  return Array.from(set.ids.subarray(0, set.count));
}

/** The key of a pool's PG. */
export function pgKey(poolId: number, seed: number): PgKey {
  return formatPgId({ pool: poolId, seed });
}
