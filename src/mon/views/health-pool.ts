import { type PgPool, POOL_FLAG, POOL_TYPE } from '../../maps/index.ts';
import type { MonState } from '../state.ts';
import { type HealthCheck, warning } from './health-check.ts';
import { sumOfPool } from './pg-view.ts';

// Source for codes and texts: OSDMap::check_health and PGMap::get_health_checks, release 16.2.

/** What is wrong with pools. */
export function poolChecks(state: MonState): HealthCheck[] {
  const pools = [...state.osdmap.data.pools].sort((a, b) => a[0] - b[0]);
  const named = (keep: (pool: PgPool, id: number) => boolean): string[] =>
    pools.filter(([id, pool]) => keep(pool, id)).map(([id]) => state.osdmap.poolName(id) ?? '');
  const has = (pool: PgPool, flag: keyof typeof POOL_FLAG): boolean =>
    (pool.flags & POOL_FLAG[flag]) !== 0;
  const checks: HealthCheck[] = [];

  const unused = named(
    (pool, id) => pool.applicationMetadata.size === 0 && holdsObjects(state, id),
  );
  if (unused.length > 0) {
    checks.push(
      warning(
        'POOL_APP_NOT_ENABLED',
        `${unused.length} pool(s) do not have an application enabled`,
        unused.length,
        [
          ...unused.map((name) => `application not enabled on pool '${name}'`),
          "use 'ceph osd pool application enable <pool-name> <app-name>', where <app-name> is 'cephfs', 'rbd', 'rgw', or freeform for custom applications.",
        ],
      ),
    );
  }
  const single = named((pool) => pool.type === POOL_TYPE.replicated && pool.size === 1);
  if (single.length > 0 && state.option('mon_warn_on_pool_no_redundancy') !== false) {
    const detail = single.map((name) => `pool '${name}' has no replicas configured`);
    const summary = `${single.length} pool(s) have no replicas configured`;
    checks.push(warning('POOL_NO_REDUNDANCY', summary, single.length, detail));
  }
  const full = pools.filter(([, pool]) => has(pool, 'full'));
  if (full.length > 0) {
    const detail = full.map(([id, pool]) => {
      const why = has(pool, 'full_quota') ? 'running out of quota' : 'no space';
      return `pool '${state.osdmap.poolName(id)}' is full (${why})`;
    });
    checks.push(warning('POOL_FULL', `${full.length} pool(s) full`, full.length, detail));
  }
  for (const [flag, code] of [
    ['backfillfull', 'POOL_BACKFILLFULL'],
    ['nearfull', 'POOL_NEARFULL'],
  ] as const) {
    const names = named((pool) => has(pool, flag));
    if (names.length === 0) continue;
    const detail = names.map((name) => `pool '${name}' is ${flag}`);
    checks.push(warning(code, `${names.length} pool(s) ${flag}`, names.length, detail));
  }
  return [...checks, ...scrubFlags(named, has), ...pgpNum(state)];
}

function holdsObjects(state: MonState, pool: number): boolean {
  return sumOfPool(state, pool).stat.numObjects > 0;
}

/** Told, but no reason to worry: the severity is HEALTH_OK. */
function scrubFlags(
  named: (keep: (pool: PgPool) => boolean) => string[],
  has: (pool: PgPool, flag: 'noscrub' | 'nodeep-scrub') => boolean,
): HealthCheck[] {
  const flags: string[] = [];
  const detail: string[] = [];
  for (const flag of ['noscrub', 'nodeep-scrub'] as const) {
    const names = named((pool) => has(pool, flag));
    if (names.length > 0) flags.push(flag);
    detail.push(...names.map((name) => `Pool ${name} has ${flag} flag`));
  }
  if (flags.length === 0) return [];
  const summary = `Some pool(s) have the ${flags.join(', ')} flag(s) set`;
  return [{ code: 'POOL_SCRUB_FLAGS', severity: 'HEALTH_OK', summary, count: 0, detail }];
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
