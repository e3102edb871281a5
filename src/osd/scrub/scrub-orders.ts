import { OSDMAP_FLAG, type OSDMap, POOL_FLAG, POOL_OPTION } from '../../maps/index.ts';
import type { ScrubOrders } from './scrub-port.ts';

/** What the map says of scrubs of a pool: flags of the cluster and of the pool, and the pool's intervals. */
export function scrubOrders(map: OSDMap | undefined, id: number): ScrubOrders {
  const pool = map?.pool(id);
  const flags = map?.data.flags ?? 0;
  const has = (flag: 'noscrub' | 'nodeep-scrub'): boolean =>
    (flags & OSDMAP_FLAG[flag]) !== 0 || ((pool?.flags ?? 0) & POOL_FLAG[flag]) !== 0;
  const seconds = (option: { key: number }): number =>
    Number(pool?.options.values.get(option.key) ?? 0);
  return {
    noscrub: has('noscrub'),
    nodeepScrub: has('nodeep-scrub'),
    minIntervalSeconds: seconds(POOL_OPTION.scrub_min_interval),
    maxIntervalSeconds: seconds(POOL_OPTION.scrub_max_interval),
    deepIntervalSeconds: seconds(POOL_OPTION.deep_scrub_interval),
  };
}
