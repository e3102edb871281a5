import type { Timer } from '../../runtime/index.ts';
import type { StoreOp } from '../../store/index.ts';
import { compareHObject, HOBJECT_MAX, type HObject, outgoing } from '../../wire/index.ts';
import { ASK, MPgQuery } from '../peer-messages.ts';
import type { MissingItem } from '../pg/missing.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import { placeAt, shareBefore } from './hash-order.ts';
import type { Import, ListedObjects } from './import.ts';
import { objectsBetween, usableVersion } from './listing.ts';
import { ListingPlan, type Stretch } from './listing-plan.ts';

/** A source that has not answered for so long is left for others. */
const ANSWER_MS = 2000;
/** When nobody could tell what comes next, all are asked again after this. */
const RETRY_MS = 500;

/** What an importing member tells of its listing. */
export interface ImporterScope {
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** So much more is known: up to `cursor`, and that these objects are missing. */
  listed(cursor: HObject, lacking: readonly MissingItem[]): void;
  /** As primary: members that have taken our log over. They may have listed what we have not. */
  followers(): readonly number[];
}

/** How far a source is that a member imports from. */
export type SourceState = 'starting' | 'importing' | 'silent';

/**
 * Lists what an importing member is to have, page by page, from all sources at once. Runs beside service; objects that
 * are needed sooner are asked for one by one.
 */
export class Importer {
  private readonly host: PgHost;
  private readonly state: PgState;
  private readonly scope: ImporterScope;
  private readonly plan = new ListingPlan((from) => this.endOf(from));
  private round: number | undefined;
  /** Have listed something in this interval. */
  private readonly answered = new Set<number>();
  /** Could not go on from where we are. */
  private readonly tried = new Set<number>();
  /** Have said that they know nothing of what comes next. */
  private readonly spent = new Set<number>();
  private isStallTold = false;
  /** By the source that is to answer. */
  private readonly overdue = new Map<number, Timer>();
  private retry: Timer | undefined;

  constructor(host: PgHost, state: PgState, scope: ImporterScope) {
    this.host = host;
    this.state = state;
    this.scope = scope;
  }

  /** Begins, or goes on in another round of the interval. */
  start(round: number): void {
    this.stop();
    this.round = round;
    this.ask();
  }

  stop(): void {
    this.round = undefined;
    this.rest();
    this.answered.clear();
    this.tried.clear();
    this.spent.clear();
    this.isStallTold = false;
  }

  /** Somebody who may know more is there, and is asked at once; or who was asked is there no more. */
  sourcesChanged(): void {
    for (const osd of [...this.overdue.keys()]) if (!this.host.isUp(osd)) this.giveUpOn(osd);
    this.tried.clear();
    this.spent.clear();
    this.ask();
  }

  sourceState(osd: number): SourceState {
    if (this.spent.has(osd)) return 'silent';
    if (this.answered.has(osd)) return 'importing';
    return this.tried.has(osd) ? 'silent' : 'starting';
  }

  /** Nobody who is up knows what comes next: one who is down must come back, or the rest be given up. */
  get isStalled(): boolean {
    const { host } = this;
    if (!this.listing) return false;
    return this.candidates().every((osd) => !host.isUp(osd) || this.spent.has(osd));
  }
  /** It has said that it knows nothing of what comes next. */
  isSpent(osd: number): boolean {
    return this.spent.has(osd);
  }

  onList(from: number, round: number, page: ListedObjects): void {
    const importing = this.listing;
    if (round !== this.round || !importing || !this.candidates().includes(from)) return;
    const { cursor } = importing.frontier;
    const hasNothing = this.plan.listed(from, cursor, page);
    if (!this.plan.isAsked(from)) this.stopTimer(from);
    if (!hasNothing) this.answered.add(from);
    else if (compareHObject(page.from, cursor) === 0) {
      this.tried.add(from);
      this.spent.add(from);
    }
    for (;;) {
      const next = this.plan.take(importing.frontier.cursor);
      if (!next) break;
      this.take(importing, next);
    }
    this.ask();
  }

  /**
   * Nobody will ever tell what else there was: the import ends with what is known, and what is here.
   * @returns what makes that durable; members are told by another round, or {@link ImporterScope.listed}
   */
  giveUp(): StoreOp[] {
    const { host, state } = this;
    const importing = state.import;
    if (!importing || importing.isListed) return [];
    const { cursor } = importing.frontier;
    host.log('error', 'objects that only lost OSDs had are given up', { pg: state.c });
    const rest = { from: cursor, objects: [], next: HOBJECT_MAX };
    // What is here of them stays, whatever its version: it is all there is.
    const { ops } = state.listed(importing, rest, [], () => undefined);
    // The log's totals count what is lost now.
    state.stand(state.totals, true);
    return [...ops, state.saveInfo()];
  }

  /** What there is to list in this round. */
  private get listing(): Import | undefined {
    const importing = this.state.import;
    return this.round === undefined || importing?.isListed ? undefined : importing;
  }

  private candidates(): number[] {
    const all = new Set([...(this.state.import?.sources ?? []), ...this.scope.followers()]);
    all.delete(this.host.id);
    return [...all];
  }

  /** The frontier moves behind the page. */
  private take(importing: Import, page: ListedObjects): void {
    const { host, state } = this;
    const news = importing.news(page);
    if (!news) return;
    const here = objectsBetween(host, state, news.from, news.next);
    const have = (oid: HObject) => usableVersion(host, state, oid);
    const { lacking, ops } = state.listed(importing, news, here, have);
    void host.submit(ops);
    this.tried.clear();
    this.spent.clear();
    this.isStallTold = false;
    this.scope.listed(news.next, lacking);
  }

  private ask(): void {
    const importing = this.listing;
    if (!importing) return this.rest();
    this.retry?.cancel();
    this.retry = undefined;
    const { host, plan } = this;
    const untried = this.candidates().filter((osd) => !this.tried.has(osd) && host.isUp(osd));
    for (const ask of plan.assign(importing.frontier.cursor, untried)) this.askFor(...ask);
    if (untried.length > 0) return;
    if (this.isGivenUp(importing.sources)) {
      void host.submit(this.giveUp());
      this.scope.listed(HOBJECT_MAX, []);
      return;
    }
    if (this.isStalled && !this.isStallTold) {
      this.isStallTold = true;
      host.statsChanged();
    }
    this.retry = host.clock.setTimer(RETRY_MS, () => {
      this.tried.clear();
      this.ask();
    });
  }

  private askFor(source: number, { from: cursor, end }: Stretch): void {
    const { host } = this;
    const about = { ...this.scope.header(), round: this.round!, ask: ASK.list };
    host.send(source, outgoing(MPgQuery, { ...about, logSince: undefined, cursor, end }));
    const late = (): void => {
      this.giveUpOn(source);
      this.tried.add(source);
      this.ask();
    };
    this.overdue.set(source, host.clock.setTimer(ANSWER_MS, late));
  }

  private stopTimer(source: number): void {
    this.overdue.get(source)?.cancel();
    this.overdue.delete(source);
  }
  private giveUpOn(source: number): void {
    this.stopTimer(source);
    this.plan.overdue(source);
  }

  /** Nobody is waited for. */
  private rest(): void {
    this.retry?.cancel();
    this.retry = undefined;
    for (const timer of this.overdue.values()) timer.cancel();
    this.overdue.clear();
    this.plan.clear();
  }

  /** About a page of objects further, if hashes are even and the PG's totals right: else pages are short, or many. */
  private endOf(from: HObject): HObject {
    const { pgid, totals, info } = this.state;
    const { pgCount } = info.view;
    const page = this.host.listMax / Math.max(1, totals.objects);
    const end = placeAt(pgid, pgCount, shareBefore(pgid, pgCount, from) + page);
    return compareHObject(end, from) > 0 ? end : HOBJECT_MAX;
  }

  /** All holders were declared lost, and no member has listed more of them than we have. */
  private isGivenUp(sources: readonly number[]): boolean {
    const followers = this.scope.followers();
    return (
      sources.some((osd) => this.host.isGivenUp(osd)) &&
      this.candidates().every(
        (osd) => this.host.isGivenUp(osd) || (followers.includes(osd) && this.spent.has(osd)),
      )
    );
  }
}
