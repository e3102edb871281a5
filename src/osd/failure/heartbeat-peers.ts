import { fullLocation } from '../../crush/index.ts';
import type { OSDMap } from '../../maps/index.ts';

/** What decides whom an OSD pings. */
export interface PeerChoice {
  readonly map: OSDMap;
  readonly id: number;
  /** OSDs that share a PG with us. */
  readonly neighbours: ReadonlySet<number>;
  /** Whom we ping already; those of them that need not be are kept only where there would be too few. */
  readonly current: readonly number[];
  /** osd_heartbeat_min_peers */
  readonly peersMin: number;
  /** mon_osd_min_down_reporters: so many from different buckets can then accuse us, and we them. */
  readonly reportersMin: number;
  /** mon_osd_reporter_subtree_level */
  readonly level: string;
  /** An integer from 0 up to, not including, `n`. */
  below(n: number): number;
}

/**
 * Whom an OSD watches: its neighbours, the next and the previous that is up (so that all OSDs hang together), some of
 * other buckets by chance, and more by number until they are enough. Source: OSD::maybe_update_heartbeat_peers and
 * OSDMap::get_random_up_osds_by_subtree, release 16.2.
 */
export function heartbeatPeers(choice: PeerChoice): Set<number> {
  const { map, id, neighbours, current, peersMin } = choice;
  const isOther = (osd: number): boolean => osd !== id && map.isUp(osd);
  const needed = new Set([...neighbours].filter(isOther));
  const up = map.osds().filter(isOther);
  if (up.length === 0) return needed;
  const after = up.findIndex((osd) => osd > id);
  // In a ring: who follows us, and last who stands before us.
  const ring = after < 0 ? up : [...up.slice(after), ...up.slice(0, after)];
  needed.add(ring[0]!).add(ring[ring.length - 1]!);
  for (const osd of ofOtherBuckets(choice, up, needed)) needed.add(osd);
  const peers = new Set(needed);
  for (const osd of [...current.filter(isOther), ...ring]) {
    if (peers.size >= peersMin) break;
    peers.add(osd);
  }
  return peers;
}

/** One OSD of each of some buckets that are not ours. */
function ofOtherBuckets(choice: PeerChoice, up: readonly number[], has: ReadonlySet<number>) {
  const { map, id, level, reportersMin, peersMin } = choice;
  const bucketOf = (osd: number): string | undefined => bucketAt(map, osd, level);
  const own = bucketOf(id);
  const buckets = new Map<string, number[]>();
  for (const osd of up) {
    const bucket = bucketOf(osd);
    if (bucket === undefined || bucket === own || has.has(osd)) continue;
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), osd]);
  }
  const groups = [...buckets.values()];
  const limit = Math.min(Math.max(reportersMin, peersMin), groups.length);
  const out: number[] = [];
  while (out.length < limit) {
    const [group] = groups.splice(choice.below(groups.length), 1);
    out.push(group![id % group!.length]!);
  }
  return out;
}

/** The bucket of this kind in which an OSD lies. */
function bucketAt(map: OSDMap, osd: number, level: string): string | undefined {
  return fullLocation(map.crushMap, osd).find(([type]) => type === level)?.[1];
}
