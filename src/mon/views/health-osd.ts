import { type HealthCheck, osdHealthChecks, warning } from '../../maps/index.ts';
import type { MonState } from '../state.ts';
import { slowPingChecks } from './health-network.ts';

/** What the map says of the OSDs, and whether there are enough. */
export function osdChecks(state: MonState): HealthCheck[] {
  return [
    ...osdHealthChecks(state.osdmap),
    ...tooFew(state),
    ...slowOps(state),
    ...slowPingChecks(state),
  ];
}

function tooFew(state: MonState): HealthCheck[] {
  const wanted = Number(state.option('osd_pool_default_size'));
  const have = state.osdmap.osds().length;
  if (have >= wanted) return [];
  return [
    warning('TOO_FEW_OSDS', `OSD count ${have} < osd_pool_default_size ${wanted}`, wanted - have),
  ];
}

const NAMED_MAX = 10;

/** Source: SlowOps of src/mgr/DaemonHealthMetricCollector.cc, release 16.2. What a dead OSD said last is past. */
function slowOps({ slowOps: reported, osdmap }: MonState): HealthCheck[] {
  const slow = [...reported].filter(([osd]) => osdmap.isUp(osd)).sort(([a], [b]) => a - b);
  if (slow.length === 0) return [];
  const count = slow.reduce((n, [, s]) => n + s.count, 0);
  const oldest = Math.max(...slow.map(([, s]) => s.oldestSeconds));
  const names = slow.slice(0, NAMED_MAX).map(([osd]) => `osd.${osd}`);
  const rest = slow.length > NAMED_MAX ? '...' : '';
  const who =
    slow.length === 1 ? `${names[0]} has slow ops` : `daemons [${names}]${rest} have slow ops.`;
  const text = `${count} slow ops, oldest one blocked for ${oldest} sec, ${who}`;
  return [warning('SLOW_OPS', text, 1)];
}
