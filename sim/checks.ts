import { nativeCrc32c } from '../src/runtime-node/index.ts';
import type { ObjectStore } from '../src/store/index.ts';
import {
  formatPgId,
  formatPgState,
  HOBJECT_MIN,
  type HObject,
  type PgId,
} from '../src/wire/index.ts';
import type { SimCluster } from './cluster.ts';
import { checkObject, type Done } from './linearizable.ts';
import { versionsGoneBack } from './versions.ts';

const PAGE = 1000;

/** PGs that are not active and clean on the OSDs that the newest map wants, as their primaries know that very map. */
export function uncleanPgs(cluster: SimCluster): string[] {
  const { monitor } = cluster;
  if (!monitor) return ['the monitor is away'];
  const { osdmap } = monitor.state();
  const out: string[] = [];
  for (const pgid of osdmap.pgs()) {
    const name = formatPgId(pgid);
    const stat = monitor.pgMap.pgStats.get(name);
    const { up, acting } = osdmap.pgToUpActing(pgid);
    const state = stat ? formatPgState(stat.state) : 'unknown';
    const words = state.split('+').filter((w) => w !== 'scrubbing' && w !== 'deep');
    const isCurrent =
      stat !== undefined &&
      stat.reportedEpoch >= osdmap.epoch &&
      stat.acting.join() === acting.join() &&
      up.join() === acting.join();
    if (!isCurrent || words.join('+') !== 'active+clean') {
      out.push(
        `${name} ${state} up ${up} acting ${acting} of e${stat?.reportedEpoch}/${osdmap.epoch}`,
      );
    }
  }
  return out;
}

/** Pools that do not have as many PGs as they were told, or not yet where these belong: soon data will move again. */
export function changingPools(cluster: SimCluster): string[] {
  const out: string[] = [];
  for (const pool of cluster.monitor?.state().osdmap.data.pools.values() ?? []) {
    const { pgNum, pgNumTarget, pgpNum, pgpNumTarget, pgNumPending } = pool;
    if (pgNum === pgNumTarget && pgNumPending === pgNum && pgpNum === pgpNumTarget) continue;
    out.push(
      `${pgNum} (${pgNumPending}) of ${pgNumTarget} PGs, ${pgpNum} of ${pgpNumTarget} placed`,
    );
  }
  return out;
}

/** What the primaries of PGs that are not clean say that they wait for. */
export async function whyUnclean(cluster: SimCluster): Promise<string[]> {
  const out: string[] = [];
  const names = new Set(uncleanPgs(cluster).map((line) => line.split(' ', 1)[0]));
  const { osdmap } = cluster.monitor!.state();
  for (const pg of osdmap.pgs()) {
    const pgid = formatPgId(pg);
    const { actingPrimary } = osdmap.pgToUpActing(pg);
    if (!names.has(pgid) || !cluster.osd(actingPrimary)?.osd) continue;
    await using talk = cluster.talkTo(actingPrimary);
    const answer = (await talk.ask('query', { pgid })) as Query;
    out.push(`${pgid}: ${JSON.stringify(answer.recovery_state)}`);
  }
  return out;
}

interface Query {
  readonly recovery_state: unknown;
}

/** Every OSD is there and every PG has all it should have. */
export function isAllClean(cluster: SimCluster): boolean {
  const map = cluster.monitor?.state().osdmap;
  if (!map) return false;
  const areUp = cluster.osds.every((o) => o.isAlive && map.isUp(o.id));
  // The map may not know yet that a machine is gone.
  const acting = [...map.pgs()].flatMap((pgid) => map.pgToUpActing(pgid).acting);
  const areThere = acting.every((osd) => cluster.osd(osd)?.isAlive);
  return areUp && areThere && uncleanPgs(cluster).length === 0;
}

/** Everything of a PG in a store, an object to a line. */
async function contentsOf(store: ObjectStore, pgid: PgId): Promise<Map<string, string>> {
  const c = formatPgId(pgid);
  const out = new Map<string, string>();
  if (!store.hasCollection(c)) return out;
  let from: HObject | undefined = { ...HOBJECT_MIN, pool: pgid.pool };
  while (from) {
    const page: { objects: HObject[]; next: HObject | undefined } = store.list(c, from, PAGE);
    for (const oid of page.objects) {
      if (oid.pool === pgid.pool) out.set(oid.name, await contentOf(store, c, oid));
    }
    from = page.next;
  }
  return out;
}

async function contentOf(store: ObjectStore, c: string, oid: HObject): Promise<string> {
  const { size } = store.stat(c, oid)!;
  const data = await store.read(c, oid, 0, size);
  const hex = (b: Uint8Array): string => `${b.length}:${nativeCrc32c(0, b).toString(16)}`;
  const attrs = [...store.getattrs(c, oid)].map(([k, v]) => `${k}=${hex(v)}`).sort();
  const header = store.omapHeader(c, oid);
  const { entries } = store.omapList(c, oid, { limit: Number.MAX_SAFE_INTEGER });
  const omap = entries.map(([k, v]) => `${k}=${hex(v)}`);
  return `data ${hex(data)} attrs ${attrs} header ${header ? hex(header) : '-'} omap ${omap}`;
}

/** Differences between the members of each PG. */
export async function unequalReplicas(cluster: SimCluster): Promise<string[]> {
  const { osdmap } = cluster.monitor!.state();
  const out: string[] = [];
  for (const pgid of osdmap.pgs()) {
    const { acting } = osdmap.pgToUpActing(pgid);
    const [first, ...others] = acting;
    if (first === undefined) continue;
    const wanted = await contentsOf(cluster.osd(first)!.storeOf(pgid)!, pgid);
    for (const osd of others) {
      const found = await contentsOf(cluster.osd(osd)!.storeOf(pgid)!, pgid);
      for (const name of new Set([...wanted.keys(), ...found.keys()])) {
        const a = wanted.get(name) ?? 'nothing';
        const b = found.get(name) ?? 'nothing';
        if (a === b) continue;
        out.push(`${formatPgId(pgid)}/${name}: osd.${first} has ${a}, osd.${osd} has ${b}`);
      }
    }
  }
  return out;
}

/** What the clients were told, object by object. */
export function unlinearizable(history: ReadonlyMap<string, readonly Done[]>): {
  wrong: string[];
  undecided: number;
} {
  const wrong: string[] = [];
  let undecided = 0;
  for (const [object, done] of history) {
    const verdict = checkObject(done);
    if (verdict.kind === 'undecided') undecided++;
    else if (verdict.kind === 'not linearizable') {
      const stuck = verdict.stuck.map((d) => `\n    ${d.who} -> ${d.result} ${d.version ?? ''}`);
      wrong.push(
        `${object} is ${verdict.kind}: in ${verdict.state} nothing of this fits:${stuck.join('')}`,
      );
    } else if (verdict.kind !== 'linearizable') wrong.push(`${object}: ${verdict.kind}`);
    wrong.push(...versionsGoneBack(done).map((what) => `${object}: ${what}`));
  }
  return { wrong, undecided };
}
