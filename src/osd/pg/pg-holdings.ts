import { compareEVersion, type HObject } from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import { newestChanges } from '../log/newest-changes.ts';
import { Frontier, type ImportInfo } from '../recovery/import.ts';
import type { MissingItem, MissingSet } from './missing.ts';
import type { Peering } from './peering.ts';
import { isBlank, type PgInfo } from './pg-info.ts';
import type { PgState } from './pg-state.ts';

/** What holdings look at. */
export interface HoldingsScope {
  readonly host: { readonly id: number; isUp(osd: number): boolean };
  readonly state: Pick<PgState, 'missing' | 'import' | 'log'>;
  readonly peering: Pick<Peering, 'missing' | 'frontiers' | 'infos'>;
  readonly strays: { readonly infos: ReadonlyMap<number, PgInfo> };
}

/** Who lacks which objects of a PG, and who can give them, as its primary knows it. */
export class Holdings {
  private readonly scope: HoldingsScope;

  constructor(scope: HoldingsScope) {
    this.scope = scope;
  }

  /** We do not have the object, or do not know which version of it there is. */
  isMissingHere(key: string, oid: HObject): boolean {
    const { missing, import: importing } = this.scope.state;
    return missing.has(key) || (importing?.frontier.isBeyond(key, oid) ?? false);
  }

  isMissingAnywhere(key: string, oid: HObject): boolean {
    if (this.isMissingHere(key, oid)) return true;
    const { host, peering } = this.scope;
    for (const [osd, missing] of peering.missing)
      if (missing.size > 0 && osd !== host.id && missing.has(key)) return true;
    for (const frontier of peering.frontiers.values()) if (frontier.isBeyond(key, oid)) return true;
    return false;
  }

  lacksAnything(): boolean {
    const { state, peering } = this.scope;
    if (state.missing.size > 0 || state.import || peering.frontiers.size > 0) return true;
    for (const [, missing] of this.peers()) if (missing.size > 0) return true;
    return false;
  }

  /** Some acting member does not know yet all that it lacks: the log decides about that, and is kept. */
  get isListing(): boolean {
    const { state, peering } = this.scope;
    return (state.import !== undefined && !state.import.isListed) || peering.frontiers.size > 0;
  }

  /** Missing sets of the other acting members. */
  *peers(): Iterable<[number, MissingSet]> {
    const { host, peering } = this.scope;
    for (const [osd, missing] of peering.missing) if (osd !== host.id) yield [osd, missing];
  }

  /** Other acting members that need to be told of an object before it may be changed. */
  lacking(key: string, oid: HObject): number[] {
    const { frontiers } = this.scope.peering;
    return [...this.peers()]
      .filter(([osd, missing]) => missing.has(key) || frontiers.get(osd)?.isBeyond(key, oid))
      .map(([osd]) => osd);
  }

  /** A member has got an object, or knows that there is none. */
  given(osd: number, key: string): void {
    const { missing, frontiers } = this.scope.peering;
    missing.get(osd)?.delete(key);
    frontiers.get(osd)?.settle(key);
  }

  /** A member that imports has listed more. */
  listed(osd: number, cursor: HObject, lacking: readonly MissingItem[]): void {
    const { missing, frontiers } = this.scope.peering;
    const frontier = frontiers.get(osd);
    if (!frontier) return;
    const set = missing.get(osd)!;
    for (const item of lacking) set.set(oidKey(item.oid), item);
    frontier.reach(cursor);
    if (frontier.isListed) frontiers.delete(osd);
  }

  /** What a member that has just taken our log over knows, by what it says of its import. */
  frontierOf(info: ImportInfo | undefined): Frontier | undefined {
    if (!info || info.cursor.max) return undefined;
    return new Frontier(info.cursor, newestChanges(this.scope.state.log.after(info.base)).keys());
  }

  /** Who may hold an object in the version that is needed, and is up: members first of whom it is known. */
  sources(item: MissingItem): number[] {
    const { host, peering, strays } = this.scope;
    const key = oidKey(item.oid);
    const infos = new Map([...strays.infos, ...peering.infos]);
    const mayHave = (osd: number): boolean => {
      const info = infos.get(osd);
      if (osd === host.id || !host.isUp(osd)) return false;
      // Who has not said what it holds may not have the PG at all.
      if (!info) return false;
      const isOld = isBlank(info) || compareEVersion(info.lastUpdate, item.need) < 0;
      return (peering.missing.has(osd) || !isOld) && !this.lacks(osd, key, item.oid);
    };
    const rank = (osd: number): number => (infos.get(osd)?.import ? 1 : 0);
    return [...infos.keys()].filter(mayHave).sort((a, b) => rank(a) - rank(b));
  }

  /** Others who are up and may hold objects in whatever version. */
  holders(): number[] {
    const { host, peering, strays } = this.scope;
    const infos = new Map([...strays.infos, ...peering.infos]);
    const others = new Set([...infos.keys(), ...peering.missing.keys()]);
    others.delete(host.id);
    return [...others].filter(
      (osd) => host.isUp(osd) && (peering.missing.has(osd) || !isBlank(infos.get(osd))),
    );
  }

  private lacks(osd: number, key: string, oid: HObject): boolean {
    const { missing, frontiers } = this.scope.peering;
    return Boolean(missing.get(osd)?.has(key) || frontiers.get(osd)?.isBeyond(key, oid));
  }
}
