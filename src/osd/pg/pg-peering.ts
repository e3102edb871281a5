import {
  compareEVersion,
  type EVersion,
  HOBJECT_MIN,
  type MessageOf,
  outgoing,
} from '../../wire/index.ts';
import { ASK, MPgActivate, type MPgInfo, MPgQuery } from '../peer-messages.ts';
import type { Recovery } from '../recovery/recovery.ts';
import type { RecoveryPlaces } from '../recovery/recovery-places.ts';
import type { OpPipeline } from '../requests/op-pipeline.ts';
import type { PgScrubber } from '../scrub/pg-scrubber.ts';
import type { ScrubMember } from '../scrub/scrub-member.ts';
import type { Recount } from '../shard/recount.ts';
import { Certainty } from './certainty.ts';
import type { Flushes } from './flushes.ts';
import type { PgView } from './intervals.ts';
import { Peering } from './peering.ts';
import type { PeeringEffect, PeeringInput } from './peering-steps.ts';
import type { Holdings } from './pg-holdings.ts';
import type { PgHost } from './pg-host.ts';
import type { PgInfo } from './pg-info.ts';
import type { PgMember } from './pg-member.ts';
import type { Milestones } from './pg-milestones.ts';
import type { PgState } from './pg-state.ts';
import type { Announcement, Strays } from './pg-strays.ts';
import { Witnesses } from './witnesses.ts';

/** What peering sees of its PG. */
export interface RoundsScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly view: PgView;
  readonly isPrimary: boolean;
  readonly isClean: boolean;
  readonly member: PgMember;
  readonly recovery: Recovery;
  readonly places: RecoveryPlaces;
  readonly pipeline: OpPipeline;
  readonly flushes: Flushes;
  readonly holdings: Holdings;
  readonly milestones: Milestones;
  readonly strays: Strays;
  readonly recount: Recount;
  readonly announcement: Announcement;
  readonly scrubber: PgScrubber;
  readonly scrubMember: ScrubMember;
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** The PG is in another phase. */
  phaseChanged(): void;
}

/**
 * Drives the peering machine of a PG: begins a round when the members or those who can speak for the past change, runs
 * what the machine decides, and starts service, recovery and cleaning up when it is through.
 */
export class PeeringRounds {
  readonly machine: Peering;
  /** The other acting members, as of the newest round. */
  replicas: readonly number[] = [];
  /** The interval has begun: no later map of the same batch ended it. */
  isSettled = false;
  private readonly scope: RoundsScope;
  private round = 0;
  private readonly witnesses: Witnesses;
  private readonly certainty: Certainty;

  constructor(scope: RoundsScope) {
    this.scope = scope;
    const { host, state } = scope;
    this.machine = new Peering({
      id: host.id,
      get info() {
        return state.current();
      },
      get log() {
        return state.log;
      },
    });
    this.witnesses = new Witnesses(scope, this.machine);
    this.certainty = new Certainty(host, state);
  }

  isCurrent(round: number): boolean {
    return round === this.round;
  }

  /** The primary begins a round; a member tells it that it is there. */
  settle(): void {
    const { isPrimary, view, announcement } = this.scope;
    this.isSettled = true;
    if (isPrimary) this.start();
    else if (view.primary >= 0) this.whenSure(() => announcement.begin());
  }

  /** A map in which the members are the same, but somebody else came or went. */
  othersMoved(): void {
    if (!this.isSettled) return;
    if (!this.scope.isPrimary) return this.scope.announcement.livesOn();
    if (!this.witnesses.haveChanged()) return;
    this.witnesses.forgetLives();
    const phase = this.machine.phase.name;
    if (phase !== 'active' && phase !== 'peered') this.start();
    else if (this.scope.holdings.lacksAnything()) {
      // A copy may wait in vain.
      this.witnesses.note();
      this.scope.recovery.stop();
      this.scope.recovery.start();
      this.scope.pipeline.wantAgain();
      this.scope.member.importer.sourcesChanged();
      for (const osd of this.machine.consulted) {
        if (this.isOutside(osd) && !this.machine.infos.has(osd)) this.ask(osd, ASK.info, undefined);
      }
    }
  }

  private isOutside(osd: number): boolean {
    const { host, view } = this.scope;
    return osd !== host.id && host.isUp(osd) && !view.acting.includes(osd);
  }

  /** Begins a round: what was under way in this interval is held, and asked again. */
  start(): void {
    const { scope } = this;
    const { host, view } = scope;
    this.round++;
    scope.recount.stop();
    scope.recovery.stop();
    scope.places.stop();
    scope.pipeline.stop(true);
    // After the pipeline: writes that a scrub holds must not go on now.
    scope.scrubber.stop();
    scope.flushes.stop();
    this.replicas = view.acting.filter((o) => o !== host.id);
    scope.member.stop();
    this.step({ kind: 'stop' });
    const { round } = this;
    this.whenSure(() => {
      if (round !== this.round) return;
      // Those that are down cannot be asked for their logs; they announce themselves when they are back.
      const known = new Map([...scope.strays.infos].filter(([osd]) => host.isUp(osd)));
      this.step({ kind: 'start', view: scope.view, others: host, known });
    });
  }

  /** The map shows the primary alive in this interval. */
  vouchedFor(): void {
    this.step({ kind: 'vouchedFor' });
  }

  endInterval(): void {
    const { scope } = this;
    this.isSettled = false;
    this.certainty.stop();
    this.witnesses.clear();
    scope.strays.clear();
    scope.recount.stop();
    scope.recovery.stop();
    scope.places.intervalEnded();
    scope.pipeline.stop(scope.isPrimary);
    scope.scrubber.stop();
    scope.scrubMember.stop();
    scope.flushes.stop();
    scope.member.stop();
    scope.announcement.stop();
    this.machine.step({ kind: 'stop' });
  }

  onInfo(from: number, m: MessageOf<typeof MPgInfo>): void {
    const { isPrimary, strays } = this.scope;
    if (!isPrimary || (m.round !== 0 && m.round !== this.round)) return;
    this.witnesses.heard(from);
    if (m.round === 0) strays.announced(from, m.info);
    this.step({ kind: 'info', from, info: m.info });
    if (this.scope.isClean) strays.remove();
    else this.holderCame(from, m.info);
  }

  /** What we lack may be there. */
  private holderCame(osd: number, info: PgInfo): void {
    const { state, member, recovery } = this.scope;
    const { import: importing, log } = state;
    if (importing && log.reaches(info.lastUpdate) && isNotBelow(info.lastUpdate, importing.base)) {
      importing.addSource(osd);
      member.importer.sourcesChanged();
    }
    if (recovery.unfoundCount > 0) recovery.retryUnfound();
  }

  /** What a peer answers to a question of a round. */
  answered(round: number, input: PeeringInput): void {
    if (round === this.round) this.step(input);
  }

  /** See Certainty. */
  whenSure(then: () => void): void {
    this.certainty.when(() => this.isSettled && then());
  }

  /** Nobody lacks an object any more. */
  allRecovered(): void {
    const { scope } = this;
    const { host, state, view } = scope;
    // Those who should be members serve one round after they become it, with or without data: nobody is better in their
    // place for longer than it takes to bring what is lacking already.
    if (view.acting.join() !== view.up.join()) host.askMon({ kind: 'noTemp', pgid: state.pgid });
    if (!scope.isClean) return;
    scope.scrubber.recovered();
    scope.recount.start();
    if (scope.milestones.clean()) host.log('info', 'clean', { pg: state.c });
    scope.strays.remove();
    if (view.isMerging) host.mergeChanged();
    scope.phaseChanged();
  }

  private step(input: PeeringInput): void {
    const phase = this.machine.phase.name;
    const effects = this.machine.step(input);
    if (phase !== this.machine.phase.name) this.scope.phaseChanged();
    this.witnesses.note();
    for (const effect of effects) this.run(effect);
  }

  private run(effect: PeeringEffect): void {
    switch (effect.kind) {
      case 'askInfo':
        return this.ask(effect.to, ASK.info, undefined);
      case 'askLog':
        return this.ask(effect.to, ASK.log, effect.since);
      case 'adopt':
        return this.adopt(effect);
      case 'activate':
        return this.activate(effect);
      case 'askUpThru':
        return this.scope.host.askMon({ kind: 'upThru', epoch: this.scope.state.info.since });
      case 'serve':
        return this.serve(effect.writeable);
    }
  }

  private ask(to: number, ask: number, logSince: EVersion | undefined): void {
    const { host } = this.scope;
    const head = { ...this.scope.header(), round: this.round };
    const nowhere = { cursor: HOBJECT_MIN, end: HOBJECT_MIN };
    host.send(to, outgoing(MPgQuery, { ...head, ask, logSince, ...nowhere }));
  }

  private adopt({ from, how }: Extract<PeeringEffect, { kind: 'adopt' }>): void {
    const { host, state, member } = this.scope;
    const { since } = state.info;
    const { round } = this;
    const merged = (): void => {
      if (since === state.info.since && round === this.round) this.step({ kind: 'merged' });
    };
    const ops = member.catchUp(how);
    const { totals, isEstimated } = this.machine.infos.get(from)!;
    state.stand(totals, isEstimated);
    void host.submit([...ops, state.saveInfo()]).then(merged);
  }

  private activate(effect: Extract<PeeringEffect, { kind: 'activate' }>): void {
    const { host, state, member } = this.scope;
    const { how, to, writeable } = effect;
    const { round } = this;
    if (to === host.id) {
      member.activate(writeable, state.info.since, how.sources, () => {
        if (!this.isCurrent(round)) return;
        const { missing } = state;
        member.startImport(round);
        this.step({ kind: 'activated', from: to, missing, frontier: undefined });
      });
      return;
    }
    const message = {
      ...this.scope.header(),
      round,
      lease: host.lease(),
      writeable,
      isWhole: how.kind === 'import',
      base: how.base,
      entries: how.entries.map((i) => i.bytes),
      sources: [...how.sources],
      dups: [...how.dups],
      totals: state.totals,
      isEstimated: state.info.isEstimated,
    };
    host.send(to, outgoing(MPgActivate, message));
  }

  private serve(writeable: boolean): void {
    const { host, state, view, milestones, pipeline, holdings, recovery } = this.scope;
    const { since } = state.info;
    host.log('info', writeable ? 'active' : 'peered', { pg: state.c, since });
    // First, since what clients ask for may have to be brought.
    if (holdings.lacksAnything()) recovery.start();
    if (writeable && view.isMerging) {
      milestones.started();
      host.mergeChanged();
    } else if (writeable) {
      milestones.started();
      this.scope.scrubber.serve([...this.machine.infos.values()].map((i) => i.scrub));
      pipeline.serve();
    }
    if (!holdings.lacksAnything()) this.allRecovered();
  }
}

function isNotBelow(a: EVersion, b: EVersion): boolean {
  return compareEVersion(a, b) >= 0;
}
