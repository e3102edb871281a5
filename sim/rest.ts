import { META, type PgFacts, storedEpochs } from '../src/osd/index.ts';
import { formatPgId } from '../src/wire/index.ts';
import type { SimCluster } from './cluster.ts';
import type { SimMachine } from './machine.ts';

/** Bytes of its own that an OSD may hold at rest, without maps and logs: some for each PG and object it knows. */
const OSD_REST_BYTES = 4 << 20;
/** Changes of maps that an OSD keeps for others who are behind: KEEP in src/osd/osd-maps.ts, and the newest. */
const CHANGES_MAX = 502;
/** Whole maps: that of now and the one before, or those since a shard had last stored its own. */
const FULLS_MAX = { alone: 2, withShards: 100 };
/** Maps beyond the promised ones that the monitor keeps for a while, as it trims by strides of 100. */
const MON_EPOCHS_MORE = 150;
/** Entries of a log beyond what options say: requests that were under way when it was cut. */
const LOG_MORE = 40;

/** What is still kept although nothing is going on any more, or more of it than there may be. */
export async function leftovers(cluster: SimCluster): Promise<string[]> {
  const out: string[] = [];
  const { osdmap, oldestEpoch } = cluster.monitor!.state();
  const keep = Number(cluster.options.config.get('mon_min_osdmap_epochs'));
  const kept = osdmap.epoch - oldestEpoch;
  if (kept > keep + MON_EPOCHS_MORE) out.push(`the monitor keeps ${kept} maps, not ${keep}`);
  const pgs = [...osdmap.pgs()].map((pgid) => ({ pgid, ...osdmap.pgToUpActing(pgid) }));
  for (const osd of cluster.osds) {
    out.push(...keptMaps(osd));
    await using talk = cluster.talkTo(osd.id);
    const { num_ops: ops } = (await talk.ask('dump_ops_in_flight')) as { num_ops: number };
    if (ops > 0) out.push(`osd.${osd.id} has ${ops} requests in flight that no client waits for`);
    const { mempool } = (await talk.ask('dump_mempools')) as Mempools;
    const bytes = mempool.by_pool.osd?.bytes ?? 0;
    if (bytes > OSD_REST_BYTES) out.push(`osd.${osd.id} holds ${bytes} bytes at rest`);
    const collections = new Set(osd.stores.flatMap((store) => store.collections()));
    collections.delete(META);
    for (const { pgid, acting, actingPrimary } of pgs) {
      const name = formatPgId(pgid);
      if (!acting.includes(osd.id)) continue;
      collections.delete(name);
      const facts = (await talk.ask('explain', { pgid: name })) as PgFacts;
      out.push(...restless(facts, logBounds(cluster), actingPrimary === osd.id));
    }
    for (const c of collections) out.push(`osd.${osd.id} still has something of PG ${c}`);
  }
  const { held } = cluster.network.usage;
  if (held > 0) out.push(`${held} writes wait in a network without cuts`);
  return out;
}

interface Mempools {
  readonly mempool: { readonly by_pool: Readonly<Record<string, { readonly bytes: number }>> };
}

/** How long a log may be, and how many requests be remembered beside it, when all members have everything. */
interface RestBounds {
  readonly entries: number;
  readonly remembered: number;
}

function logBounds({ options: { config } }: SimCluster): RestBounds {
  const option = (name: string): number => Number(config.get(name));
  const stride = option('osd_pg_log_trim_min');
  const least = option('osd_min_pg_log_entries') + stride;
  const entries = Math.max(option('osd_max_pg_log_entries'), least) + LOG_MORE;
  // Forgotten by chunks, each of what was cut off together.
  const remembered = Number(config.get('osd_pg_log_dups_tracked') ?? 3000) + 2 * entries;
  return { entries, remembered };
}

/** What a member of a PG says of itself that it should not, when all members have everything. */
export function restless(facts: PgFacts, bounds: RestBounds, isPrimary: boolean): string[] {
  const { pgid, osd, log, members, strays, word, unfound } = facts;
  const out: string[] = [];
  const say = (what: string): void => void out.push(`osd.${osd}, PG ${pgid}: ${what}`);
  if (word !== 'clean') say(`is ${word}`);
  if (log.entries > bounds.entries) say(`a log of ${log.entries} entries`);
  if (log.remembered > bounds.remembered) say(`remembers ${log.remembered} requests`);
  if (unfound > 0) say(`${unfound} objects that nobody has`);
  for (const { osd: member, lacks, isImporting } of members) {
    if (lacks > 0) say(`osd.${member} lacks ${lacks} objects`);
    if (isImporting) say(`osd.${member} imports`);
  }
  if (isPrimary && strays.length > 0) say(`remembers strays ${strays.map((s) => s.osd)}`);
  return out;
}

/** Maps that an OSD keeps beyond those that it should. */
function keptMaps({ id, stores }: SimMachine): string[] {
  const store = stores[0]!;
  const out: string[] = [];
  const changes = storedEpochs(store, 'i').length;
  if (changes > CHANGES_MAX) out.push(`osd.${id} keeps ${changes} changes of maps`);
  const fulls = storedEpochs(store, 'f').length;
  const most = stores.length > 1 ? FULLS_MAX.withShards : FULLS_MAX.alone;
  if (fulls > most) out.push(`osd.${id} keeps ${fulls} whole maps`);
  return out;
}
