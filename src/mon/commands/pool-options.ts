import { type Parsed, parseFloatStrict, parsePlainInteger, parseSize } from '../../config/index.ts';
import { type PgPool, POOL_OPTION, type PoolOptionValue } from '../../maps/index.ts';
import { CommandFailure } from '../command.ts';

// The entries of pool_opts_t that `osd pool set` takes. Texts: OSDMonitor::prepare_command_pool_set, release 16.2.

type PoolOptionName = keyof typeof POOL_OPTION;
interface Rule {
  /** How the text is read; the word that Ceph puts into its refusal. */
  readonly read: 'plain' | 'unit' | 'float';
  readonly check?: (value: number, pool: PgPool) => string | undefined;
}

/** Options that say how data is stored, which this release does not do otherwise than by itself. */
const REFUSED = new Set<string>([
  'compression_mode',
  'compression_algorithm',
  'compression_required_ratio',
  'compression_max_blob_size',
  'compression_min_blob_size',
  'csum_type',
  'csum_min_block',
  'csum_max_block',
  'fingerprint_algorithm',
  'dedup_tier',
  'dedup_chunk_algorithm',
  'dedup_cdc_chunk_size',
  'read_lease_interval',
]);

const RULES: Readonly<Record<string, Rule>> = {
  scrub_min_interval: { read: 'float' },
  scrub_max_interval: { read: 'float' },
  deep_scrub_interval: { read: 'float' },
  recovery_priority: {
    read: 'plain',
    check: (v) =>
      v < -10 || v > 10 ? 'pool recovery_priority must be between -10 and 10' : undefined,
  },
  recovery_op_priority: { read: 'plain' },
  scrub_priority: { read: 'plain' },
  pg_num_min: {
    read: 'plain',
    check: (v, p) =>
      v > p.pgNumTarget ? `specified pg_num_min ${v} > pg_num ${p.pgNumTarget}` : undefined,
  },
  pg_num_max: {
    read: 'plain',
    check: (v, p) =>
      v !== 0 && v < p.pgNumTarget
        ? `specified pg_num_max ${v} < pg_num ${p.pgNumTarget}`
        : undefined,
  },
  target_size_bytes: { read: 'unit' },
  target_size_ratio: {
    read: 'float',
    check: (v) => (v < 0 ? 'target_size_ratio cannot be negative' : undefined),
  },
  pg_autoscale_bias: {
    read: 'float',
    check: (v) => (v < 0 || v > 1000 ? 'pg_autoscale_bias must be between 0 and 1000' : undefined),
  },
};

export function isPoolOption(name: string): name is PoolOptionName {
  return Object.hasOwn(POOL_OPTION, name);
}

const READ: Readonly<Record<Rule['read'], (text: string) => Parsed<number>>> = {
  plain: parsePlainInteger,
  unit: parseSize,
  float: parseFloatStrict,
};
const KIND = { plain: 'int value', unit: 'unit value', float: 'floating point value' } as const;

/** The pool with the option set, or removed by 0. @throws CommandFailure */
export function setPoolOption(pool: PgPool, name: PoolOptionName, text: string): PgPool {
  const rule = RULES[name];
  if (REFUSED.has(name) || !rule) {
    throw new CommandFailure('EOPNOTSUPP', `pool option ${name} is not supported`);
  }
  const parsed = READ[rule.read](text);
  if ('error' in parsed) {
    throw new CommandFailure(
      'EINVAL',
      `error parsing ${KIND[rule.read]} '${text}': ${parsed.error}`,
    );
  }
  const refusal = rule.check?.(parsed.ok, pool);
  if (refusal) throw new CommandFailure('EINVAL', refusal);
  const values = new Map(pool.options.values);
  const { key, type } = POOL_OPTION[name];
  if (parsed.ok === 0) values.delete(key);
  else values.set(key, type === 's64' ? BigInt(parsed.ok) : parsed.ok);
  return { ...pool, options: { values } };
}

export function poolOption(pool: PgPool, name: PoolOptionName): PoolOptionValue | undefined {
  return pool.options.values.get(POOL_OPTION[name].key);
}
