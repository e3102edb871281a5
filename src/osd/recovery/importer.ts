import { CephError, DecodeError } from '../../errors/index.ts';
import type { Timer } from '../../runtime/index.ts';
import type { StoreOp } from '../../store/index.ts';
import {
  compareHObject,
  type EVersion,
  HOBJECT_MAX,
  type HObject,
  outgoing,
} from '../../wire/index.ts';
import { oidKey } from '../log/log-entry.ts';
import { ASK, MPgQuery } from '../peer-messages.ts';
import type { MissingItem } from '../pg/missing.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { listObjects, type PgState } from '../pg/pg-state.ts';
import type { ListedObjects } from './import.ts';
import { storedVersion } from './object-copy.ts';

/** A source that has not answered for so long is left for another. */
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
 * Lists what an importing member is to have, page by page, from one of the sources at a time: from the first as far as it
 * knows, then from the next. Runs beside service; objects that are needed sooner are asked for one by one.
 */
export class Importer {
  private readonly host: PgHost;
  private readonly state: PgState;
  private readonly scope: ImporterScope;
  private round: number | undefined;
  private asked: number | undefined;
  /** Have answered in this interval. */
  private readonly answered = new Set<number>();
  /** Could not go on from where we are. */
  private readonly tried = new Set<number>();
  /** Have said that they know nothing of what comes next. */
  private readonly spent = new Set<number>();
  private isStallTold = false;
  private timer: Timer | undefined;

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
    this.timer?.cancel();
    this.timer = undefined;
    this.round = undefined;
    this.asked = undefined;
    this.answered.clear();
    this.tried.clear();
    this.spent.clear();
    this.isStallTold = false;
  }

  /** Somebody who may know more is there: if we are at a loss, it is asked at once. */
  sourcesChanged(): void {
    this.tried.clear();
    this.spent.clear();
    if (this.round !== undefined && this.asked === undefined) this.ask();
  }

  sourceState(osd: number): SourceState {
    if (this.spent.has(osd)) return 'silent';
    if (this.answered.has(osd)) return 'importing';
    return this.tried.has(osd) ? 'silent' : 'starting';
  }

  /** Nobody who is up knows what comes next: one who is down must come back, or the rest be given up. */
  get isStalled(): boolean {
    const { host } = this;
    const importing = this.state.import;
    if (this.round === undefined || !importing || importing.isListed) return false;
    return this.candidates().every((osd) => !host.isUp(osd) || this.spent.has(osd));
  }
  /** It has said that it knows nothing of what comes next. */
  isSpent(osd: number): boolean {
    return this.spent.has(osd);
  }

  private candidates(): number[] {
    const all = new Set([...(this.state.import?.sources ?? []), ...this.scope.followers()]);
    all.delete(this.host.id);
    return [...all];
  }

  onList(from: number, round: number, page: ListedObjects): void {
    const { host, state } = this;
    const importing = state.import;
    if (round !== this.round || !importing || !this.candidates().includes(from)) return;
    this.answered.add(from);
    const news = importing.news(page);
    if (news) {
      const here = objectsBetween(host, state, news.from, news.next);
      const have = (oid: HObject): EVersion | undefined => {
        const version = versionHere(host, state, oid);
        return version === 'damaged' ? undefined : version;
      };
      const { lacking, ops } = state.listed(importing, news, here, have);
      void host.submit(ops);
      this.tried.clear();
      this.spent.clear();
      this.isStallTold = false;
      this.scope.listed(news.next, lacking);
    } else if (from === this.asked) {
      this.tried.add(from);
      this.spent.add(from);
    } else return;
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

  private ask(): void {
    const importing = this.state.import;
    this.timer?.cancel();
    this.timer = undefined;
    this.asked = undefined;
    if (this.round === undefined || !importing || importing.isListed) return;
    const { host } = this;
    const source = this.candidates().find((osd) => !this.tried.has(osd) && host.isUp(osd));
    if (source === undefined) {
      if (this.isGivenUp(importing.sources)) {
        void host.submit(this.giveUp());
        this.scope.listed(HOBJECT_MAX, []);
        return;
      }
      if (this.isStalled && !this.isStallTold) {
        this.isStallTold = true;
        host.statsChanged();
      }
      this.timer = host.clock.setTimer(RETRY_MS, () => {
        this.tried.clear();
        this.ask();
      });
      return;
    }
    this.asked = source;
    const { cursor } = importing.frontier;
    const query = { ...this.scope.header(), round: this.round, ask: ASK.list, cursor };
    host.send(source, outgoing(MPgQuery, { ...query, logSince: undefined }));
    this.timer = host.clock.setTimer(ANSWER_MS, () => {
      this.tried.add(source);
      this.ask();
    });
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

/** Objects with versions that a member knows of, here or missing, from `cursor` on: one page. */
export function listVersions(host: PgHost, state: PgState, cursor: HObject): ListedObjects {
  const page = listObjects(host.store, state.pgid, cursor, host.listMax);
  let next = page.next ?? HOBJECT_MAX;
  const own = state.import?.frontier.cursor;
  if (own && compareHObject(own, next) < 0) next = own;
  // Whoever is not that far itself can say nothing.
  if (compareHObject(next, cursor) <= 0) return { from: cursor, objects: [], next: cursor };
  const objects: MissingItem[] = [];
  for (const oid of page.objects) {
    if (compareHObject(oid, next) >= 0 || state.missing.has(oidKey(oid))) continue;
    const need = versionHere(host, state, oid);
    if (need === 'damaged') {
      // Here our word ends, and somebody else's begins.
      next = oid;
      break;
    }
    if (need) objects.push({ oid, need });
  }
  for (const item of state.missing.values()) {
    if (compareHObject(item.oid, cursor) < 0 || compareHObject(item.oid, next) >= 0) continue;
    objects.push(item);
  }
  objects.sort((a, b) => compareHObject(a.oid, b.oid));
  return { from: cursor, objects, next };
}

/** The version of an object that is here whole; its record may not be readable. */
export function versionHere(
  host: PgHost,
  state: PgState,
  oid: HObject,
): EVersion | 'damaged' | undefined {
  try {
    return storedVersion(host.store, state.c, oid);
  } catch (error) {
    if (!(error instanceof CephError || error instanceof DecodeError)) throw error;
    host.log('error', 'damaged object', { pg: state.c, object: oid.name, error });
    return 'damaged';
  }
}

function objectsBetween(host: PgHost, state: PgState, from: HObject, end: HObject): HObject[] {
  const out: HObject[] = [];
  let at: HObject | undefined = from;
  while (at) {
    const mine = listObjects(host.store, state.pgid, at, host.listMax);
    for (const oid of mine.objects) {
      if (compareHObject(oid, end) >= 0) return out;
      out.push(oid);
    }
    at = mine.next;
  }
  return out;
}
