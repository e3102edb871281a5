import type { NetworkOptions } from './network.ts';
import type { Drift } from './process.ts';
import { Dice } from './random.ts';
import type { Pace } from './store-disk.ts';

/** How a simulated cluster is built: everything about a run but its faults. Drawn from the seed, each from its range. */
export interface SimOptions {
  readonly osds: number;
  readonly pools: readonly SimPool[];
  readonly store: 'memory' | 'block';
  /** Shards of OSDs: the first one's, the second one's and so on, again from the front when there are more. */
  readonly shards: readonly number[];
  /** Between an OSD's threads, at most. */
  readonly postMaxMs: number;
  readonly network: NetworkOptions;
  readonly pace: Pace;
  /** Of machines: the monitor's, then the OSDs', then the clients'. */
  readonly drift: readonly Drift[];
  readonly clients: number;
  /** Each client does so many things at once. */
  readonly threads: number;
  /** Between an answer and the thread's next request, at most. */
  readonly thinkMs: number;
  /** Names of objects in use at one time, over all pools. */
  readonly objects: number;
  /** After so long new names are used, and the old objects lie still. */
  readonly generationMs: number;
  /** Of an object's larger writes. */
  readonly bytesMax: number;
  /** PGs are scrubbed all the time, and damaged copies repaired. */
  readonly scrubs: boolean;
  /** How often clients want other acknowledgements than the usual ones. */
  readonly otherAcks: number;
  /** What the configuration file of all daemons says. */
  readonly config: ReadonlyMap<string, string>;
}

interface SimPool {
  readonly name: string;
  readonly size: number;
  readonly minSize: number;
  readonly pgNum: number;
}

const DRIFT_MAX = 200e-6;
const OFFSET_MAX_MS = 3000;

/** All the time, in seconds. */
const SCRUBS: readonly (readonly [string, string])[] = [
  ['osd_scrub_auto_repair', 'true'],
  ['osd_scrub_min_interval', '10'],
  ['osd_scrub_max_interval', '20'],
  ['osd_deep_scrub_interval', '20'],
  ['osd_deep_scrub_update_digest_min_age', '3'],
  ['osd_scrub_during_recovery', 'true'],
];

/** In most runs none has any, in some all have as many, in a few they differ. */
function drawShards(dice: Dice) {
  const some = (): number => dice.pick([2, 2, 3, 4]);
  const all = some();
  const isMixed = dice.chance(0.3);
  const counts = !dice.chance(0.35) ? [1] : isMixed ? [some(), 1, some(), some()] : [all];
  return {
    counts,
    postMaxMs: dice.pick([0.02, 0.5, 5]),
    mode: dice.pick(['server', 'symmetric'] as const),
    mapsMax: dice.pick([1, 4, 50]),
  };
}

/** @param osdsMin at least so many OSDs */
export function drawOptions(seed: number, osdsMin = 2): SimOptions {
  const dice = new Dice(seed, 'options');
  const osds = Math.max(osdsMin, dice.pick([2, 3, 3, 4, 4, 5, 6]));
  const pools = Array.from({ length: dice.pick([1, 1, 2]) }, (_, i) => {
    const size = Math.min(osds, dice.pick([2, 3, 3]));
    const minSize = Math.max(1, dice.pick([size - 1, size - 1, size - 1, 1]));
    return { name: `p${i}`, size, minSize, pgNum: dice.pick([1, 2, 4, 8]) };
  });
  const clients = dice.between(2, 4);
  const threads = dice.between(1, 3);
  const perSecond = dice.pick([1, 3, 6]);
  const scrubs = dice.chance(0.4) && pools.every((p) => p.minSize > 1);
  const logKeep = dice.pick([2, 10, 50, 250]);
  // With draws of its own: whatever else the seed says stays as it is.
  const shards = drawShards(new Dice(seed, 'shards'));
  const trims = new Dice(seed, 'trims');
  return {
    osds,
    pools,
    store: dice.chance(0.25) ? 'block' : 'memory',
    shards: shards.counts,
    postMaxMs: shards.postMaxMs,
    network: {
      delayMinMs: 0.1,
      delayMaxMs: dice.pick([0.5, 2, 10, 40]),
      splitChance: dice.pick([0, 0, 0.02, 0.3]),
    },
    pace: {
      commitMinMs: 0.1,
      commitMaxMs: dice.pick([1, 5, 30, 200]),
      readMaxMs: dice.pick([0, 0, 2, 20]),
    },
    drift: Array.from({ length: 40 }, () => ({
      rate: 1 + DRIFT_MAX * (2 * dice.unit() - 1),
      offsetMs: Math.round(OFFSET_MAX_MS * (2 * dice.unit() - 1)),
    })),
    clients,
    threads,
    // A third of the pauses are none, the others half as long on average.
    thinkMs: (3000 * clients * threads) / perSecond,
    objects: dice.pick([2, 4, 8, 16]),
    generationMs: dice.pick([20_000, 60_000, 120_000]),
    bytesMax: dice.pick([200, 5000, 20_000, 70_000]),
    scrubs,
    otherAcks: dice.pick([0, 0, 0.1]),
    config: new Map([
      ['osd_heartbeat_grace', String(dice.pick([4, 8, 20]))],
      ['osd_min_pg_log_entries', String(logKeep)],
      ['osd_max_pg_log_entries', String(logKeep * 2)],
      ['osd_pg_log_trim_min', String(trims.pick([1, 10, 100]))],
      // Large pings cost more and show the same.
      ['osd_heartbeat_min_size', String(trims.pick([0, 0, 0, 2000]))],
      ['mon_min_osdmap_epochs', String(trims.pick([20, 500, 500]))],
      ['osd_map_cache_mode', shards.mode],
      ['osd_map_cache_size', String(shards.mapsMax)],
      ['mon_osd_down_out_interval', String(dice.pick([30, 120, 600]))],
      // Of few objects: listings of several pages, from all holders at once.
      ['osd_backfill_scan_max', String(new Dice(seed, 'listings').pick([2, 8, 512]))],
      // One that has stopped for good is started again by hand, as no fault here does.
      ['osd_max_markdown_count', '1000'],
      ...(scrubs ? SCRUBS : []),
    ]),
  };
}
