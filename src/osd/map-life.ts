import type { OSDMap } from '../maps/index.ts';
import type { MapLife } from './leases.ts';

/** A lease is this share of osd_heartbeat_grace (osd_pool_default_read_lease_ratio, 16.2). */
const LEASE_SHARE = 0.8;

/** An OSD as a map has it. */
export function lifeOf(map: OSDMap | undefined, osd: number): MapLife {
  const upFrom = map?.data.osdInfo.at(osd)?.upFrom ?? 0;
  const isDead = (map?.data.osdXInfo.at(osd)?.deadEpoch ?? 0) >= upFrom;
  return { isUp: map?.isUp(osd) ?? false, upFrom, isDead };
}

/** For how long OSDs stand by each other. @param graceSeconds osd_heartbeat_grace */
export function leaseMsOf(graceSeconds: number): number {
  return LEASE_SHARE * 1000 * graceSeconds;
}

/** See PgHost.isGivenUp. */
export function isGivenUp(map: OSDMap | undefined, osd: number): boolean {
  const { isUp, upFrom } = lifeOf(map, osd);
  return !isUp && lostAt(map, osd) > upFrom;
}

/** See Others.lostAt. What an OSD of another life lost does not concern those who have what it wrote since. */
export function lostAt(map: OSDMap | undefined, osd: number): number {
  if (!map) return 0;
  return map.exists(osd) ? (map.data.osdInfo.at(osd)?.lostAt ?? 0) : Number.POSITIVE_INFINITY;
}
