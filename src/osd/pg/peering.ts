import { unreachable } from '../../errors/index.ts';
import { compareEVersion, type EVersion } from '../../wire/index.ts';
import type { Logged } from '../log/logged.ts';
import type { PgLog } from '../log/pg-log.ts';
import type { Frontier, ImportInfo } from '../recovery/import.ts';
import { findBest, importedFrom, type SourceScene, sourcesFor } from './authority.ts';
import { type Interval, joinHistories, type Others, type PgView, priorSet } from './intervals.ts';
import type { MissingSet } from './missing.ts';
import type {
  CatchUp,
  PeeringEffect,
  PeeringInput,
  PeeringPhase,
  RemoteLog,
} from './peering-steps.ts';
import { isBlank, type PgInfo } from './pg-info.ts';

/** The member's own state, which the driver keeps current. */
export interface PeeringSelf {
  readonly id: number;
  readonly info: PgInfo;
  readonly log: PgLog;
}

const NO_PAST = { history: [], down: new Set<number>() };

/**
 * What the primary of a PG does after every change of its members: find the history that holds every answered write,
 * take it over, give it to every member, and only then serve. A write is answered when all acting members have it, so
 * the newest log among those who last began to serve holds all answered writes. Pure: the driver runs the effects and
 * feeds the results back. Source of the rules: PeeringState.cc (find_best_info, build_prior, activate), 16.2.
 */
export class Peering {
  phase: PeeringPhase = { name: 'idle' };
  /** What each member said, ourselves not included. */
  readonly infos = new Map<number, PgInfo>();
  /** Of each acting member that activated, ourselves included. */
  readonly missing = new Map<number, MissingSet>();
  /** How far the other acting members have listed that import. */
  readonly frontiers = new Map<number, Frontier>();
  /** What this round found out of the past: intervals that may hold writes, and their members that are down. */
  past: { readonly history: readonly Interval[]; readonly down: ReadonlySet<number> } = NO_PAST;
  private readonly asked = new Set<number>();
  private readonly plans = new Map<number, CatchUp>();
  /** Holders of the past that the authoritative member's import names; they may be down. */
  private inherited: ImportInfo | undefined;
  private view: PgView | undefined;
  private others: Others = { isUp: () => false, lostAt: () => 0 };
  private readonly self: PeeringSelf;

  constructor(self: PeeringSelf) {
    this.self = self;
  }

  /** Everyone whose death could change the outcome. */
  get consulted(): ReadonlySet<number> {
    return new Set([...this.asked, ...this.infos.keys()]);
  }

  /** An acting member that compares all objects, or has yet to get some that it learned of so. */
  imports(osd: number): boolean {
    if (osd === this.self.id) return this.self.info.import !== undefined;
    return this.plans.get(osd)?.kind === 'import' || this.infos.get(osd)?.import !== undefined;
  }

  step(input: PeeringInput): PeeringEffect[] {
    switch (input.kind) {
      case 'start':
        this.reset();
        this.view = input.view;
        this.others = input.others;
        for (const [osd, info] of input.known) this.infos.set(osd, info);
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
        if (input.frontier) this.frontiers.set(input.from, input.frontier);
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
    this.frontiers.clear();
    this.asked.clear();
    this.plans.clear();
    this.inherited = undefined;
    this.past = NO_PAST;
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
    this.past = { history: history.filter((i) => i.last >= started), down: prior.down };
    const effects: PeeringEffect[] = [];
    for (const to of [
      ...prior.ask,
      ...importedFrom(infos).filter((osd) => this.others.isUp(osd)),
    ]) {
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
    this.inherited = infos.get(best)!.import;
    if (best === this.self.id) return [...effects, ...this.compare()];
    this.phase = { name: 'fetching', from: best };
    return [...effects, { kind: 'askLog', to: best, since: this.self.log.head }];
  }

  private adopt(from: number, log: RemoteLog): PeeringEffect[] {
    this.phase = { name: 'merging' };
    const versions = log.entries.map((e) => e.version);
    const base = this.self.log.newestCommon(log.tail, versions);
    // In case that we do not come to activate, which tells more of them.
    const sources = [from, ...(this.inherited?.sources ?? [])].filter((o) => o !== this.self.id);
    const how: CatchUp = base
      ? { kind: 'log', base, entries: entriesAfter(log.entries, base), sources: [from], dups: [] }
      : { kind: 'import', base: log.tail, entries: log.entries, sources, dups: log.dups };
    return [{ kind: 'adopt', from, how }];
  }

  /** Our log is the authoritative one: how far is each acting member from it? */
  private compare(): PeeringEffect[] {
    const effects: PeeringEffect[] = [];
    const waiting = new Set<number>();
    for (const osd of this.view!.acting) {
      const info = this.infos.get(osd);
      if (osd === this.self.id) this.plan(osd, this.self.log.head);
      else if (info && this.self.log.reaches(info.lastUpdate)) this.plan(osd, info.lastUpdate);
      else if (isBlank(info)) this.plan(osd, undefined);
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

  private plan(osd: number, common: EVersion | undefined): void {
    const { log } = this.self;
    const base = common ?? log.tail;
    const its = osd === this.self.id ? this.self.info.import : this.infos.get(osd)?.import;
    const sources = !common
      ? sourcesFor(this.scene, osd, base)
      : its
        ? sourcesFor(this.scene, osd, compareEVersion(its.base, base) < 0 ? its.base : base)
        : [];
    this.plans.set(osd, {
      kind: common ? 'log' : 'import',
      base,
      entries: log.after(base),
      sources,
      dups: common ? [] : log.dups.all,
    });
  }

  private get scene(): SourceScene {
    const { self, inherited } = this;
    const infos = new Map(this.infos).set(self.id, self.info);
    return { self: self.id, log: self.log, infos, inherited };
  }

  /**
   * Every acting member counts for min_size, whether it has its objects or not. That is safe: what is answered from now
   * on is durable on all of them, since a member is given an object before it is changed; and what was answered before
   * is where it was: in the log that all of them have taken over, and on the holders that it came from, of which none is
   * told to drop anything before all members have everything. If the last holder of an object is lost, that object is
   * unfound, as it would be had nobody served meanwhile. A PG is `down` when a stretch of time that may hold writes has
   * no witness, and `incomplete` when nobody who is up has ever served it: then nobody knows what was written.
   */
  private activate(): PeeringEffect[] {
    const view = this.view!;
    const writeable = view.acting.length >= view.minSize;
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
