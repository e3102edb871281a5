import { halvings, type OSDMap, splitBits, stableMod } from '../../maps/index.ts';
import { formatPgId, type PgId, parsePgId } from '../../wire/index.ts';
import { mayWrite, type PgView } from '../pg/intervals.ts';

/**
 * PGs of which no interval could yet hold a write, as far as we have followed their whole life: whoever gets such a PG
 * first may begin it. Everywhere else others hold something.
 */
export class Untouched {
  /** See Superblock.untouched. */
  private readonly names: Set<string>;
  private readonly isHere: (pgid: PgId) => boolean;

  constructor(names: Set<string>, isHere: (pgid: PgId) => boolean) {
    this.names = names;
    this.isHere = isHere;
  }

  has(pgid: PgId): boolean {
    return this.names.has(formatPgId(pgid));
  }

  /** The next map. @param previous undefined for the first one, and after a gap */
  follow(map: OSDMap, previous: OSDMap | undefined): void {
    const isFirst = map.epoch === 1;
    if (!previous && !isFirst) this.names.clear();
    for (const name of this.names) {
      if (!map.pool(parsePgId(name)!.pool)) this.names.delete(name);
    }
    if (!previous && !isFirst) return;
    for (const [id, { pgNum }] of map.data.pools) {
      const before = previous?.pool(id)?.pgNum ?? 0;
      if (before === 0) this.add(id, 0, pgNum);
      else if (before < pgNum) this.split(id, before, pgNum);
      else if (before > pgNum) this.merge(id, before, pgNum);
    }
  }

  /** After the PGs have begun: those that may have been written to since do not count any more. */
  settle(map: OSDMap, viewOf: (map: OSDMap, pgid: PgId) => PgView): void {
    for (const name of this.names) {
      if (mayWrite(viewOf(map, parsePgId(name)!))) this.names.delete(name);
    }
  }

  private add(pool: number, from: number, to: number): void {
    for (let seed = from; seed < to; seed++) {
      const pgid = { pool, seed };
      if (this.isHere(pgid)) this.names.add(formatPgId(pgid));
    }
  }

  private split(pool: number, before: number, pgNum: number): void {
    for (let seed = 0; seed < before; seed++) {
      if (!this.has({ pool, seed })) continue;
      for (const { child } of halvings(seed, splitBits(seed, before), pgNum)) {
        this.names.add(formatPgId({ pool, seed: child }));
      }
    }
  }

  private merge(pool: number, before: number, pgNum: number): void {
    for (let seed = pgNum; seed < before; seed++) {
      const isUntouched = this.names.delete(formatPgId({ pool, seed }));
      if (!isUntouched) this.names.delete(formatPgId({ pool, seed: stableMod(seed, pgNum) }));
    }
  }
}
