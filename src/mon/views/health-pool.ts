import { type HealthCheck, poolHealthChecks, warning } from '../../maps/index.ts';
import type { MonState } from '../state.ts';
import { sumOfPool } from './pg-view.ts';

// Source for codes and texts: PGMap::get_health_checks, release 16.2.

/** What is wrong with pools. */
export function poolChecks(state: MonState): HealthCheck[] {
  return [...unused(state), ...poolHealthChecks(state.osdmap), ...pgpNum(state)];
}

function unused(state: MonState): HealthCheck[] {
  const names = [...state.osdmap.data.pools]
    .sort((a, b) => a[0] - b[0])
    .filter(([id, pool]) => pool.applicationMetadata.size === 0 && holdsObjects(state, id))
    .map(([id]) => state.osdmap.poolName(id) ?? '');
  if (names.length === 0) return [];
  const summary = `${names.length} pool(s) do not have an application enabled`;
  return [
    warning('POOL_APP_NOT_ENABLED', summary, names.length, [
      ...names.map((name) => `application not enabled on pool '${name}'`),
      "use 'ceph osd pool application enable <pool-name> <app-name>', where <app-name> is 'cephfs', 'rbd', 'rgw', or freeform for custom applications.",
    ]),
  ];
}

function holdsObjects(state: MonState, pool: number): boolean {
  return sumOfPool(state, pool).stat.numObjects > 0;
}

function pgpNum(state: MonState): HealthCheck[] {
  const detail = [...state.osdmap.data.pools]
    .filter(([, pool]) => pool.pgNumTarget > pool.pgpNumTarget)
    .map(
      ([id, pool]) =>
        `pool ${state.osdmap.poolName(id)} pg_num ${pool.pgNumTarget} > pgp_num ${pool.pgpNumTarget}`,
    );
  if (detail.length === 0) return [];
  const summary = `${detail.length} pools have pg_num > pgp_num`;
  return [warning('SMALLER_PGP_NUM', summary, detail.length, detail)];
}
