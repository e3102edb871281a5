import { unreachable } from '../errors/index.ts';
import { compareEVersion, type EVersion } from '../wire/index.ts';
import { type Interval, joinHistories, type Others, type PgView, priorSet } from './intervals.ts';
import type { Logged } from './logged.ts';
import type { MissingSet } from './missing.ts';
import { isBlank, type PgInfo } from './pg-info.ts';
import type { PgLog } from './pg-log.ts';

/**
 * What the primary of a PG does after every change of its members: find the history that holds every answered write,
 * take it over, give it to every member, and only then serve. A write is answered when all acting members have it, so
 * the newest log among those who last began to serve holds all answered writes. Pure: the driver runs the effects and
 * feeds the results back. Source of the rules: PeeringState.cc (find_best_info, build_prior, activate), 16.2.
 */

export type PeeringPhase =
  | { readonly name: 'idle' }
  | { readonly name: 'asking'; readonly waiting: ReadonlySet<number> }
  /** An interval that may hold writes has no member that is up. */
  | { readonly name: 'down'; readonly blockedBy: ReadonlySet<number> }
  /** Nobody who is up holds the whole history. */
  | { readonly name: 'incomplete' }
  | { readonly name: 'fetching'; readonly from: number }
  | { readonly name: 'merging' }
  | { readonly name: 'comparing'; readonly waiting: Set<number> }
  | { readonly name: 'activating'; readonly waiting: Set<number>; readonly writeable: boolean }
  /** All members are ready; the map does not show yet that this primary is alive in this interval. */
  | { readonly name: 'waitingForUpThru' }
  | { readonly name: 'active' }
  /** Members agree, but are too few for writes; objects are recovered meanwhile. */
  | { readonly name: 'peered' };

/** A log as a peer sends it: everything after `tail`. */
export interface RemoteLog {
  readonly tail: EVersion;
  readonly entries: readonly Logged[];
}

export type PeeringInput =
  | { readonly kind: 'start'; readonly view: PgView; readonly others: Others }
  | { readonly kind: 'stop' }
  | { readonly kind: 'info'; readonly from: number; readonly info: PgInfo }
  | { readonly kind: 'log'; readonly from: number; readonly log: RemoteLog }
  /** Our own log is now the authoritative one, durable. */
  | { readonly kind: 'merged' }
  /** The map shows us alive in this interval: others will ask for what is written in it. */
  | { readonly kind: 'vouchedFor' }
  | {
      readonly kind: 'activated';
      readonly from: number;
      readonly complete: boolean;
      readonly missing: MissingSet;
    };

/** How a member gets from its log to ours. */
export type CatchUp =
  | { readonly kind: 'log'; readonly base: EVersion; readonly entries: readonly Logged[] }
  | { readonly kind: 'resync'; readonly tail: EVersion; readonly entries: readonly Logged[] };

export type PeeringEffect =
  | { readonly kind: 'askInfo'; readonly to: number }
  /** `since`: enough if the peer's log reaches it; undefined asks for the whole log. */
  | { readonly kind: 'askLog'; readonly to: number; readonly since: EVersion | undefined }
  /** Make our own log the authoritative one, durably; then input `merged`. */
  | { readonly kind: 'adopt'; readonly from: number; readonly how: CatchUp }
  /** Also to ourselves. Durable there before the answer `activated`. */
  | {
      readonly kind: 'activate';
      readonly to: number;
      readonly how: CatchUp;
      readonly writeable: boolean;
    }
  /** Have the map show us alive in this interval; `vouchedFor` follows. */
  | { readonly kind: 'askUpThru' }
  | { readonly kind: 'serve'; readonly writeable: boolean };

/** The authoritative member's number; undefined when nobody qualifies. */
function findBest(
  infos: ReadonlyMap<number, PgInfo>,
  preference: readonly number[],
): number | undefined {
  let lastStarted = 0;
  for (const info of infos.values()) lastStarted = Math.max(lastStarted, info.lastEpochStarted);
  if (lastStarted === 0) return undefined;
  const rank = (osd: number): number => {
    const at = preference.indexOf(osd);
    return at < 0 ? preference.length : at;
  };
  let best: [number, PgInfo] | undefined;
  for (const [osd, info] of infos) {
    // Who last began to serve has every write answered before; an older one may lack some.
    if (!info.complete || info.lastEpochStarted < lastStarted) continue;
    if (best) {
      const order =
        compareEVersion(info.lastUpdate, best[1].lastUpdate) ||
        -compareEVersion(info.logTail, best[1].logTail) ||
        rank(best[0]) - rank(osd);
      if (order <= 0) continue;
    }
    best = [osd, info];
  }
  return best?.[0];
}

/** The member's own state, which the driver keeps current. */
export interface PeeringSelf {
  readonly id: number;
  readonly info: PgInfo;
  readonly log: PgLog;
}

export class Peering {
  phase: PeeringPhase = { name: 'idle' };
  /** What each member said, ourselves not included. */
  readonly infos = new Map<number, PgInfo>();
  /** Of each acting member that activated, ourselves included. */
  readonly missing = new Map<number, MissingSet>();
  /** Acting members in the middle of a whole resync. */
  readonly incomplete = new Set<number>();
  private readonly asked = new Set<number>();
  private readonly plans = new Map<number, CatchUp>();
  private view: PgView | undefined;
  private others: Others = { isUp: () => false, lostAt: () => 0 };
  private readonly self: PeeringSelf;

  constructor(self: PeeringSelf) {
    this.self = self;
  }

  /** Everyone whose death could change the outcome. */
  get consulted(): ReadonlySet<number> {
    return this.asked;
  }

  step(input: PeeringInput): PeeringEffect[] {
    switch (input.kind) {
      case 'start':
        this.reset();
        this.view = input.view;
        this.others = input.others;
        return this.evaluate();
      case 'stop':
        this.reset();
        return [];
      case 'info': {
        this.infos.set(input.from, input.info);
        const p = this.phase.name;
        return p === 'asking' || p === 'down' || p === 'incomplete' ? this.evaluate() : [];
      }
      case 'log':
        if (this.phase.name === 'fetching' && this.phase.from === input.from) {
          return this.adopt(input.from, input.log);
        }
        return this.phase.name === 'comparing' && this.phase.waiting.delete(input.from)
          ? this.compared(input.from, input.log, this.phase.waiting)
          : [];
      case 'merged':
        return this.phase.name === 'merging' ? this.compare() : [];
      case 'activated': {
        const phase = this.phase;
        if (phase.name !== 'activating' || !phase.waiting.delete(input.from)) return [];
        this.missing.set(input.from, input.missing);
        if (!input.complete) this.incomplete.add(input.from);
        if (phase.waiting.size > 0) return [];
        // What is written, or even read, in an interval that nobody asks about later would be taken back.
        if (!phase.writeable || this.self.info.isVouchedFor) return this.serve(phase.writeable);
        this.phase = { name: 'waitingForUpThru' };
        return [];
      }
      case 'vouchedFor':
        return this.phase.name === 'waitingForUpThru' ? this.serve(true) : [];
      default:
        return unreachable(input);
    }
  }

  private reset(): void {
    this.phase = { name: 'idle' };
    this.infos.clear();
    this.missing.clear();
    this.incomplete.clear();
    this.asked.clear();
    this.plans.clear();
  }

  private evaluate(): PeeringEffect[] {
    const view = this.view!;
    const infos = new Map(this.infos).set(this.self.id, this.self.info);
    let started = 0;
    for (const i of infos.values()) started = Math.max(started, i.started);
    const history = joinHistories([...infos.values()].map((i) => i.history));
    // A member that holds nothing can only speak for an interval if its disk is the one of then: all members write
    // down that they begin to serve before any does, so that interval never served. A replaced disk knows nothing.
    const isWitness = (osd: number, interval: Interval): boolean => {
      const info = infos.get(osd);
      if (!isBlank(info)) return true;
      return info!.storeSince > 0 && info!.storeSince <= interval.oldest;
    };
    const prior = priorSet(view, history, started, this.others, isWitness);
    const effects: PeeringEffect[] = [];
    for (const to of prior.ask) {
      if (to === this.self.id || this.asked.has(to)) continue;
      this.asked.add(to);
      if (!this.infos.has(to)) effects.push({ kind: 'askInfo', to });
    }
    const waiting = new Set([...this.asked].filter((o) => !this.infos.has(o)));
    if (waiting.size > 0) {
      this.phase = { name: 'asking', waiting };
      return effects;
    }
    if (prior.blockedBy.size > 0) {
      this.phase = { name: 'down', blockedBy: prior.blockedBy };
      return effects;
    }
    const best = findBest(infos, view.acting);
    if (best === undefined) {
      this.phase = { name: 'incomplete' };
      return effects;
    }
    if (best === this.self.id) return [...effects, ...this.compare()];
    this.phase = { name: 'fetching', from: best };
    // What an interrupted resync left behind is no base for anything.
    const since = this.self.info.complete ? this.self.log.head : undefined;
    return [...effects, { kind: 'askLog', to: best, since }];
  }

  private adopt(from: number, log: RemoteLog): PeeringEffect[] {
    this.phase = { name: 'merging' };
    const versions = log.entries.map((e) => e.version);
    const base = this.self.info.complete
      ? this.self.log.newestCommon(log.tail, versions)
      : undefined;
    const how: CatchUp = base
      ? { kind: 'log', base, entries: entriesAfter(log.entries, base) }
      : { kind: 'resync', ...log };
    return [{ kind: 'adopt', from, how }];
  }

  /** Our log is the authoritative one: how far is each acting member from it? */
  private compare(): PeeringEffect[] {
    const effects: PeeringEffect[] = [];
    const waiting = new Set<number>();
    for (const osd of this.view!.acting) {
      const info = this.infos.get(osd);
      if (osd === this.self.id) this.plan(osd, this.self.log.head);
      else if (!info?.complete) this.plan(osd, undefined);
      else if (this.self.log.reaches(info.lastUpdate)) this.plan(osd, info.lastUpdate);
      else {
        waiting.add(osd);
        effects.push({ kind: 'askLog', to: osd, since: undefined });
      }
    }
    this.phase = { name: 'comparing', waiting };
    return waiting.size > 0 ? effects : this.activate();
  }

  private compared(from: number, log: RemoteLog, waiting: Set<number>): PeeringEffect[] {
    const versions = log.entries.map((e) => e.version);
    this.plan(from, this.self.log.newestCommon(log.tail, versions));
    return waiting.size > 0 ? [] : this.activate();
  }

  private plan(osd: number, base: EVersion | undefined): void {
    const { log } = this.self;
    this.plans.set(
      osd,
      base
        ? { kind: 'log', base, entries: log.after(base) }
        : { kind: 'resync', tail: log.tail, entries: log.after(log.tail) },
    );
  }

  private activate(): PeeringEffect[] {
    const view = this.view!;
    const whole = view.acting.filter((osd) =>
      osd === this.self.id ? this.self.info.complete : this.plans.get(osd)?.kind === 'log',
    );
    const writeable = whole.length >= view.minSize;
    this.phase = { name: 'activating', waiting: new Set(view.acting), writeable };
    const effects: PeeringEffect[] = view.acting.map((to) => ({
      kind: 'activate',
      to,
      how: this.plans.get(to)!,
      writeable,
    }));
    // Not before: an interval that comes to nothing must not be one that is waited for.
    if (writeable && !this.self.info.isVouchedFor) effects.push({ kind: 'askUpThru' });
    return effects;
  }

  private serve(writeable: boolean): PeeringEffect[] {
    this.phase = { name: writeable ? 'active' : 'peered' };
    return [{ kind: 'serve', writeable }];
  }
}

function entriesAfter(entries: readonly Logged[], base: EVersion): Logged[] {
  return entries.filter((e) => compareEVersion(e.version, base) > 0);
}
