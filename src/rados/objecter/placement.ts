import { isMergePart, type OSDMap, splitBits } from '../../maps/index.ts';
import type { PgId } from '../../wire/index.ts';

/** What a request is about: an object, or with `pgHash` the whole PG that has this hash. Names are byte strings. */
export interface Target {
  readonly pool: number;
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  readonly pgHash: number | undefined;
}

/** Where a target is by one map. */
export interface Placement {
  /** The object's position before the pool's mask. */
  readonly hash: number;
  readonly pgid: PgId;
  /** The OSD that serves it; negative when there is none. */
  readonly primary: number;
  /**
   * Equal while the PG remembers what it was sent. It forgets when its members change, or who should be, or how many
   * have to be there, or when it is split, to be merged, or merged: in another interval a request must be sent again.
   * Source: PastIntervals::is_new_interval, src/osd/osd_types.cc, release 16.2.
   */
  readonly interval: string;
}

/** @returns undefined when the map lacks the target's pool */
export function placementOf(map: OSDMap, t: Target): Placement | undefined {
  const place = t.pgHash === undefined ? locate(map, t) : pgOf(map, t.pool, t.pgHash);
  if (!place) return undefined;
  const { hash, pgid } = place;
  const { up, upPrimary, acting, actingPrimary: primary } = map.pgToUpActing(pgid);
  const pool = map.pool(pgid.pool)!;
  const bits = splitBits(pgid.seed, pool.pgNum);
  const members = `${primary}:${acting.join(',')}:${upPrimary}:${up.join(',')}`;
  const rules = `${pool.size}:${pool.minSize}:${bits}:${isMergePart(pool, pgid.seed)}`;
  const interval = `${members}:${rules}`;
  return { hash, pgid, primary, interval };
}

function locate(map: OSDMap, t: Target): { hash: number; pgid: PgId } | undefined {
  return map.locate(t.pool, t.name, t.key, t.namespace);
}

function pgOf(map: OSDMap, pool: number, hash: number): { hash: number; pgid: PgId } | undefined {
  const pgid = map.rawPgToPg(pool, hash);
  return pgid && { hash, pgid };
}

/** Whether the PG of that placement may have forgotten what it was sent, now that the map is this one. */
export function hasMoved(map: OSDMap, t: Target, from: Placement): boolean {
  const now = placementOf(map, t);
  return !now || now.pgid.seed !== from.pgid.seed || now.interval !== from.interval;
}
