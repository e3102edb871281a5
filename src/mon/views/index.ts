/**
 * The commands that only look: what they print is what Ceph 16.2 prints for an equal cluster, to the byte. One file per
 * family; `text-table`, `json`, `units` and `reply` are what they print with, `pg-view` and `totals` what they sum with.
 */
import type { ReadCommand } from '../command.ts';
import { autoscaleStatusCommands } from './autoscale-status.ts';
import { crushDumpCommands } from './crush-dump.ts';
import { daemonCommands } from './daemons.ts';
import { dfCommands } from './df.ts';
import { healthCommands } from './health.ts';
import { metadataCommands } from './metadata.ts';
import { osdDfCommands } from './osd-df.ts';
import { osdDumpCommands } from './osd-dump.ts';
import { osdInfoCommands } from './osd-info.ts';
import { osdSafetyCommands } from './osd-safety.ts';
import { osdStatCommands } from './osd-stat.ts';
import { osdTreeCommands } from './osd-tree.ts';
import { pgDumpCommands } from './pg-dump.ts';
import { pgLsCommands } from './pg-ls.ts';
import { serviceCommands } from './services.ts';
import { statusCommands } from './status.ts';

export {
  type AutoscaleAdvice,
  autoscaleAdvice,
  isAutoscaleOff,
  NO_AUTOSCALE,
  nearestPowerOfTwo,
} from './autoscale.ts';
export { df } from './df.ts';
export { healthChecks } from './health.ts';
export { destroySafety } from './osd-safety.ts';
export { allPgs } from './pg-view.ts';
export { poolStats, statfsOf } from './totals.ts';

/** All commands of this folder. */
export const viewCommands: readonly ReadCommand[] = [
  ...statusCommands,
  ...healthCommands,
  ...daemonCommands,
  ...metadataCommands,
  ...osdStatCommands,
  ...osdDumpCommands,
  ...osdTreeCommands,
  ...osdDfCommands,
  ...osdInfoCommands,
  ...osdSafetyCommands,
  ...crushDumpCommands,
  ...dfCommands,
  ...autoscaleStatusCommands,
  ...pgDumpCommands,
  ...pgLsCommands,
  ...serviceCommands,
];
