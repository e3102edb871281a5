import { type HealthCheck, osdHealthChecks, warning } from '../../maps/index.ts';
import type { MonState } from '../state.ts';

/** What the map says of the OSDs, and whether there are enough. */
export function osdChecks(state: MonState): HealthCheck[] {
  return [...osdHealthChecks(state.osdmap), ...tooFew(state)];
}

function tooFew(state: MonState): HealthCheck[] {
  const wanted = Number(state.option('osd_pool_default_size'));
  const have = state.osdmap.osds().length;
  if (have >= wanted) return [];
  return [
    warning('TOO_FEW_OSDS', `OSD count ${have} < osd_pool_default_size ${wanted}`, wanted - have),
  ];
}
