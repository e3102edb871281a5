import { isIP } from 'node:net';
import { SHARDS_MAX } from '../../cluster/index.ts';
import { OPTIONS, parseOption } from '../../config/index.ts';
import { addressIn } from '../../runtime-node/index.ts';
import { type Parsed, UsageError } from '../usage.ts';
import { devicesOf } from './devices.ts';

/** What the words of `up` say of a cluster; undefined where they say nothing. */
export interface Wanted {
  readonly osds: number | undefined;
  readonly shards: number | undefined;
  readonly devices: readonly string[] | undefined;
  readonly wipe: boolean;
  readonly stripeBytes: number | undefined;
  readonly port: number | undefined;
  readonly host: string | undefined;
  readonly clusterHost: string | undefined;
}

const OSDS_MAX = 64;
/** OSDs of a cluster of which nothing is said. */
export const OSDS_DEFAULT = 3;

/** @throws UsageError; CephError EINVAL, ENOENT for networks that are none, or in which this machine has no address */
export function wantedOf(args: Parsed): Wanted {
  const osds = args.integer('osds', 1, OSDS_MAX);
  const devices = devicesOf(args);
  const wipe = args.flag('wipe');
  if (wipe && !devices) throw new UsageError('--wipe is for --devices');
  const count = osds ?? devices?.length ?? OSDS_DEFAULT;
  return {
    osds,
    devices,
    wipe,
    shards: args.integer('shards', 1, SHARDS_MAX),
    stripeBytes: stripeOf(args),
    port: args.integer('port', 1, 65535 - 10 - count),
    host: hostOf(args, ['host', 'public-addr'], 'public-network'),
    clusterHost: hostOf(args, ['cluster-addr'], 'cluster-network'),
  };
}

/** An address given in one of several ways. */
function hostOf(args: Parsed, names: readonly string[], network: string): string | undefined {
  const given = [...names, network].filter((name) => args.string(name) !== undefined);
  if (given.length > 1) throw new UsageError(`give one of --${given.join(' and --')}`);
  const name = given[0];
  if (name === undefined) return undefined;
  const text = args.string(name)!;
  if (name === network) return addressIn(text);
  // Clients and other OSDs are told it, so it has to be one that can be dialled.
  if (isIP(text) === 0 || /^(0\.0\.0\.0|::)$/.test(text)) {
    throw new UsageError(`--${name} takes an address of this machine, not '${text}'`);
  }
  return text;
}

function stripeOf(args: Parsed): number | undefined {
  const text = args.string('stripe-size');
  if (text === undefined) return undefined;
  const parsed = parseOption(OPTIONS.get('osd_store_stripe_size')!, text);
  const bytes = 'ok' in parsed ? Number(parsed.ok) : Number.NaN;
  if (bytes % 4096 === 0) return bytes;
  throw new UsageError(`--stripe-size takes a multiple of 4K up to 64M, not '${text}'`);
}
