import type { PgView } from './intervals.ts';
import { type MissingItem, type MissingSet, missingSet } from './missing.ts';
import type { Peering } from './peering.ts';
import type { PgInfo } from './pg-info.ts';
import type { PgState } from './pg-state.ts';

/** What holdings look at. */
export interface HoldingsScope {
  readonly host: { readonly id: number; isUp(osd: number): boolean };
  readonly state: Pick<PgState, 'missing'>;
  readonly view: Pick<PgView, 'acting'>;
  readonly peering: Pick<Peering, 'missing' | 'infos'>;
}

/** Who lacks which objects of a PG, and who can give them, as its primary knows it. */
export class Holdings {
  private readonly scope: HoldingsScope;

  constructor(scope: HoldingsScope) {
    this.scope = scope;
  }

  isMissingHere(key: string): boolean {
    return this.scope.state.missing.has(key);
  }

  isMissingAnywhere(key: string): boolean {
    const { host, state, peering } = this.scope;
    if (state.missing.has(key)) return true;
    for (const [osd, missing] of peering.missing)
      if (missing.size > 0 && osd !== host.id && missing.has(key)) return true;
    return false;
  }

  lacksAnything(): boolean {
    if (this.scope.state.missing.size > 0) return true;
    for (const [, missing] of this.peers()) if (missing.size > 0) return true;
    return false;
  }

  /** Missing sets of the other acting members. */
  *peers(): Iterable<[number, MissingSet]> {
    const { host, peering } = this.scope;
    for (const [osd, missing] of peering.missing) if (osd !== host.id) yield [osd, missing];
  }

  /** Who may hold an object that we lack, best first. */
  sources(item: MissingItem): number[] {
    const { host, view, peering } = this.scope;
    const key = [...missingSet([item]).keys()][0]!;
    const holders = [...peering.infos].filter(
      ([osd]) => host.isUp(osd) && !peering.missing.get(osd)?.has(key),
    );
    const rank = (osd: number, info: PgInfo): number =>
      (info.complete ? 0 : 2) + (view.acting.includes(osd) ? 0 : 1);
    return holders.sort((a, b) => rank(...a) - rank(...b)).map(([osd]) => osd);
  }
}
