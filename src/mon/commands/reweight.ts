import { edited, type MappingStats, mappingStats } from '../../balancer/index.ts';
import { fixed, formatValue, general, type Json } from '../../codec/index.ts';
import { type OSDMap, WEIGHT_ONE } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, changed, ok, unchanged } from '../command.ts';
import { planReweight, type Reweight, type ReweightRules } from '../services/reweight.ts';
import type { MonState } from '../state.ts';

// Texts follow Ceph 16.2: reweight::by_utilization and OSDMap::summarize_mapping_stats, and DaemonServer around them.

const f32 = Math.fround;
const weight = (n: number): number => n / WEIGHT_ONE;

function rulesOf(state: MonState, args: CommandArgs): ReweightRules {
  const pools = new Set<number>();
  for (const name of args.list('pools')) {
    const pool = state.osdmap.poolByName(name);
    if (!pool) throw new CommandFailure('ENOENT', `pool '${name}' does not exist`);
    pools.add(pool.id);
  }
  const maxChange = args.number('max_change') ?? Number(state.option('mon_reweight_max_change'));
  if (maxChange <= 0) {
    throw new CommandFailure('EINVAL', `max_change ${general(maxChange)} must be positive`);
  }
  const maxOsds = args.number('max_osds') ?? Number(state.option('mon_reweight_max_osds'));
  if (maxOsds <= 0) throw new CommandFailure('EINVAL', `max_osds ${maxOsds} must be positive`);
  return {
    overload: args.number('oload') ?? 120,
    maxChange,
    maxOsds,
    by: args.prefix.endsWith('by-pg') ? 'pg' : 'utilization',
    pools: pools.size > 0 ? pools : undefined,
    noIncreasing: args.flag('no_increasing'),
  };
}

const TOO_LOW =
  'You must give a percentage higher than 100. The reweighting threshold will be calculated as <average-utilization> times <input-percentage>. For example, an argument of 200 would reweight OSDs which are twice as utilized as the average OSD.\n';

function reweight(state: MonState, args: CommandArgs) {
  const rules = rulesOf(state, args);
  if (rules.overload <= 100) throw new CommandFailure('EINVAL', `${TOO_LOW}FAILED reweight-by-pg`);
  const plan = planReweight(state, rules);
  if (typeof plan === 'string') throw new CommandFailure('EDOM', `${plan}FAILED reweight-by-pg`);
  const { osdmap } = state;
  const newWeight = new Map(plan.changes.map(({ osd, to }) => [osd, to]));
  const stats = statsOf(osdmap, edited(osdmap, { newWeight }), rules.pools);
  const output = args.json
    ? jsonText(
        {
          overload_min: rules.overload,
          max_change: rules.maxChange,
          max_change_osds: rules.maxOsds,
          average_utilization: plan.average,
          overload_utilization: plan.overload,
          reweights: plan.changes.filter((c) => c.to <= c.from).map(changeJson),
          ...(stats ? { utilization: statsJson(stats) } : {}),
        },
        args.pretty,
      )
    : [
        stats ? statsText(stats) : '',
        `\noload ${rules.overload}\nmax_change ${general(rules.maxChange)}\n`,
        `max_change_osds ${rules.maxOsds}\n`,
        `average_utilization ${fixed(plan.average, 4)}\n`,
        `overload_utilization ${fixed(plan.overload, 4)}\n`,
        ...plan.changes.map(
          (c) => `osd.${c.osd} weight ${fixed(weight(c.from), 4)} -> ${fixed(weight(c.to), 4)}\n`,
        ),
      ].join('');
  const isTest = args.prefix.startsWith('osd test-');
  if (isTest || plan.changes.length === 0) return unchanged(ok(output, 'no change'));
  return changed(ok(output), { osdmap: { newWeight } });
}

function jsonText(value: Json, isPretty: boolean): string {
  return `${formatValue(value, isPretty)}${isPretty ? '\n' : ''}`;
}

/** `{'0':'65536', ...}`: what the manager sends to the monitor. Source: parse_reweights, OSDMonitor.cc, release 16.2. */
function reweightMany({ osdmap }: MonState, args: CommandArgs) {
  const text = args.needText('weights');
  const newWeight = new Map<number, number>();
  for (const [osd, weight] of entriesOf(text.replaceAll("'", '"'))) {
    if (!/^\d+$/.test(osd) || !osdmap.exists(Number(osd))) unparseable(text, 'ENOENT');
    if (typeof weight !== 'string' || !/^\d{1,9}$/.test(weight)) unparseable(text);
    else newWeight.set(Number(osd), Number(weight));
  }
  return changed(ok(), { osdmap: { newWeight } });

  function entriesOf(json: string): [string, unknown][] {
    try {
      const value: unknown = JSON.parse(json);
      if (typeof value === 'object' && value !== null) return Object.entries(value);
    } catch {
      // said below
    }
    return unparseable(text);
  }
}

function unparseable(text: string, errno: 'EINVAL' | 'ENOENT' = 'EINVAL'): never {
  throw new CommandFailure(errno, `unable to parse 'weights' value '${text}'`);
}

function statsOf(
  map: OSDMap,
  newMap: OSDMap,
  pools: ReadonlySet<number> | undefined,
): MappingStats | undefined {
  return pools ? mappingStats(map, newMap, pools) : mappingStats(map, newMap);
}

function changeJson({ osd, from, to }: Reweight): Json {
  return { osd, weight: weight(from), new_weight: weight(to) };
}

function statsJson(s: MappingStats): Json {
  return {
    moved_pgs: s.moved,
    total_pgs: s.total,
    avg_pgs: s.average,
    std_dev: s.deviation,
    expected_baseline_std_dev: s.expected,
    new_std_dev: s.newDeviation,
    ...(s.min
      ? { min_osd: s.min.osd, min_osd_pgs: s.min.before, new_min_osd_pgs: s.min.after }
      : {}),
    ...(s.max
      ? { max_osd: s.max.osd, max_osd_pgs: s.max.before, new_max_osd_pgs: s.max.after }
      : {}),
  };
}

function statsText(s: MappingStats): string {
  const percent = s.total === 0 ? 0 : f32((s.moved * 100) / s.total);
  const extreme = (name: string, e: MappingStats['min']): string => {
    if (!e) return '';
    const share = (n: number): string => general(f32(n / s.average));
    return (
      `${name} osd.${e.osd} with ${e.before} -> ${e.after} pgs ` +
      `(${share(e.before)} -> ${share(e.after)} * mean)\n`
    );
  };
  return [
    `moved ${s.moved} / ${s.total} (${general(percent)}%)\n`,
    `avg ${general(s.average)}\n`,
    `stddev ${general(s.deviation)} -> ${general(s.newDeviation)} `,
    `(expected baseline ${general(s.expected)})\n`,
    extreme('min', s.min),
    extreme('max', s.max),
  ].join('');
}

const base = { module: 'osd', decide: reweight } as const;
const bounds =
  'name=oload,type=CephInt,req=false name=max_change,type=CephFloat,req=false ' +
  'name=max_osds,type=CephInt,req=false';
const pools = 'name=pools,type=CephPoolname,n=N,req=false';

/** Override weights by what OSDs hold. */
export const reweightCommands: CommandSpec[] = [
  {
    ...base,
    perm: 'rw',
    sig: `osd reweight-by-utilization ${bounds} name=no_increasing,type=CephChoices,strings=--no-increasing,req=false`,
    help: 'Give less data to OSDs that are too full, and more to others.',
  },
  {
    ...base,
    perm: 'r',
    sig: `osd test-reweight-by-utilization ${bounds} name=no_increasing,type=CephBool,req=false`,
    help: 'Show what osd reweight-by-utilization would do.',
  },
  {
    ...base,
    perm: 'rw',
    sig: `osd reweight-by-pg ${bounds} ${pools}`,
    help: 'Give fewer PGs to OSDs that have too many, and more to others.',
  },
  {
    ...base,
    perm: 'r',
    sig: `osd test-reweight-by-pg ${bounds} ${pools}`,
    help: 'Show what osd reweight-by-pg would do.',
  },
  {
    module: 'osd',
    perm: 'rw',
    sig: 'osd reweightn name=weights,type=CephString',
    help: "Set override weights of several OSDs, as {'id':'weight', ...} of 65536 for 1.",
    decide: reweightMany,
  },
];
