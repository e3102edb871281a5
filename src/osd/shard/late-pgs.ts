import { assert } from '../../errors/index.ts';
import { type OSDMap, splitBits, stableMod } from '../../maps/index.ts';
import type { PgId } from '../../wire/index.ts';
import type { PgView } from '../pg/intervals.ts';
import { type HashRange, overlap } from './hash-range.ts';

/** What is known of a PG here: how far it has followed the maps is the epoch of its view. */
interface Follower {
  readonly pgid: PgId;
  readonly view: PgView;
}

/** What a map makes of a PG. `passed`: nothing, it has been there. */
export type Fate = 'passed' | 'gone' | 'kept' | 'split' | 'merged';

/** What the next map makes of a PG. */
export function fateOf({ pgid, view }: Follower, map: OSDMap): Fate {
  if (map.epoch <= view.epoch) return 'passed';
  const pgCount = map.pool(pgid.pool)?.pgNum ?? 0;
  if (pgCount === 0) return 'gone';
  if (pgid.seed >= pgCount) return 'merged';
  const bits = splitBits(pgid.seed, pgCount);
  if (bits === view.bits) return 'kept';
  return bits < view.bits ? 'merged' : 'split';
}

/**
 * PGs that are behind the maps, since one of these splits or merges them and their turn has not come: that is work, and
 * others are served meanwhile. Each stands before the map that does so; that map and all later ones are kept. None can
 * go past a map in which it is merged before all others are there that end in the same PG.
 */
export class LatePgs<P extends Follower> {
  private readonly pgs = new Set<P>();
  private maps: OSDMap[] = [];

  get size(): number {
    return this.pgs.size;
  }
  get all(): Iterable<P> {
    return this.pgs;
  }
  /** Maps that are kept. */
  get mapCount(): number {
    return this.maps.length;
  }

  /** The newest map, for those that are late already and for `more`, which are to wait from here on. */
  follow(map: OSDMap, more: Iterable<P>): void {
    for (const pg of more) this.pgs.add(pg);
    if (this.pgs.size > 0) this.maps.push(map);
  }

  /** It has to wait again. */
  add(pg: P): void {
    this.pgs.add(pg);
  }

  has({ pool, seed }: PgId): boolean {
    for (const { pgid } of this.pgs) if (pgid.pool === pool && pgid.seed === seed) return true;
    return false;
  }

  /** One that has hashes of these, and so will be, or be part of, who has them in the newest map. */
  over(range: HashRange): P | undefined {
    for (const pg of this.pgs) if (overlap(rangeOf(pg), range)) return pg;
    return undefined;
  }

  /** The next map for a PG; undefined when it has seen all. */
  mapAfter({ view }: P): OSDMap | undefined {
    return this.maps.find((map) => map.epoch > view.epoch);
  }

  /** Whose turn it is, and the map that splits or merges it. They do not wait any more. */
  take(): { readonly pgs: readonly P[]; readonly map: OSDMap } {
    for (const pg of this.pgs) {
      const map = this.mapAfter(pg)!;
      const pgs = fateOf(pg, map) === 'merged' ? this.family(pg, map) : [pg];
      if (!pgs) continue;
      for (const one of pgs) this.pgs.delete(one);
      return { pgs, map };
    }
    assert(false, 'the one that is furthest behind waits for nobody');
  }

  /** Forgets the maps that nobody needs any more. */
  prune(): void {
    let least = Number.POSITIVE_INFINITY;
    for (const { view } of this.pgs) least = Math.min(least, view.epoch);
    this.maps = this.maps.filter((map) => map.epoch > least);
  }

  /** All that end in one PG with this map; undefined while one of them has to come to it yet. */
  private family({ pgid }: P, map: OSDMap): P[] | undefined {
    const { pool } = pgid;
    const { pgNum } = map.pool(pool)!;
    const seed = stableMod(pgid.seed, pgNum);
    const target = { pgid: { pool, seed }, bits: splitBits(seed, pgNum) };
    const all = [...this.pgs].filter((pg) => overlap(rangeOf(pg), target));
    return all.every((pg) => this.mapAfter(pg) === map) ? all : undefined;
  }
}

function rangeOf({ pgid, view }: Follower): HashRange {
  return { pgid, bits: view.bits };
}
