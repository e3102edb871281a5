import type { PgPool } from '../../maps/index.ts';
import type { OsdMapPatch } from '../change.ts';
import { CommandFailure } from '../command.ts';
import type { MonState } from '../state.ts';
import type { AutoscaleAdvice } from '../views/index.ts';
import { aimAtPgNum, checkPgChange } from './pg-num.ts';

/**
 * Aims pools in mode `on` at what the autoscaler thinks right, as `osd pool set P pg_num` would. What that refuses is
 * left as it is.
 */
export function autoscale(
  state: MonState,
  advice: readonly AutoscaleAdvice[],
): OsdMapPatch | undefined {
  const newPools = new Map<number, PgPool>();
  for (const { id, pool, mode, isOff, final } of advice) {
    if (mode !== 'on' || !isOff) continue;
    try {
      checkPgChange(pool, 'pg_num');
      newPools.set(id, aimAtPgNum(state, id, pool, final));
    } catch (e) {
      if (!(e instanceof CommandFailure)) throw e;
    }
  }
  return newPools.size > 0 ? { newPools } : undefined;
}
