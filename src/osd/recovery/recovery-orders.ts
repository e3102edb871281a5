import { OSDMAP_FLAG, type OSDMap, POOL_OPTION } from '../../maps/index.ts';
import type { RecoverySettings } from '../settings.ts';
import type { RecoveryOrders } from './recovery-port.ts';

/** What the newest map here and the options say of recovery in a pool. */
export function recoveryOrders(
  map: OSDMap | undefined,
  pool: number,
  { retryMs, chunkBytes }: RecoverySettings,
): RecoveryOrders {
  const flags = map?.data.flags ?? 0;
  const has = (flag: keyof typeof OSDMAP_FLAG): boolean => (flags & OSDMAP_FLAG[flag]) !== 0;
  return {
    norecover: has('norecover'),
    nobackfill: has('nobackfill'),
    norebalance: has('norebalance'),
    poolPriority: poolOption(map, pool, 'recovery_priority'),
    opPriority: Math.max(0, poolOption(map, pool, 'recovery_op_priority')),
    retryMs,
    chunkBytes,
  };
}

function poolOption(
  map: OSDMap | undefined,
  id: number,
  name: 'recovery_priority' | 'recovery_op_priority',
): number {
  return Number(map?.pool(id)?.options.values.get(POOL_OPTION[name].key) ?? 0);
}
