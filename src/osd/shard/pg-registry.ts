import { assert } from '../../errors/index.ts';
import { halvings, isMergePart, type OSDMap, splitBits, stableMod } from '../../maps/index.ts';
import type { StoreOp } from '../../store/index.ts';
import { type PgId, parsePgId } from '../../wire/index.ts';
import type { PgView } from '../pg/intervals.ts';
import { Pg } from '../pg/pg.ts';
import { damaged } from '../pg/pg-collection.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { emptyInfo } from '../pg/pg-info.ts';
import { restoredView, storedView } from '../pg/pg-life.ts';
import { mergeAll } from '../pg/pg-merge.ts';
import { splitPg } from '../pg/pg-split.ts';
import { PgState } from '../pg/pg-state.ts';
import { scrubbedAtBirth } from '../scrub/scrub-history.ts';
import { META } from '../superblock.ts';
import { Removals } from './removals.ts';
import { Untouched } from './untouched.ts';

/** A PG as one map sees it. */
export function viewOf(map: OSDMap, pgid: PgId): PgView {
  const { up, upPrimary, acting, actingPrimary } = map.pgToUpActing(pgid);
  const pool = map.pool(pgid.pool);
  const pgCount = pool?.pgNum ?? 0;
  return {
    epoch: map.epoch,
    up,
    upPrimary,
    acting,
    primary: actingPrimary,
    size: pool?.size ?? 0,
    minSize: pool?.minSize ?? 0,
    pgCount,
    bits: splitBits(pgid.seed, pgCount),
    isMerging: pool !== undefined && isMergePart(pool, pgid.seed),
    upFrom: acting.map((osd) => map.data.osdInfo[osd]?.upFrom ?? 0),
    upThru: map.data.osdInfo[actingPrimary]?.upThru ?? 0,
  };
}

/** PGs by pool and seed as one number: exact, since pools stay far below 2^21. */
function pgNumber(pool: number, seed: number): number {
  return pool * 0x1_0000_0000 + seed;
}

/** What must become durable together. */
export type Group = readonly StoreOp[];

/**
 * The PGs of one shard: loaded at the start, made when the map puts them here, taken through every map, split and merged
 * with their pool, and removed with it or when others hold everything.
 */
export class PgRegistry {
  private readonly host: PgHost;
  private readonly pgs = new Map<number, Pg>();
  private readonly removals: Removals;
  private readonly untouched: Untouched;
  private readonly isHere: (pgid: PgId) => boolean;

  constructor(host: PgHost, untouched: Set<string>, isHere: (pgid: PgId) => boolean) {
    this.host = host;
    this.isHere = isHere;
    this.untouched = new Untouched(untouched, isHere);
    this.removals = new Removals(host);
  }

  get({ pool, seed }: PgId): Pg | undefined {
    return this.pgs.get(pgNumber(pool, seed));
  }
  all(): Iterable<Pg> {
    return this.pgs.values();
  }
  get size(): number {
    return this.pgs.size;
  }
  /** Is what the PG's last stay here left behind in its way? */
  isRemoving(pgid: PgId, map: OSDMap): boolean {
    return this.removals.overlaps(pgid, splitBits(pgid.seed, map.pool(pgid.pool)?.pgNum ?? 0));
  }

  /** Reads the PGs of the store; what an interrupted removal left is removed. */
  load(): void {
    const { store } = this.host;
    for (const c of store.collections()) {
      if (c === META) continue;
      const pgid = parsePgId(c);
      if (!pgid) continue;
      let state: PgState | undefined;
      try {
        state = PgState.load(store, pgid);
      } catch (cause) {
        throw damaged(pgid, cause);
      }
      if (state) this.begin(state, restoredView(state.info, pgid));
      else this.removals.begin(pgid, store.bounds(c)?.bits ?? 0);
    }
  }

  /**
   * One new map. `isOurs`: who it shows up under our id is, or was, this store. Where it is not (our disk was replaced, or
   * we are not up), a PG must not begin here: someone else may have written to it.
   * @returns what must become durable before or with the map, in this order
   */
  advance(map: OSDMap, previous: OSDMap | undefined, isOurs: boolean): Group[] {
    const groups: Group[] = [];
    this.untouched.follow(map, previous);
    const merging: Pg[] = [];
    for (const pg of [...this.pgs.values()]) {
      const { pgid, view } = pg;
      const pgCount = map.pool(pgid.pool)?.pgNum ?? 0;
      const bits = splitBits(pgid.seed, pgCount);
      if (pgCount === 0) groups.push(this.retire(pg));
      else if (pgid.seed >= pgCount || bits < view.bits) merging.push(pg);
      else if (bits > view.bits) groups.push(this.split(pg, map, pgCount));
      else groups.push(pg.advance(viewOf(map, pgid)));
    }
    groups.push(...this.merge(merging, map));
    if (isOurs) groups.push(...this.makeMissing(map));
    this.untouched.settle(map, viewOf);
    return groups;
  }

  /** The newest map that the PGs were taken through before the OSD was started. */
  resume(map: OSDMap): void {
    this.sweep(map);
    for (const pg of this.pgs.values()) pg.resume(viewOf(map, pg.pgid));
  }

  /**
   * Looks for what no map gives us and nobody removes: PGs whose pool is gone, as after an import by hand, and collections
   * without a PG. It goes away in the background.
   */
  sweep(map: OSDMap): void {
    const { host } = this;
    for (const pg of [...this.pgs.values()]) if (!map.pool(pg.pgid.pool)) this.remove(pg);
    for (const c of host.store.collections()) {
      const pgid = c === META ? undefined : parsePgId(c);
      if (!pgid || this.get(pgid) || this.removals.has(pgid)) continue;
      host.log('warn', 'collection of no PG', { collection: c });
      this.removals.begin(pgid, host.store.bounds(c)?.bits ?? 0);
    }
  }

  settle(): void {
    for (const pg of this.pgs.values()) pg.settle();
  }

  stop(): void {
    for (const pg of this.pgs.values()) pg.stop();
  }

  /** Removes a PG's objects in the background. */
  remove(pg: Pg): void {
    void this.host.submit(this.retire(pg));
  }

  private retire(pg: Pg): Group {
    this.end(pg);
    this.host.log('info', 'remove PG', { pg: pg.state.c });
    this.removals.begin(pg.pgid, pg.view.bits);
    return [{ op: 'remove', c: pg.state.c, oid: pg.state.meta }];
  }

  private begin(state: PgState, view: PgView): void {
    const { pool, seed } = state.pgid;
    this.pgs.set(pgNumber(pool, seed), new Pg(this.host, state, view));
  }

  /** Nothing is answered any more, and what was not answered is sent again by its clients. */
  private end(pg: Pg): void {
    pg.stop();
    this.pgs.delete(pgNumber(pg.pgid.pool, pg.pgid.seed));
  }

  private split(pg: Pg, map: OSDMap, pgCount: number): Group {
    this.end(pg);
    const { seed, pool } = pg.pgid;
    for (const { child } of halvings(seed, pg.view.bits, pgCount)) {
      assert(this.isHere({ pool, seed: child }), `PG ${pg.state.c} would leave its shard`);
    }
    const { parts, ops } = splitPg(pg.state, pg.view, pgCount, (pgid) => viewOf(map, pgid));
    for (const part of parts) this.begin(part, viewOf(map, part.pgid));
    const into = parts.slice(1).map((part) => part.c);
    this.host.log('info', 'split PG', { pg: pg.state.c, into });
    return ops;
  }

  /** @param pgs that are no more in this map, or get another's objects */
  private merge(pgs: readonly Pg[], map: OSDMap): Group[] {
    const families = new Map<number, Pg[]>();
    for (const pg of pgs) {
      const { pool, seed } = pg.pgid;
      const target = pgNumber(pool, stableMod(seed, map.pool(pool)!.pgNum));
      families.set(target, [...(families.get(target) ?? []), pg]);
    }
    return [...families.values()].map((family) => this.mergeFamily(family, map));
  }

  private mergeFamily(family: readonly Pg[], map: OSDMap): Group {
    for (const pg of family) this.end(pg);
    const { pool: poolId, seed } = family[0]!.pgid;
    const pool = map.pool(poolId)!;
    const target = { pool: poolId, seed: stableMod(seed, pool.pgNum) };
    const view = viewOf(map, target);
    const halves = family.map(({ pgid, state, view: before }) => ({
      seed: pgid.seed,
      bits: before.bits,
      half: { state, before },
    }));
    const { host } = this;
    const { merged, ops } = mergeAll(poolId, halves, pool, view, {
      storeSince: host.storeSince,
      takeOver: (part, bits) => this.removals.takeOver(part, bits),
    });
    this.begin(merged, view);
    const of = family.map((pg) => pg.state.c);
    host.log('info', 'merge PGs', { pg: merged.c, of, lastUpdate: merged.log.head });
    return ops;
  }

  /** PGs that the map puts here, and that are not. */
  private *makeMissing(map: OSDMap): Generator<Group> {
    for (const pgid of map.pgsOfOsd(this.host.id, this.isHere)) {
      if (this.get(pgid) || this.isRemoving(pgid, map)) continue;
      const view = viewOf(map, pgid);
      if (view.acting.includes(this.host.id)) yield this.make(pgid, view);
    }
  }

  private make(pgid: PgId, view: PgView): Group {
    // Nobody can have written yet: this is the beginning of the PG. Else others hold it, and we start with nothing.
    const created = this.untouched.has(pgid) ? view.epoch : 0;
    const info = emptyInfo(created, storedView(view), this.host.storeSince);
    const scrub = created > 0 ? scrubbedAtBirth(this.host.clock.wallMs()) : info.scrub;
    const state = new PgState(pgid, { ...info, isMerging: view.isMerging, scrub });
    this.begin(state, view);
    this.host.log('info', 'new PG', { pg: state.c, created });
    return state.create();
  }
}
