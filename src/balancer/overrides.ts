import type { OSDMap, PgKey } from '../maps/index.ts';
import { formatPgId } from '../wire/index.ts';

/**
 * A PG's devices with its upmaps applied; devices that are down stay. Source: OSDMap::_apply_upmap, release 16.2.
 * @param raw what CRUSH chooses
 */
export function upmapped(map: OSDMap, key: PgKey, raw: readonly number[]): number[] {
  const { osdWeight, pgUpmap, pgUpmapItems } = map.data;
  const isOut = (osd: number): boolean => osdWeight[osd] === 0;
  const whole = pgUpmap.get(key);
  if (whole?.some(isOut)) return [...raw];
  const out = [...(whole ?? raw)];
  for (const [from, to] of pgUpmapItems.get(key) ?? []) {
    const at = out.indexOf(from);
    if (at >= 0 && !out.includes(to) && !isOut(to)) out[at] = to;
  }
  return out;
}

/** The key of a pool's PG. */
export function pgKey(poolId: number, seed: number): PgKey {
  return formatPgId({ pool: poolId, seed });
}
