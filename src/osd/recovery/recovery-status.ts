import type { PgView } from '../pg/intervals.ts';
import type { MissingSet } from '../pg/missing.ts';
import type { Peering } from '../pg/peering.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { isBlank, type PgInfo } from '../pg/pg-info.ts';
import type { PgState } from '../pg/pg-state.ts';
import { shareBefore } from './hash-order.ts';
import type { Frontier } from './import.ts';
import type { Recovery } from './recovery.ts';
import { countCopies } from './recovery-counts.ts';
import { kindOf, type Lacking, needOf } from './recovery-need.ts';
import type { RecoveryKind } from './recovery-priority.ts';
import type { RecoveryNeed } from './recovery-turn.ts';

/** What the primary's look at the PG's copies sees. */
export interface StatusScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly view: PgView;
  readonly peering: Pick<Peering, 'phase' | 'missing' | 'frontiers' | 'infos' | 'imports'>;
  readonly strays: { readonly infos: ReadonlyMap<number, PgInfo> };
  readonly recovery: Pick<Recovery, 'isReady' | 'canBring'>;
}

const NOTHING: MissingSet = new Map();

/** How whole a PG's copies are, as its primary knows it, and what is therefore to be done. */
export class RecoveryStatus {
  /** What `ceph pg force-recovery` and `force-backfill` asked for; ends when it is done. */
  readonly forced = new Set<RecoveryKind>();
  private readonly scope: StatusScope;

  constructor(scope: StatusScope) {
    this.scope = scope;
  }

  /** Source of the conditions: PeeringState::set_force_recovery and set_force_backfill, 16.2. */
  force(kind: RecoveryKind, isForced: boolean): void {
    if (!isForced) this.forced.delete(kind);
    else if (this.kind() === kind || this.counts().degraded > 0) this.forced.add(kind);
  }

  /** Objects that a member is still to get; of those that it has not listed yet an estimate. */
  lackedBy(osd: number): number {
    const { state, view } = this.scope;
    const missing = this.missingOf(osd).size;
    const frontier = this.frontierOf(osd);
    if (!frontier) return missing;
    const unlisted = 1 - shareBefore(state.pgid, view.pgCount, frontier.cursor);
    return Math.min(state.totals.objects, missing + Math.ceil(unlisted * state.totals.objects));
  }

  /** Which kind of recovery comes next; undefined: nothing is lacking. */
  kind(): RecoveryKind | undefined {
    return kindOf(this.lacking((osd) => this.lacksSome(osd)));
  }

  /** What may be copied in the background now; undefined: nothing. */
  need(): RecoveryNeed | undefined {
    const { host, view, state, recovery } = this.scope;
    if (this.kind() === undefined) this.forced.clear();
    // A place is held by who can use it: not while all that is known to be lacking is nowhere, or has yet to be listed.
    const lacking = recovery.isReady
      ? this.lacking((osd) => recovery.canBring(this.missingOf(osd)))
      : [];
    if (lacking.length === 0) return undefined;
    return needOf({
      self: host.id,
      lacking,
      isDegraded: this.counts().degraded > 0,
      size: view.size,
      minSize: view.minSize,
      acting: view.acting.length,
      whole: view.acting.length - lacking.length + this.otherHolders().length,
      forced: this.forced,
      orders: host.recoveryOrders(state.pgid.pool),
    });
  }

  /** Who is up and has all of the PG, be it meant to hold it or not; ascending. */
  whole(): number[] {
    if (!this.isPeered) return [];
    const members = this.scope.view.acting.filter((osd) => osd >= 0 && !this.lacksSome(osd));
    return [...new Set([...members, ...this.otherHolders()])].sort((a, b) => a - b);
  }

  /** Copies that are missing, and copies that are elsewhere than they should be. */
  counts(): { degraded: number; misplaced: number } {
    const { view, state } = this.scope;
    if (!this.isPeered) return { degraded: 0, misplaced: 0 };
    return countCopies({
      size: view.size,
      objects: state.totals.objects,
      targets: view.up.map((osd) => ({ osd, lacks: this.lackedBy(osd) })),
      others: this.otherHolders().map((osd) => ({ osd, lacks: 0 })),
    });
  }

  private get isPeered(): boolean {
    const { name } = this.scope.peering.phase;
    return name === 'active' || name === 'peered';
  }

  private lacking(lacks: (osd: number) => boolean): Lacking[] {
    if (!this.isPeered) return [];
    const { view, peering } = this.scope;
    return view.acting.filter(lacks).map((osd) => ({ osd, imports: peering.imports(osd) }));
  }

  private lacksSome(osd: number): boolean {
    return this.missingOf(osd).size > 0 || this.frontierOf(osd) !== undefined;
  }

  private missingOf(osd: number): MissingSet {
    const { host, state, peering } = this.scope;
    return osd === host.id ? state.missing : (peering.missing.get(osd) ?? NOTHING);
  }

  /** How far a member has listed; undefined: it knows of all objects. */
  private frontierOf(osd: number): Frontier | undefined {
    const { host, state, peering } = this.scope;
    if (osd !== host.id) return peering.frontiers.get(osd);
    return state.import && !state.import.isListed ? state.import.frontier : undefined;
  }

  /** Who is not meant to hold the PG, but does. */
  private otherHolders(): number[] {
    const { host, view, state, peering, strays } = this.scope;
    return [...new Map([...strays.infos, ...peering.infos])].flatMap(([osd, info]) => {
      const isOther = !view.up.includes(osd) && osd !== host.id && host.isUp(osd);
      const isWhole = !isBlank(info) && !info.import && state.log.reaches(info.lastUpdate);
      return isOther && isWhole ? [osd] : [];
    });
  }
}
