import type { RecoveryRates } from '../../balancer/index.ts';
import { type Parsed, UsageError } from '../usage.ts';

// Options that the words of `sepiola crush` share, and how their values are read.

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** A pool for a CRUSH map that comes without an OSDMap. */
export const POOL_OPTIONS = {
  'pg-num': text,
  size: text,
  rule: text,
  'data-shards': text,
} as const;
export const POOL_HELP = {
  'pg-num': 'PGs of the pool that a CRUSH map alone is judged by (about 100 shards per device)',
  size: 'copies, or shards of an erasure code (3)',
  rule: 'name or number of its rule (the first)',
  'data-shards': 'data shards, with an erasure rule (size - 1)',
} as const;

/** What the PGs hold, and how fast it can move. */
export const DATA_OPTIONS = {
  'pg-dump': text,
  objects: text,
  bytes: text,
  read: text,
  write: text,
  backfills: text,
} as const;
export const DATA_HELP = {
  'pg-dump': "file with what 'ceph pg dump --format json' prints: objects and bytes of each PG",
  objects: 'without that: objects of all pools together, spread evenly over the PGs',
  bytes: "the same for bytes of clients' data: 500G, 2.5T, 1P (powers of 1024)",
  read: 'bytes a device reads per second for recovery (100M)',
  write: 'bytes a device writes per second for recovery (100M)',
  backfills: 'PGs a device copies at a time, osd_max_backfills (1)',
} as const;

export const OUTPUT_OPTIONS = { format: text, svg: text } as const;
export const OUTPUT_HELP = {
  format: 'plain (the default) or json',
  svg: 'file to draw a picture into',
} as const;
export const flagOption = flag;
export const textOption = text;

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** A size as people write it: 1.5T, 100GiB, 4096. @throws UsageError */
export function sizeOption(args: Parsed, name: string): number | undefined {
  const given = args.string(name);
  if (given === undefined) return undefined;
  const match = /^(\d+(?:\.\d+)?)([KMGTPE]?)(?:i?B)?$/i.exec(given);
  if (!match) throw new UsageError(`--${name} takes a size such as 500G, not '${given}'`);
  return Number(match[1]) * 1024 ** UNITS.indexOf(match[2]!.toUpperCase());
}

/** @throws UsageError */
export function ratesOf(args: Parsed): RecoveryRates {
  const rate = (name: string): number | undefined => {
    const value = sizeOption(args, name);
    if (value !== undefined && value <= 0)
      throw new UsageError(`--${name} takes more than nothing`);
    return value;
  };
  const read = rate('read');
  const write = rate('write');
  const backfills = args.integer('backfills', 1, 1000);
  return {
    ...(read !== undefined && { readBytesPerSecond: read }),
    ...(write !== undefined && { writeBytesPerSecond: write }),
    ...(backfills !== undefined && { maxBackfills: backfills }),
  };
}

/** @throws UsageError */
export function wantsJson(args: Parsed): boolean {
  const format = args.string('format') ?? 'plain';
  if (format !== 'plain' && format !== 'json') {
    throw new UsageError(`--format takes plain or json, not '${format}'`);
  }
  return format === 'json';
}

/** A number, with a fraction or not. @throws UsageError */
export function numberOption(
  args: Parsed,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const given = args.string(name);
  if (given === undefined) return undefined;
  const n = Number(given);
  if (!/^\d+(\.\d+)?$/.test(given) || n < min || n > max) {
    throw new UsageError(`--${name} takes a number from ${min} to ${max}, not '${given}'`);
  }
  return n;
}
