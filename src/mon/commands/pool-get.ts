import { formatValue, type Json } from '../../codec/index.ts';
import { PG_AUTOSCALE_MODE, type PgPool, POOL_FLAG, POOL_OPTION } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, ok } from '../command.ts';
import type { MonState } from '../state.ts';
import { isPoolOption, poolOption } from './pool-options.ts';
import { needPool } from './pools.ts';

// Order and texts: OSDMonitor::preprocess_command, release 16.2.

/** What a variable is as JSON; its text where that differs. */
interface Shown {
  readonly json: Json | undefined;
  readonly text?: string;
}

const flag =
  (bit: number) =>
  (p: PgPool): Shown => ({ json: (p.flags & bit) !== 0 });

const ALWAYS: readonly (readonly [string, (p: PgPool, s: MonState) => Shown])[] = [
  ['size', (p) => ({ json: p.size })],
  ['min_size', (p) => ({ json: p.minSize })],
  ['pg_num', (p) => ({ json: p.pgNum })],
  ['pgp_num', (p) => ({ json: p.pgpNum })],
  [
    'crush_rule',
    (p, s) => ({ json: s.osdmap.crushMap.ruleNames.get(p.crushRule) ?? String(p.crushRule) }),
  ],
  ['hashpspool', flag(POOL_FLAG.hashpspool)],
  ['nodelete', flag(POOL_FLAG.nodelete)],
  ['nopgchange', flag(POOL_FLAG.nopgchange)],
  ['nosizechange', flag(POOL_FLAG.nosizechange)],
  ['write_fadvise_dontneed', flag(POOL_FLAG.write_fadvise_dontneed)],
  ['noscrub', flag(POOL_FLAG.noscrub)],
  ['nodeep-scrub', flag(POOL_FLAG['nodeep-scrub'])],
  ['use_gmt_hitset', (p) => ({ json: p.useGmtHitset, text: p.useGmtHitset ? '1' : '0' })],
  ['fast_read', (p) => ({ json: p.fastRead ? 1 : 0 })],
];
const AFTER: typeof ALWAYS = [
  [
    'pg_autoscale_mode',
    (p) => ({
      json: Object.entries(PG_AUTOSCALE_MODE).find(([, v]) => v === p.pgAutoscaleMode)?.[0],
    }),
  ],
  ['bulk', flag(POOL_FLAG.bulk)],
];
const SHOWN = new Map([...ALWAYS, ...AFTER]);
const TIER_ONLY = new Set(
  'hit_set_type hit_set_period hit_set_count hit_set_fpp target_max_objects target_max_bytes cache_target_dirty_ratio cache_target_dirty_high_ratio cache_target_full_ratio cache_min_flush_age cache_min_evict_age min_read_recency_for_promote min_write_recency_for_promote hit_set_grade_decay_rate hit_set_search_last_n'.split(
    ' ',
  ),
);
const ERASURE_ONLY = new Set(['erasure_code_profile', 'allow_ec_overwrites']);
/** Where `all` puts options that have this number or a higher one: behind the autoscaler's mode. */
const OPTIONS_AFTER = POOL_OPTION.pg_num_min.key;

function optionShown(pool: PgPool, name: string): Shown | undefined {
  const value = isPoolOption(name) ? poolOption(pool, name) : undefined;
  return value === undefined
    ? undefined
    : { json: typeof value === 'bigint' ? Number(value) : value };
}

function all(pool: PgPool, state: MonState): [string, Shown][] {
  const set = Object.entries(POOL_OPTION).flatMap(([name, { key }]) => {
    const shown = optionShown(pool, name);
    return shown ? [{ key, entry: [name, shown] as [string, Shown] }] : [];
  });
  const options = (late: boolean): [string, Shown][] =>
    set.filter((o) => o.key >= OPTIONS_AFTER === late).map((o) => o.entry);
  const show = (list: typeof ALWAYS): [string, Shown][] =>
    list.map(([name, f]) => [name, f(pool, state)]);
  const [mode, bulk] = show(AFTER);
  return [...show(ALWAYS), ...options(false), mode!, ...options(true), bulk!];
}

function one(pool: PgPool, state: MonState, poolName: string, name: string): Shown {
  const shown = SHOWN.get(name)?.(pool, state);
  if (shown) return shown;
  const refuse = (kind: string): never => {
    const text = `pool '${poolName}' is not a ${kind} pool: variable not applicable`;
    throw new CommandFailure('EACCES', text);
  };
  if (TIER_ONLY.has(name)) return refuse('tier');
  if (ERASURE_ONLY.has(name)) return refuse('erasure');
  if (!isPoolOption(name)) throw new CommandFailure('EINVAL', `unrecognized variable '${name}'`);
  const option = optionShown(pool, name);
  if (option) return option;
  throw new CommandFailure('ENOENT', `option '${name}' is not set on pool '${poolName}'`);
}

function get(state: MonState, args: CommandArgs) {
  const poolName = args.text('pool') ?? '';
  const { id, pool } = needPool(state.osdmap, poolName);
  const name = args.text('var') ?? '';
  const shown: [string, Shown][] =
    name === 'all' ? all(pool, state) : [[name, one(pool, state, poolName, name)]];
  if (args.json) {
    const fields = Object.fromEntries(shown.map(([key, s]) => [key, s.json]));
    return ok(formatValue({ pool: poolName, pool_id: id, ...fields }, args.pretty));
  }
  return ok(shown.map(([key, s]) => `${key}: ${s.text ?? s.json}\n`).join(''));
}

const VARIABLES =
  'size|min_size|pg_num|pgp_num|crush_rule|hashpspool|nodelete|nopgchange|nosizechange|write_fadvise_dontneed|noscrub|nodeep-scrub|hit_set_type|hit_set_period|hit_set_count|hit_set_fpp|use_gmt_hitset|target_max_objects|target_max_bytes|cache_target_dirty_ratio|cache_target_dirty_high_ratio|cache_target_full_ratio|cache_min_flush_age|cache_min_evict_age|erasure_code_profile|min_read_recency_for_promote|all|min_write_recency_for_promote|fast_read|hit_set_grade_decay_rate|hit_set_search_last_n|scrub_min_interval|scrub_max_interval|deep_scrub_interval|recovery_priority|recovery_op_priority|scrub_priority|compression_mode|compression_algorithm|compression_required_ratio|compression_max_blob_size|compression_min_blob_size|csum_type|csum_min_block|csum_max_block|allow_ec_overwrites|fingerprint_algorithm|pg_autoscale_mode|pg_autoscale_bias|pg_num_min|pg_num_max|target_size_bytes|target_size_ratio|dedup_tier|dedup_chunk_algorithm|dedup_cdc_chunk_size|bulk';

export const poolGetCommands: CommandSpec[] = [
  {
    module: 'osd',
    perm: 'r',
    sig: `osd pool get name=pool,type=CephPoolname name=var,type=CephChoices,strings=${VARIABLES}`,
    help: 'Show one variable of a pool, or all.',
    run: get,
  },
];
