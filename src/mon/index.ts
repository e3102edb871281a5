/**
 * The monitor: the maps, their durable history, the services that change them, the sessions of clients and daemons, and
 * the commands of `ceph`. Services and commands are pure; `Monitor` is the driver. Uses everything up to `store`.
 */
import type { CommandSpec } from './command.ts';
import { changeCommands } from './commands/index.ts';
import type { Monitor } from './monitor.ts';
import type { MonitorOptions } from './monitor-options.ts';
import { openMonitor } from './open-monitor.ts';
import { viewCommands } from './views/index.ts';

export { createMonStore, type NewCluster } from './mkfs.ts';
export { Monitor } from './monitor.ts';
export type { MonitorOptions } from './monitor-options.ts';
export * from './state.ts';

/** Every command that a monitor serves. */
export const monCommands: readonly CommandSpec[] = [...viewCommands, ...changeCommands];

/**
 * Starts the monitor of the cluster in `options.store`; it serves when this resolves.
 * @throws CephError ENOENT when the store holds no cluster, EADDRINUSE
 */
export function startMonitor(options: MonitorOptions): Promise<Monitor> {
  return openMonitor(options, monCommands);
}
