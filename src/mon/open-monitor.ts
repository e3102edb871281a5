import { numberBytes } from './cluster-maps.ts';
import type { CommandSpec } from './command.ts';
import { GlobalIds } from './global-ids.ts';
import { KEYS } from './keys.ts';
import { MonStore } from './mon-store.ts';
import { Monitor } from './monitor.ts';
import type { MonitorOptions } from './monitor-options.ts';

/**
 * Starts the monitor of the cluster in `options.store`; it serves when this resolves.
 * @param commands all commands it serves
 * @throws CephError ENOENT when the store holds no cluster, EADDRINUSE
 */
export async function openMonitor(
  options: MonitorOptions,
  commands: readonly CommandSpec[],
): Promise<Monitor> {
  const store = new MonStore(options.store);
  const { identity, maps } = store.load();
  const electionEpoch = store.counter(KEYS.election, 1) + 2;
  const election = store.commit([
    { op: 'put', key: KEYS.election, value: numberBytes(electionEpoch) },
  ]);
  const [ids] = await Promise.all([GlobalIds.open(store), election]);
  const monitor = new Monitor({ options, commands, store, identity, maps, ids, electionEpoch });
  try {
    await monitor.listen(options);
  } catch (e) {
    await monitor.close();
    throw e;
  }
  return monitor;
}
