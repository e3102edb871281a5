import { parsePlainInteger } from '../../config/index.ts';
import { PG_AUTOSCALE_MODE, type PgPool, POOL_FLAG } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { aimAtPgNum, aimAtPgpNum, checkPgChange, placeByPgpNum } from '../services/pg-num.ts';
import { checkPgCount, defaultMinSize } from '../services/pool-create.ts';
import type { MonState } from '../state.ts';
import { isPoolOption, optionSetText, setPoolOption } from './pool-options.ts';
import { needPool } from './pools.ts';

// Checks and texts: OSDMonitor::prepare_command_pool_set, release 16.2.

interface Request {
  readonly state: MonState;
  readonly id: number;
  readonly pool: PgPool;
  readonly name: string;
  readonly text: string;
  readonly confirmed: boolean;
}

function fail(errno: ConstructorParameters<typeof CommandFailure>[0], text: string): never {
  throw new CommandFailure(errno, text);
}

function integer(text: string): number {
  const parsed = parsePlainInteger(text);
  if ('error' in parsed) fail('EINVAL', `error parsing integer value '${text}': ${parsed.error}`);
  return parsed.ok;
}

function setSize({ state, id, pool, text, confirmed }: Request): PgPool {
  if (pool.flags & POOL_FLAG.nosizechange) {
    fail(
      'EPERM',
      'pool size change is disabled; you must unset nosizechange flag for the pool first',
    );
  }
  const size = integer(text);
  if (size < 1 || size > 10) fail('EINVAL', 'pool size must be between 1 and 10');
  if (size === 1) {
    if (!state.option('mon_allow_pool_size_one')) {
      fail('EPERM', 'configuring pool size as 1 is disabled by default.');
    }
    if (!confirmed) {
      fail(
        'EPERM',
        'WARNING: setting pool size 1 could lead to data loss without recovery. If you are *ABSOLUTELY CERTAIN* that is what you want, pass the flag --yes-i-really-mean-it.',
      );
    }
  }
  checkPgCount(state, pool.pgNum, size, id);
  return { ...pool, size, minSize: defaultMinSize(state, size) };
}

function setMinSize({ pool, text }: Request): PgPool {
  if (pool.flags & POOL_FLAG.nosizechange) {
    fail(
      'EPERM',
      'pool min size change is disabled; you must unset nosizechange flag for the pool first',
    );
  }
  const minSize = integer(text);
  if (minSize < 1 || minSize > pool.size) {
    fail('EINVAL', `pool min_size must be between 1 and size, which is set to ${pool.size}`);
  }
  return { ...pool, minSize };
}

function setPgNum({ state, id, pool, text }: Request): PgPool {
  checkPgChange(pool, 'pg_num');
  return aimAtPgNum(state, id, pool, integer(text));
}

function setPgpNum({ pool, text }: Request): PgPool {
  checkPgChange(pool, 'pgp_num');
  return aimAtPgpNum(pool, integer(text));
}

/** Places by so many PGs at once, instead of in small steps. */
function setPgpNumActual({ pool, text }: Request): PgPool {
  checkPgChange(pool, 'pgp_num');
  return placeByPgpNum(pool, integer(text));
}

function setRule({ state, pool, text }: Request): PgPool {
  const { rules, ruleNames } = state.osdmap.crushMap;
  const id = [...ruleNames].find(([, name]) => name === text)?.[0];
  if (id === undefined) return fail('ENOENT', `crush rule ${text} does not exist`);
  const rule = rules[id]!;
  if (rule.type !== pool.type) fail('EINVAL', `crush rule ${id} type does not match pool`);
  if (pool.size < rule.minSize || pool.size > rule.maxSize) {
    fail('EINVAL', `pool size ${pool.size} is outside of what crush rule ${text} serves`);
  }
  return { ...pool, crushRule: id };
}

function setFlag(bit: number): (r: Request) => PgPool {
  return ({ pool, text }) => {
    if (!/^(true|false|0|1)$/.test(text)) {
      fail('EINVAL', "expecting value 'true', 'false', '0', or '1'");
    }
    const on = text === 'true' || text === '1';
    return { ...pool, flags: on ? pool.flags | bit : pool.flags & ~bit };
  };
}

function setHashPsPool(request: Request): PgPool {
  if (!request.confirmed) {
    fail(
      'EPERM',
      'are you SURE?  this will remap all placement groups in this pool, this triggers large data movement, pass --yes-i-really-mean-it if you really do.',
    );
  }
  return setFlag(POOL_FLAG.hashpspool)(request);
}

function setAutoscaleMode({ pool, text }: Request): PgPool {
  if (!Object.hasOwn(PG_AUTOSCALE_MODE, text)) fail('EINVAL', `specified invalid mode ${text}`);
  const pgAutoscaleMode = PG_AUTOSCALE_MODE[text as keyof typeof PG_AUTOSCALE_MODE];
  return { ...pool, pgAutoscaleMode };
}

/** Variables of cache tiers, which no pool can be here. */
const notATier = (): PgPool => fail('EACCES', '(13) Permission denied');

const SETTERS: Readonly<Record<string, (r: Request) => PgPool>> = {
  size: setSize,
  min_size: setMinSize,
  pg_num: setPgNum,
  pgp_num: setPgpNum,
  pgp_num_actual: setPgpNumActual,
  crush_rule: setRule,
  hashpspool: setHashPsPool,
  nodelete: setFlag(POOL_FLAG.nodelete),
  nopgchange: setFlag(POOL_FLAG.nopgchange),
  nosizechange: setFlag(POOL_FLAG.nosizechange),
  write_fadvise_dontneed: setFlag(POOL_FLAG.write_fadvise_dontneed),
  noscrub: setFlag(POOL_FLAG.noscrub),
  'nodeep-scrub': setFlag(POOL_FLAG['nodeep-scrub']),
  pg_autoscale_mode: setAutoscaleMode,
  fast_read: () => fail('EINVAL', 'fast read is not supported in replication pool'),
  allow_ec_overwrites: () =>
    fail('EINVAL', 'ec overwrites can only be enabled for an erasure coded pool'),
  bulk: setFlag(POOL_FLAG.bulk),
  hit_set_type: notATier,
  hit_set_period: notATier,
  hit_set_count: notATier,
  hit_set_fpp: notATier,
  use_gmt_hitset: notATier,
  target_max_bytes: notATier,
  target_max_objects: notATier,
  cache_target_dirty_ratio: notATier,
  cache_target_dirty_high_ratio: notATier,
  cache_target_full_ratio: notATier,
  cache_min_flush_age: notATier,
  cache_min_evict_age: notATier,
  min_read_recency_for_promote: notATier,
  min_write_recency_for_promote: notATier,
  hit_set_grade_decay_rate: notATier,
  hit_set_search_last_n: notATier,
};

function set(state: MonState, args: CommandArgs) {
  const { id, pool } = needPool(state.osdmap, args.text('pool') ?? '');
  const name = args.text('var') ?? '';
  const text = args.text('val') ?? '';
  const confirmed = args.flag('yes_i_really_mean_it');
  const setter = Object.hasOwn(SETTERS, name) ? SETTERS[name] : undefined;
  if (!setter && !isPoolOption(name)) {
    return unchanged(refuse('EINVAL', `unrecognized variable '${name}'`));
  }
  const next = setter
    ? setter({ state, id, pool, name, text, confirmed })
    : setPoolOption(pool, name as Parameters<typeof setPoolOption>[1], text);
  if (next === pool) return unchanged(ok());
  return changed(ok('', optionSetText(id, name, text)), {
    osdmap: { newPools: new Map([[id, next]]) },
  });
}

const VARIABLES =
  'size|min_size|pg_num|pgp_num|pgp_num_actual|crush_rule|hashpspool|nodelete|nopgchange|nosizechange|write_fadvise_dontneed|noscrub|nodeep-scrub|hit_set_type|hit_set_period|hit_set_count|hit_set_fpp|use_gmt_hitset|target_max_bytes|target_max_objects|cache_target_dirty_ratio|cache_target_dirty_high_ratio|cache_target_full_ratio|cache_min_flush_age|cache_min_evict_age|min_read_recency_for_promote|min_write_recency_for_promote|fast_read|hit_set_grade_decay_rate|hit_set_search_last_n|scrub_min_interval|scrub_max_interval|deep_scrub_interval|recovery_priority|recovery_op_priority|scrub_priority|compression_mode|compression_algorithm|compression_required_ratio|compression_max_blob_size|compression_min_blob_size|csum_type|csum_min_block|csum_max_block|allow_ec_overwrites|fingerprint_algorithm|pg_autoscale_mode|pg_autoscale_bias|pg_num_min|pg_num_max|target_size_bytes|target_size_ratio|dedup_tier|dedup_chunk_algorithm|dedup_cdc_chunk_size|bulk';

export const poolSetCommands: CommandSpec[] = [
  {
    module: 'osd',
    perm: 'rw',
    sig: `osd pool set name=pool,type=CephPoolname name=var,type=CephChoices,strings=${VARIABLES} name=val,type=CephString name=yes_i_really_mean_it,type=CephBool,req=false`,
    help: 'Change one variable of a pool.',
    decide: set,
  },
];
