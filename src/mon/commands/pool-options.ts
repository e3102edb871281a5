import { type Parsed, parseFloatStrict, parsePlainInteger, parseSize } from '../../config/index.ts';
import { type PgPool, POOL_OPTION, type PoolOptionValue } from '../../maps/index.ts';
import { CommandFailure } from '../command.ts';

const READ = {
  plain: parsePlainInteger,
  unit: parseSize,
  signedUnit: (text: string): Parsed<number> =>
    text.startsWith('-') ? parsePlainInteger(text) : parseSize(text),
  float: parseFloatStrict,
} as const;
const KIND = {
  plain: 'int value',
  unit: 'unit value',
  signedUnit: 'int value',
  float: 'floating point value',
} as const;

// The entries of pool_opts_t that `osd pool set` takes. Texts: OSDMonitor::prepare_command_pool_set, release 16.2.

type PoolOptionName = keyof typeof POOL_OPTION;
interface Rule {
  /** How the text is read. */
  readonly read: keyof typeof READ;
  /** What a number is called in a refusal, where that is not the way it is read. */
  readonly kind?: string;
  readonly check?: (value: number, pool: PgPool, text: string) => string | undefined;
}
/** Options that are words; `unset` removes them. */
interface Words {
  readonly words: readonly string[];
  /** What the refusal calls it. */
  readonly kind: string;
}

/** Options that say how data is stored, which this release does not do otherwise than by itself. */
const REFUSED = new Set<string>([
  'csum_type',
  'csum_min_block',
  'csum_max_block',
  'fingerprint_algorithm',
  'dedup_tier',
  'dedup_chunk_algorithm',
  'dedup_cdc_chunk_size',
  'read_lease_interval',
]);

const WORDS: Readonly<Record<string, Words>> = {
  compression_mode: { words: ['none', 'passive', 'aggressive', 'force'], kind: 'compression mode' },
  // Those of Debian's 16.2.
  compression_algorithm: {
    words: ['none', 'snappy', 'zlib', 'zstd', 'lz4'],
    kind: 'compression_algorithm',
  },
};

const RULES: Readonly<Record<string, Rule>> = {
  compression_required_ratio: {
    read: 'float',
    kind: 'float value',
    check: (v, _, text) =>
      v < 0 || v > 1 ? `compression_required_ratio is out of range (0-1): '${text}'` : undefined,
  },
  compression_max_blob_size: { read: 'signedUnit' },
  compression_min_blob_size: { read: 'signedUnit' },
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

/** The pool with the option set, or removed by 0 or `unset`. @throws CommandFailure */
export function setPoolOption(pool: PgPool, name: PoolOptionName, text: string): PgPool {
  const words = WORDS[name];
  if (words) return withOption(pool, name, wordOf(words, text));
  const rule = RULES[name];
  if (REFUSED.has(name) || !rule) {
    throw new CommandFailure('EOPNOTSUPP', `pool option ${name} is not supported`);
  }
  const parsed = READ[rule.read](text);
  if ('error' in parsed) {
    const kind = rule.kind ?? KIND[rule.read];
    throw new CommandFailure('EINVAL', `error parsing ${kind} '${text}': ${parsed.error}`);
  }
  const refusal = rule.check?.(parsed.ok, pool, text);
  if (refusal) throw new CommandFailure('EINVAL', refusal);
  return withNumber(pool, name, parsed.ok);
}

/** The pool with a number as an option, or without one when it is 0. Nothing is compared: new pools are not, in Ceph. */
export function withNumber(pool: PgPool, name: PoolOptionName, value: number): PgPool {
  if (value === 0) return withOption(pool, name, undefined);
  const isInteger = POOL_OPTION[name].type === 's64';
  return withOption(pool, name, isInteger ? BigInt(value) : value);
}

/** What {@link setPoolOption} did, in Ceph's words. */
export function optionSetText(id: number, name: string, text: string): string {
  return text === 'unset' ? `unset pool ${id} ${name}` : `set pool ${id} ${name} to ${text}`;
}

function wordOf({ words, kind }: Words, text: string): string | undefined {
  if (text === 'unset') return undefined;
  if (!words.includes(text)) {
    throw new CommandFailure('EINVAL', `unrecognized ${kind} '${text}'`);
  }
  return text;
}

function withOption(
  pool: PgPool,
  name: PoolOptionName,
  value: PoolOptionValue | undefined,
): PgPool {
  const values = new Map(pool.options.values);
  const { key } = POOL_OPTION[name];
  if (value === undefined) values.delete(key);
  else values.set(key, value);
  return { ...pool, options: { values } };
}

export function poolOption(pool: PgPool, name: PoolOptionName): PoolOptionValue | undefined {
  return pool.options.values.get(POOL_OPTION[name].key);
}
