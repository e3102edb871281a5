import { type HealthCheck, warning } from './health-check.ts';
import type { OSDMap } from './osdmap.ts';
import { type PgPool, POOL_FLAG, POOL_TYPE } from './pool.ts';
import { cacheModeName } from './pool-print.ts';

// Source for codes and texts: OSDMap::check_health, osd/OSDMap.cc, release 16.2.

interface NamedPool {
  readonly name: string;
  readonly pool: PgPool;
}
const has = (pool: PgPool, flag: keyof typeof POOL_FLAG): boolean =>
  (pool.flags & POOL_FLAG[flag]) !== 0;

/** What the map says of the pools, apart from what they hold. */
export function poolHealthChecks(map: OSDMap): HealthCheck[] {
  const pools = [...map.data.pools]
    .sort((a, b) => a[0] - b[0])
    .map(([id, pool]) => ({ name: map.poolName(id) ?? '', pool }));
  return [
    ...noHitSet(pools),
    ...fullness(pools),
    ...counted(pools, {
      code: 'POOL_PG_NUM_NOT_POWER_OF_TWO',
      summary: 'pool(s) have non-power-of-two pg_num',
      detail: ({ pool, name }) =>
        isPowerOfTwo(pool.pgNumTarget)
          ? undefined
          : `pool '${name}' pg_num ${pool.pgNumTarget} is not a power of two`,
    }),
    ...counted(pools, {
      code: 'POOL_NO_REDUNDANCY',
      summary: 'pool(s) have no replicas configured',
      detail: ({ pool, name }) =>
        pool.type === POOL_TYPE.replicated && pool.size === 1
          ? `pool '${name}' has no replicas configured`
          : undefined,
    }),
    ...scrubFlags(pools),
  ];
}

const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;

/** A check of a line per pool it concerns; none when it concerns none. */
function counted(
  pools: readonly NamedPool[],
  check: { code: string; summary: string; detail: (pool: NamedPool) => string | undefined },
): HealthCheck[] {
  const lines = pools.map(check.detail).filter((line) => line !== undefined);
  if (lines.length === 0) return [];
  return [warning(check.code, `${lines.length} ${check.summary}`, lines.length, lines)];
}

function noHitSet(pools: readonly NamedPool[]): HealthCheck[] {
  // Modes that move objects by how often they are used.
  const needsHitSet = ['writeback', 'readonly', 'readproxy'];
  return counted(pools, {
    code: 'CACHE_POOL_NO_HIT_SET',
    summary: 'cache pools are missing hit_sets',
    detail: ({ pool, name }) => {
      const mode = cacheModeName(pool);
      if (!needsHitSet.includes(mode) || pool.hitSetParams.type !== 0) return undefined;
      return `pool '${name}' with cache_mode ${mode} needs hit_set_type to be set but it is not`;
    },
  });
}

/** A pool is named once, for the worst. */
function fullness(pools: readonly NamedPool[]): HealthCheck[] {
  const isAt = (level: 'full' | 'backfillfull' | 'nearfull', pool: PgPool): boolean => {
    const worst = (['full', 'backfillfull', 'nearfull'] as const).find((flag) => has(pool, flag));
    return worst === level;
  };
  return [
    ...counted(pools, {
      code: 'POOL_FULL',
      summary: 'pool(s) full',
      detail: ({ pool, name }) => {
        const why = has(pool, 'full_quota') ? 'running out of quota' : 'no space';
        return isAt('full', pool) ? `pool '${name}' is full (${why})` : undefined;
      },
    }),
    ...(['nearfull', 'backfillfull'] as const).flatMap((level) =>
      counted(pools, {
        code: `POOL_${level.toUpperCase()}`,
        summary: `pool(s) ${level}`,
        detail: ({ pool, name }) => (isAt(level, pool) ? `pool '${name}' is ${level}` : undefined),
      }),
    ),
  ];
}

/** Told, but no reason to worry: the severity is HEALTH_OK. */
function scrubFlags(pools: readonly NamedPool[]): HealthCheck[] {
  const flags: string[] = [];
  const detail: string[] = [];
  for (const flag of ['noscrub', 'nodeep-scrub'] as const) {
    const named = pools.filter(({ pool }) => has(pool, flag));
    if (named.length > 0) flags.push(flag);
    detail.push(...named.map(({ name }) => `Pool ${name} has ${flag} flag`));
  }
  if (flags.length === 0) return [];
  const summary = `Some pool(s) have the ${flags.join(', ')} flag(s) set`;
  return [{ code: 'POOL_SCRUB_FLAGS', severity: 'HEALTH_OK', summary, count: 0, detail }];
}
