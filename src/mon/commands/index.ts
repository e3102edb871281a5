import type { CommandSpec } from '../command.ts';
import { authCommands } from './auth.ts';
import { autoscaleCommands } from './autoscale.ts';
import { blocklistCommands } from './blocklist.ts';
import { configCommands } from './config.ts';
import { configKeyCommands } from './config-key.ts';
import { crushClassCommands } from './crush-classes.ts';
import { crushMapCommands } from './crush-map.ts';
import { crushPlaceCommands } from './crush-place.ts';
import { crushRemoveCommands } from './crush-remove.ts';
import { crushRuleCommands } from './crush-rules.ts';
import { crushWeightCommands } from './crush-weights.ts';
import { erasureProfileCommands } from './erasure-profiles.ts';
import { forceRecoveryCommands } from './force-recovery.ts';
import { healthMuteCommands } from './health.ts';
import { logCommands } from './log.ts';
import { osdFlagCommands } from './osd-flags.ts';
import { osdLifecycleCommands } from './osd-lifecycle.ts';
import { osdMarkCommands } from './osd-marks.ts';
import { osdStateCommands } from './osd-state.ts';
import { pgOverrideCommands } from './pg-overrides.ts';
import { poolApplicationCommands } from './pool-application.ts';
import { poolGetCommands } from './pool-get.ts';
import { poolQuotaCommands } from './pool-quota.ts';
import { poolSetCommands } from './pool-set.ts';
import { poolCommands } from './pools.ts';
import { releaseCommands } from './releases.ts';
import { reweightCommands } from './reweight.ts';
import { scrubCommands } from './scrub.ts';

/** Every command that may change something, and those that show what such a command set. */
export const changeCommands: readonly CommandSpec[] = [
  ...poolCommands,
  ...poolSetCommands,
  ...autoscaleCommands,
  ...poolGetCommands,
  ...poolQuotaCommands,
  ...poolApplicationCommands,
  ...osdFlagCommands,
  ...osdMarkCommands,
  ...osdStateCommands,
  ...reweightCommands,
  ...osdLifecycleCommands,
  ...pgOverrideCommands,
  ...releaseCommands,
  ...scrubCommands,
  ...forceRecoveryCommands,
  ...blocklistCommands,
  ...crushMapCommands,
  ...crushPlaceCommands,
  ...crushRemoveCommands,
  ...crushWeightCommands,
  ...crushClassCommands,
  ...crushRuleCommands,
  ...erasureProfileCommands,
  ...configCommands,
  ...configKeyCommands,
  ...healthMuteCommands,
  ...logCommands,
  ...authCommands,
];
