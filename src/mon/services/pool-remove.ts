import { POOL_FLAG } from '../../maps/index.ts';
import type { Change } from '../change.ts';
import { CommandFailure } from '../command.ts';
import type { MonState } from '../state.ts';

/** The change that removes a pool. @throws CommandFailure EPERM */
export function removePool(state: MonState, id: number): Change {
  const pool = state.osdmap.pool(id)!;
  if (!state.option('mon_allow_pool_delete')) {
    throw new CommandFailure(
      'EPERM',
      'pool deletion is disabled; you must first set the mon_allow_pool_delete config option to true before you can destroy a pool',
    );
  }
  if (pool.flags & POOL_FLAG.nodelete) {
    throw new CommandFailure(
      'EPERM',
      'pool deletion is disabled; you must unset nodelete flag for the pool first',
    );
  }
  // What is said of its PGs goes with it: see pg-overrides.ts.
  return { osdmap: { oldPools: new Set([id]) } };
}
