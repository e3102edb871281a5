import type { OSDMap } from '../maps/index.ts';
import type { StoreOp } from '../store/index.ts';
import { formatPgId, type PgId, parsePgId } from '../wire/index.ts';
import { mayWrite, type PgView } from './intervals.ts';
import { type Partition, shardOf } from './partition.ts';
import { Pg } from './pg.ts';
import type { PgHost } from './pg-host.ts';
import { emptyInfo } from './pg-info.ts';
import { restoredView, storedView } from './pg-life.ts';
import { damaged, listObjects, PgState } from './pg-state.ts';
import { META } from './superblock.ts';

/** Objects removed in one transaction. */
const REMOVE_BATCH = 64;

/** A PG as one map sees it. */
export function viewOf(map: OSDMap, pgid: PgId): PgView {
  const { up, upPrimary, acting, actingPrimary } = map.pgToUpActing(pgid);
  const pool = map.pool(pgid.pool);
  return {
    epoch: map.epoch,
    up,
    upPrimary,
    acting,
    primary: actingPrimary,
    size: pool?.size ?? 0,
    minSize: pool?.minSize ?? 0,
    pgCount: pool?.pgNum ?? 0,
    upFrom: acting.map((osd) => map.data.osdInfo[osd]?.upFrom ?? 0),
    upThru: map.data.osdInfo[actingPrimary]?.upThru ?? 0,
  };
}

/** PGs by pool and seed as one number: exact, since pools stay far below 2^21. */
function pgNumber(pool: number, seed: number): number {
  return pool * 0x1_0000_0000 + seed;
}

/**
 * The PGs of one shard: loaded at the start, made when the map puts them here, taken through every map, and removed with
 * their pool or when others hold everything.
 */
export class PgRegistry {
  private readonly host: PgHost;
  private readonly pgs = new Map<number, Pg>();
  private readonly removing = new Map<number, Promise<void>>();
  /** See Superblock.untouched. */
  private readonly untouched: Set<string>;

  private readonly isHere: (pgid: PgId) => boolean;

  constructor(host: PgHost, untouched: Set<string>, partition: Partition) {
    this.host = host;
    this.untouched = untouched;
    const { index, count } = partition;
    this.isHere = (pgid) => shardOf(pgid, count) === index;
  }

  get(pgid: PgId): Pg | undefined {
    return this.pgs.get(pgNumber(pgid.pool, pgid.seed));
  }
  all(): Iterable<Pg> {
    return this.pgs.values();
  }
  get size(): number {
    return this.pgs.size;
  }
  isRemoving(pgid: PgId): boolean {
    return this.removing.has(pgNumber(pgid.pool, pgid.seed));
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
      if (state) this.add(new Pg(this.host, state, restoredView(state.info)));
      else this.clear(pgid);
    }
  }

  /**
   * One new map. `isOurs`: who it shows up under our id is, or was, this store. Where it is not (our disk was replaced, or
   * we are not up), a PG must not begin here: someone else may have written to it.
   * @returns what must become durable with the map
   */
  advance(map: OSDMap, previous: OSDMap | undefined, isOurs: boolean): StoreOp[] {
    const ops: StoreOp[] = [];
    this.trackUntouched(map, previous);
    for (const pg of this.pgs.values()) {
      if (map.pool(pg.pgid.pool)) ops.push(...pg.advance(viewOf(map, pg.pgid)));
    }
    for (const pg of [...this.pgs.values()]) if (!map.pool(pg.pgid.pool)) this.remove(pg);
    for (const pgid of map.pgsOfOsd(this.host.id, this.isHere)) {
      const number = pgNumber(pgid.pool, pgid.seed);
      if (!isOurs) continue;
      if (this.pgs.has(number) || this.removing.has(number)) continue;
      const view = viewOf(map, pgid);
      if (view.acting.includes(this.host.id)) ops.push(...this.make(pgid, view));
    }
    this.touchWritten(map);
    return ops;
  }

  /** The newest map that the PGs were taken through before the OSD was started. */
  resume(map: OSDMap): void {
    for (const pg of this.pgs.values()) if (map.pool(pg.pgid.pool)) pg.resume(viewOf(map, pg.pgid));
  }

  settle(): void {
    for (const pg of this.pgs.values()) pg.settle();
  }

  stop(): void {
    for (const pg of this.pgs.values()) pg.stop();
  }

  /** Removes a PG's objects in the background; after a crash in the middle, `load` goes on. */
  remove(pg: Pg): void {
    pg.stop();
    this.pgs.delete(pgNumber(pg.pgid.pool, pg.pgid.seed));
    void this.host.submit([{ op: 'remove', c: pg.state.c, oid: pg.state.meta }]);
    this.host.log('info', 'remove PG', { pg: pg.state.c });
    this.clear(pg.pgid);
  }

  private add(pg: Pg): void {
    this.pgs.set(pgNumber(pg.pgid.pool, pg.pgid.seed), pg);
  }

  private make(pgid: PgId, view: PgView): StoreOp[] {
    // Nobody can have written yet: this is the beginning of the PG. Else others hold it, and we start with nothing.
    const created = this.untouched.has(formatPgId(pgid)) ? view.epoch : 0;
    const state = new PgState(pgid, emptyInfo(created, storedView(view), this.host.storeSince));
    this.add(new Pg(this.host, state, view));
    this.host.log('info', 'new PG', { pg: state.c, created });
    return state.create();
  }

  /** PGs of pools that appear with this map; we know of their whole life only if we saw the map before. */
  private trackUntouched(map: OSDMap, previous: OSDMap | undefined): void {
    const isFirst = map.epoch === 1;
    if (!previous && !isFirst) this.untouched.clear();
    for (const name of this.untouched) {
      if (!map.pool(parsePgId(name)!.pool)) this.untouched.delete(name);
    }
    if (!previous && !isFirst) return;
    for (const [id, pool] of map.data.pools) {
      if (previous?.pool(id)) continue;
      for (let seed = 0; seed < pool.pgNum; seed++) {
        const pgid = { pool: id, seed };
        if (this.isHere(pgid)) this.untouched.add(formatPgId(pgid));
      }
    }
  }

  private touchWritten(map: OSDMap): void {
    for (const name of this.untouched) {
      if (mayWrite(viewOf(map, parsePgId(name)!))) this.untouched.delete(name);
    }
  }

  private clear(pgid: PgId): void {
    const number = pgNumber(pgid.pool, pgid.seed);
    const done = this.clearObjects(pgid).then(
      () => {
        this.removing.delete(number);
        this.host.removed(pgid);
      },
      (e) => this.host.fatal(e),
    );
    this.removing.set(number, done);
  }

  private async clearObjects(pgid: PgId): Promise<void> {
    const { host } = this;
    const c = formatPgId(pgid);
    for (;;) {
      const { objects } = listObjects(host.store, pgid, undefined, REMOVE_BATCH);
      if (objects.length === 0) break;
      await host.submit(objects.map((oid) => ({ op: 'remove', c, oid })));
    }
    await host.submit([{ op: 'rmcoll', c }]);
  }
}
