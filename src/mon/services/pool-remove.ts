import { type OSDMap, POOL_FLAG } from '../../maps/index.ts';
import { parsePgId } from '../../wire/index.ts';
import type { Change } from '../change.ts';
import { CommandFailure } from '../command.ts';
import type { MonState } from '../state.ts';

/** The change that removes a pool with everything said of its PGs. @throws CommandFailure EPERM */
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
  const { data } = state.osdmap;
  return {
    osdmap: {
      oldPools: new Set([id]),
      newPgTemp: new Map(pgsIn(data.pgTemp, id).map((pg) => [pg, []])),
      newPrimaryTemp: new Map(pgsIn(data.primaryTemp, id).map((pg) => [pg, -1])),
      oldPgUpmap: new Set(pgsIn(data.pgUpmap, id)),
      oldPgUpmapItems: new Set(pgsIn(data.pgUpmapItems, id)),
    },
  };
}

function pgsIn(
  map: OSDMap['data']['pgTemp'] | ReadonlyMap<string, unknown>,
  pool: number,
): string[] {
  return [...map.keys()].filter((pg) => parsePgId(pg)?.pool === pool);
}
