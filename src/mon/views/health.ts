import type { Json } from '../../codec/index.ts';
import type { HealthCheck, HealthSeverity } from '../../maps/index.ts';
import { stampOfMs } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import type { CommandReply, ReadCommand } from '../command.ts';
import type { HealthMute, MonState } from '../state.ts';
import { autoscaleChecks } from './health-autoscale.ts';
import { osdChecks } from './health-osd.ts';
import { pgChecks } from './health-pg.ts';
import { poolChecks } from './health-pool.ts';
import { scrubChecks } from './health-scrub.ts';
import { textOrValue } from './reply.ts';
import { span } from './units.ts';

/** Checks that an option turns off. Source: OSDMap::check_health, PGMap::get_health_checks, release 16.2. */
const OPTION_OF: Readonly<Record<string, string>> = {
  CACHE_POOL_NO_HIT_SET: 'mon_warn_on_cache_pools_without_hit_sets',
  OLD_CRUSH_STRAW_CALC_VERSION: 'mon_warn_on_crush_straw_calc_version_zero',
  OLD_CRUSH_TUNABLES: 'mon_warn_on_legacy_crush_tunables',
  POOL_APP_NOT_ENABLED: 'mon_warn_on_pool_no_app',
  POOL_NO_REDUNDANCY: 'mon_warn_on_pool_no_redundancy',
  POOL_PG_NUM_NOT_POWER_OF_TWO: 'mon_warn_on_pool_pg_num_not_power_of_two',
};

/** Everything that is wrong now, muted or not, by code; without what the options say not to look for. */
export function healthChecks(state: MonState): HealthCheck[] {
  const checks = [
    ...osdChecks(state),
    ...pgChecks(state),
    ...scrubChecks(state),
    ...poolChecks(state),
    ...autoscaleChecks(state),
  ];
  return checks
    .filter(({ code }) => !OPTION_OF[code] || state.option(OPTION_OF[code]) !== false)
    .sort((a, b) => (a.code < b.code ? -1 : 1));
}

const RANK = { HEALTH_OK: 0, HEALTH_WARN: 1, HEALTH_ERR: 2 } as const;

/** Health as it is shown: mutes hide checks from the status and from the summary. */
export interface Health {
  readonly status: HealthSeverity;
  readonly checks: readonly HealthCheck[];
  readonly shown: readonly HealthCheck[];
  readonly mutes: readonly HealthMute[];
  /** `(muted: OSD_DOWN(59m) POOL_FULL)`, or nothing. */
  readonly mutedText: string;
}

export function healthOf(state: MonState): Health {
  const checks = healthChecks(state);
  const mutes = [...state.healthMutes.values()];
  const shown = checks.filter((c) => !state.healthMutes.has(c.code));
  const status = shown.reduce<HealthSeverity>(
    (worst, c) => (RANK[c.severity] > RANK[worst] ? c.severity : worst),
    'HEALTH_OK',
  );
  const names = mutes.map((m) =>
    m.expiresMs === undefined ? m.code : `${m.code}(${span(m.expiresMs - state.nowMs)})`,
  );
  const mutedText = names.length > 0 ? `(muted: ${names.join(' ')})` : '';
  return { status, checks, shown, mutes, mutedText };
}

/** The object under `health` of `ceph -s`, and all of `ceph health`. */
export function healthJson(state: MonState, detail: boolean): Json {
  const { status, checks, mutes } = healthOf(state);
  const entries = checks.map((c): [string, Json] => [
    c.code,
    {
      severity: c.severity,
      summary: { message: c.summary, count: c.count },
      detail: detail ? c.detail.map((message) => ({ message })) : undefined,
      muted: state.healthMutes.has(c.code),
    },
  ]);
  return {
    status,
    checks: new Map(entries),
    mutes: mutes.map((m) => ({
      code: m.code,
      ttl: m.expiresMs === undefined ? undefined : stampOfMs(m.expiresMs),
      sticky: m.sticky,
      summary: m.summary,
      count: m.count,
    })),
  };
}

const LABEL = { HEALTH_OK: '[OK]', HEALTH_WARN: '[WRN]', HEALTH_ERR: '[ERR]' } as const;

function healthText(state: MonState, detail: boolean): string {
  const health = healthOf(state);
  const parts = health.shown.map((c) => c.summary);
  if (health.mutedText) parts.push(health.mutedText);
  const lines = [parts.length > 0 ? `${health.status} ${parts.join('; ')}` : health.status];
  if (detail) {
    for (const c of health.checks) {
      lines.push(`${muteLabel(state, c.code)}${LABEL[c.severity]} ${c.code}: ${c.summary}`);
      for (const line of c.detail) lines.push(`    ${line}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function muteLabel(state: MonState, code: string): string {
  const mute = state.healthMutes.get(code);
  if (!mute) return '';
  const ttl = mute.expiresMs === undefined ? '' : ` ttl ${span(mute.expiresMs - state.nowMs)}`;
  return `(MUTED${ttl}${mute.sticky ? ', STICKY' : ''}) `;
}

function health(state: MonState, args: CommandArgs): CommandReply {
  const detail = args.text('detail') === 'detail';
  return textOrValue(
    args,
    () => healthText(state, detail),
    () => healthJson(state, detail),
  );
}

export const healthCommands: ReadCommand[] = [
  {
    sig: 'health name=detail,type=CephChoices,strings=detail,req=false',
    help: 'Say whether the cluster is well, and what is wrong',
    module: 'mon',
    perm: 'r',
    run: health,
  },
];
