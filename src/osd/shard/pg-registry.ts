import { assert } from '../../errors/index.ts';
import { halvings, type OSDMap, stableMod } from '../../maps/index.ts';
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
import { type HashRange, overlap } from './hash-range.ts';
import { fateOf, LatePgs } from './late-pgs.ts';
import { rangeIn, viewOf } from './pg-view.ts';
import { Removals } from './removals.ts';
import { Untouched } from './untouched.ts';

/** PGs by pool and seed as one number: exact, since pools stay far below 2^21. */
function pgNumber(pool: number, seed: number): number {
  return pool * 0x1_0000_0000 + seed;
}

function numberOf({ pgid }: Pg): number {
  return pgNumber(pgid.pool, pgid.seed);
}

/** What a split or a merge makes of PGs. */
interface Reshaped {
  readonly parts: readonly Pg[];
  readonly ops: Group;
}

/** What must become durable together. */
export type Group = readonly StoreOp[];

/** Maps that PGs may be behind: an OSD that was away may go through many before all turns have come. */
const LATE_MAPS_MAX = 100;

/**
 * The PGs of one shard: loaded at the start, made when the map puts them here, taken through every map, split and merged
 * with their pool, and removed with it or when others hold everything.
 *
 * Splitting and merging is work that comes in turns of its own, a PG at a time. Until its turn has come, a PG is late: it
 * is not here for anybody, and who asks for it has to wait. Every PG follows the maps by itself, and what it makes of them
 * is durable before the superblock says that all have come so far; so after a crash some may be ahead of that, and pass
 * the maps that they have seen.
 */
export class PgRegistry {
  private readonly host: PgHost;
  /** Those that have seen all maps. */
  private readonly pgs = new Map<number, Pg>();
  private readonly late = new LatePgs<Pg>();
  /** The newest map that a PG of the store had seen at the start. */
  private farthest = 0;
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
    return this.pgs.size + this.late.size;
  }
  /** OSDs that share a PG with us, and we ourselves. */
  get members(): Set<number> {
    const all = [...this.pgs.values(), ...this.late.all];
    return new Set(all.flatMap((pg) => pg.view.acting));
  }
  /** Is what the PG's last stay here left behind in its way? */
  isRemoving(pgid: PgId, map: OSDMap): boolean {
    return this.removals.overlaps(pgid, rangeIn(map, pgid).bits);
  }
  /** There are PGs to be split or merged; see {@link turn}. */
  get hasLate(): boolean {
    return this.late.size > 0;
  }
  /**
   * A PG that has to be split or merged before this one, of the newest map, is here. @returns the last map that it has
   * seen; undefined when nothing of the kind is in the way
   */
  lateSince(pgid: PgId, map: OSDMap): number | undefined {
    return this.hasLate ? this.late.over(rangeIn(map, pgid))?.view.epoch : undefined;
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
      if (!state) {
        this.removals.begin(pgid, store.bounds(c)?.bits ?? 0);
        continue;
      }
      this.add(state, restoredView(state.info, pgid));
      this.farthest = Math.max(this.farthest, state.info.view.epoch);
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
    const late: Pg[] = [];
    for (const pg of [...this.pgs.values()]) {
      const fate = fateOf(pg, map);
      if (fate === 'gone') groups.push(this.retire(pg));
      else if (fate === 'kept') groups.push(pg.advance(viewOf(map, pg.pgid)));
      else if (fate !== 'passed') late.push(pg);
    }
    for (const pg of late) {
      pg.pause();
      this.pgs.delete(numberOf(pg));
    }
    this.late.follow(map, late);
    while (this.late.mapCount > LATE_MAPS_MAX) groups.push(...this.turn());
    if (isOurs) groups.push(...this.makeMissing(map));
    this.untouched.settle(map, viewOf);
    return groups;
  }

  /**
   * The turn of one of the late PGs: it is split, or merged with others, and what comes of it goes on through the maps,
   * to the newest or to where it has to wait again.
   * @returns what must become durable, in this order
   */
  turn(): Group[] {
    const { pgs, map } = this.late.take();
    const { parts, ops } =
      fateOf(pgs[0]!, map) === 'split' ? this.split(pgs[0]!, map) : this.merge(pgs, map);
    const groups = [ops, ...parts.flatMap((part) => this.goOn(part))];
    this.late.prune();
    return groups;
  }

  private goOn(pg: Pg): Group[] {
    const groups: Group[] = [];
    for (;;) {
      const map = this.late.mapAfter(pg);
      if (!map) {
        this.pgs.set(numberOf(pg), pg);
        return groups;
      }
      const fate = fateOf(pg, map);
      if (fate === 'gone') return [...groups, this.retire(pg)];
      if (fate !== 'kept') {
        this.late.add(pg);
        return groups;
      }
      groups.push(pg.advance(viewOf(map, pg.pgid)));
    }
  }

  /** PGs that this map, the newest, puts here and that could not begin yet. @returns as {@link advance} */
  begin(map: OSDMap): Group[] {
    return [...this.makeMissing(map)];
  }

  /** The newest map that the PGs were taken through before the OSD was started. */
  resume(map: OSDMap): void {
    this.sweep(map);
    for (const pg of this.pgs.values()) {
      if (pg.view.epoch <= map.epoch) pg.resume(viewOf(map, pg.pgid));
    }
  }

  /**
   * Looks for what no map gives us and nobody removes: PGs whose pool is gone, as after an import by hand, and collections
   * without a PG. It goes away in the background.
   */
  sweep(map: OSDMap): void {
    const { host } = this;
    for (const pg of [...this.pgs.values()]) {
      // Of a pool that a later map has made, it was here before a crash.
      if (!map.pool(pg.pgid.pool) && pg.view.epoch <= map.epoch) this.remove(pg);
    }
    for (const c of host.store.collections()) {
      const pgid = c === META ? undefined : parsePgId(c);
      if (!pgid || this.get(pgid) || this.late.has(pgid) || this.removals.has(pgid)) continue;
      host.log('warn', 'collection of no PG', { collection: c });
      this.removals.begin(pgid, host.store.bounds(c)?.bits ?? 0);
    }
  }

  settle(): void {
    for (const pg of this.pgs.values()) pg.settle();
  }

  stop(): void {
    for (const pg of [...this.pgs.values(), ...this.late.all]) pg.stop();
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

  private add(state: PgState, view: PgView): void {
    const pg = new Pg(this.host, state, view);
    this.pgs.set(numberOf(pg), pg);
  }

  /** Nothing is answered any more, and what was not answered is sent again by its clients. */
  private end(pg: Pg): void {
    pg.stop();
    this.pgs.delete(numberOf(pg));
  }

  private split(pg: Pg, map: OSDMap): Reshaped {
    pg.stop();
    const { pgid, view, state } = pg;
    const { seed, pool } = pgid;
    const { pgNum } = map.pool(pool)!;
    for (const { child } of halvings(seed, view.bits, pgNum)) {
      assert(this.isHere({ pool, seed: child }), `PG ${state.c} would leave its shard`);
    }
    const { parts, ops } = splitPg(state, view, pgNum, (part) => viewOf(map, part));
    const into = parts.slice(1).map((part) => part.c);
    this.host.log('info', 'split PG', { pg: state.c, into });
    return { parts: parts.map((part) => this.heir([pg], part, viewOf(map, part.pgid))), ops };
  }

  /** @param pgs that are no more in this map, or get another's objects: all that end in one */
  private merge(pgs: readonly Pg[], map: OSDMap): Reshaped {
    for (const pg of pgs) pg.stop();
    const { pool: poolId, seed } = pgs[0]!.pgid;
    const pool = map.pool(poolId)!;
    const view = viewOf(map, { pool: poolId, seed: stableMod(seed, pool.pgNum) });
    const halves = pgs.map(({ pgid, state, view: before }) => ({
      seed: pgid.seed,
      bits: before.bits,
      half: { state, before },
    }));
    const { host } = this;
    const { merged, ops } = mergeAll(poolId, halves, pool, view, {
      storeSince: host.storeSince,
      takeOver: (part, bits) => this.removals.takeOver(part, bits),
    });
    const of = pgs.map((pg) => pg.state.c);
    host.log('info', 'merge PGs', { pg: merged.c, of, lastUpdate: merged.log.head });
    return { parts: [this.heir(pgs, merged, view)], ops };
  }

  /** What PGs that are no more become, or become a part of. */
  private heir(of: readonly Pg[], state: PgState, view: PgView): Pg {
    const pg = new Pg(this.host, state, view);
    for (const { scrubber } of of) scrubber.handTo(pg.scrubber);
    return pg;
  }

  /** PGs that the map puts here, and that are not. */
  private *makeMissing(map: OSDMap): Generator<Group> {
    for (const pgid of map.pgsOfOsd(this.host.id, this.isHere)) {
      if (this.get(pgid) || this.isTaken(rangeIn(map, pgid), map)) continue;
      const view = viewOf(map, pgid);
      if (view.acting.includes(this.host.id)) yield this.make(pgid, view);
    }
  }

  /** Is something here that has hashes of a PG of this map, and is not, or not any more, where the map is? */
  private isTaken(range: HashRange, map: OSDMap): boolean {
    if (this.removals.overlaps(range.pgid, range.bits) || this.late.over(range)) return true;
    if (map.epoch >= this.farthest) return false;
    const ahead = [...this.pgs.values()].filter((pg) => pg.view.epoch > map.epoch);
    return ahead.some(({ pgid, view }) => overlap(range, { pgid, bits: view.bits }));
  }

  private make(pgid: PgId, view: PgView): Group {
    // Nobody can have written yet: this is the beginning of the PG. Else others hold it, and we start with nothing.
    const created = this.untouched.has(pgid) ? view.epoch : 0;
    const info = emptyInfo(created, storedView(view), this.host.storeSince);
    const scrub = created > 0 ? scrubbedAtBirth(this.host.clock.wallMs()) : info.scrub;
    const state = new PgState(pgid, { ...info, isMerging: view.isMerging, scrub });
    this.add(state, view);
    this.host.log('info', 'new PG', { pg: state.c, created });
    return state.create();
  }
}
