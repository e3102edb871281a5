import type { IncomingMessage } from '../../msgr/index.ts';
import type { StoreOp } from '../../store/index.ts';
import type { EVersion, HObject, PgId, ScrubLsArg, ScrubLsResult } from '../../wire/index.ts';
import { isListingFull } from '../log/log-bounds.ts';
import type { OpOutcome } from '../ops/index.ts';
import { Recovery, type RecoveryScope } from '../recovery/recovery.ts';
import { type PlacesScope, RecoveryPlaces } from '../recovery/recovery-places.ts';
import type { RecoveryKind } from '../recovery/recovery-priority.ts';
import { RecoveryStatus } from '../recovery/recovery-status.ts';
import type { RecoveryNeed } from '../recovery/recovery-turn.ts';
import type { ClientOp } from '../requests/client-request.ts';
import { OpPipeline, type PipelineScope } from '../requests/op-pipeline.ts';
import { PgScrubber, type ScrubScope } from '../scrub/pg-scrubber.ts';
import { mendObject } from '../scrub/read-repair.ts';
import { ScrubMember } from '../scrub/scrub-member.ts';
import { Recount } from '../shard/recount.ts';
import { Flushes, type FlushScope } from './flushes.ts';
import { type PgView, sameMembers } from './intervals.ts';
import type { MissingItem, MissingSet } from './missing.ts';
import type { Peering } from './peering.ts';
import { Holdings } from './pg-holdings.ts';
import type { PgHost } from './pg-host.ts';
import { nextInfo } from './pg-life.ts';
import { PgMember } from './pg-member.ts';
import { routeMessage } from './pg-messages.ts';
import { Milestones } from './pg-milestones.ts';
import { PgPast } from './pg-past.ts';
import { PeeringRounds } from './pg-peering.ts';
import type { PgState } from './pg-state.ts';
import { Announcement, Strays } from './pg-strays.ts';
import { ToMembers } from './to-members.ts';

/** Reads and their KiB since this OSD started to serve the PG; writes are counted in the log. */
export interface ReadCounts {
  rd: number;
  rdKb: number;
}

/**
 * One PG on one OSD: takes it through the maps, and holds together peering, log, recovery and the pipeline of client
 * requests, each of which sees of the others what this front shows.
 */
export class Pg implements PipelineScope, RecoveryScope, FlushScope, PlacesScope, ScrubScope {
  readonly host: PgHost;
  readonly state: PgState;
  view: PgView;
  readonly rounds: PeeringRounds;
  readonly member: PgMember;
  readonly recovery: Recovery;
  readonly places: RecoveryPlaces;
  readonly recoveryStatus: RecoveryStatus;
  readonly pipeline: OpPipeline;
  readonly flushes: Flushes;
  readonly holdings: Holdings;
  readonly milestones: Milestones;
  readonly strays: Strays;
  readonly recount: Recount;
  readonly announcement: Announcement;
  readonly scrubber: PgScrubber;
  readonly scrubMember: ScrubMember;
  readonly replicate: ToMembers['replicate'];
  readonly replaceCopies: ToMembers['replaceCopies'];
  readonly reads: ReadCounts = { rd: 0, rdKb: 0 };
  /** Wall clock of the last change of state. */
  changedMs: number;
  /** Wall clock of the begin of this interval here. */
  begunMs: number;
  readonly past: PgPast;
  isRemoved = false;

  constructor(host: PgHost, state: PgState, view: PgView) {
    this.host = host;
    this.state = state;
    this.view = view;
    this.changedMs = host.clock.wallMs();
    this.begunMs = this.changedMs;
    this.past = new PgPast(host.store, state.c, state.meta);
    this.rounds = new PeeringRounds(this);
    const pg = this;
    this.member = new PgMember(host, state, {
      get view() {
        return pg.view;
      },
      header: () => this.header(),
      get isSettled() {
        return pg.rounds.isSettled;
      },
      whenSure: (then) => this.rounds.whenSure(then),
      moreListed: () => this.moreListed(),
      followers: () => [...this.holdings.peers()].map(([osd]) => osd),
    });
    this.recovery = new Recovery(this);
    this.places = new RecoveryPlaces(this);
    this.recoveryStatus = new RecoveryStatus(this);
    this.pipeline = new OpPipeline(this);
    this.flushes = new Flushes(this);
    this.holdings = new Holdings(this);
    this.milestones = new Milestones(this);
    this.strays = new Strays(this);
    this.recount = new Recount(this);
    this.announcement = new Announcement(this);
    this.scrubber = new PgScrubber(this);
    this.scrubMember = new ScrubMember(this);
    const { replicate, replaceCopies } = new ToMembers(this);
    this.replicate = replicate;
    this.replaceCopies = replaceCopies;
  }

  get pgid(): PgId {
    return this.state.pgid;
  }
  get pgCount(): number {
    return this.view.pgCount;
  }
  get epoch(): number {
    return this.view.epoch;
  }
  /** Epoch in which the current interval began. */
  get since(): number {
    return this.state.info.since;
  }
  get peering(): Peering {
    return this.rounds.machine;
  }
  get replicas(): readonly number[] {
    return this.rounds.replicas;
  }
  get isPrimary(): boolean {
    return this.view.primary === this.host.id;
  }
  get isActing(): boolean {
    return this.view.acting.includes(this.host.id);
  }
  get isActive(): boolean {
    return this.peering.phase.name === 'active';
  }
  /** All members are there and have everything. */
  get isClean(): boolean {
    return this.isActive && this.view.acting.length >= this.view.size && !this.lacksAnything();
  }

  header(): { pgid: PgId; epoch: number; since: number } {
    return { pgid: this.pgid, epoch: this.view.epoch, since: this.state.info.since };
  }

  // What the maps and the peers say.

  /** A new map. @returns what must become durable with it */
  advance(view: PgView): StoreOp[] {
    const before = this.view;
    const { info } = this.state;
    this.view = view;
    const next = nextInfo(info, before, view);
    this.state.info = next;
    if (next.since !== info.since) {
      this.rounds.endInterval();
      const ended = this.past.ended(info.since, before, view, info.isVouchedFor);
      return [this.state.saveInfo(), ended];
    }
    this.rounds.othersMoved();
    if (next === info) return [];
    if (next.isVouchedFor) this.rounds.vouchedFor();
    return [this.state.saveInfo()];
  }

  /** The newest of the maps that it was taken through before the OSD was started. */
  resume(view: PgView): void {
    if (sameMembers(this.view, view)) this.view = view;
  }

  /** After the last map of a batch: begins the interval, if that has not happened. */
  settle(): void {
    if (this.rounds.isSettled || this.isRemoved) return;
    this.begunMs = this.host.clock.wallMs();
    this.phaseChanged();
    this.rounds.settle();
  }

  /**
   * A peer that has seen the map in which our interval began says that its own, of the same members, began before. So the
   * PG came to be here in the middle of it: its last copy was still being removed. Or that copy was made anew since.
   */
  beganBefore(since: number): void {
    const { state } = this;
    this.rounds.endInterval();
    // The map of now may show the primary alive in it already, and no later one need come.
    const isVouchedFor = state.info.isVouchedFor || this.view.upThru >= since;
    state.info = { ...state.info, since, isVouchedFor };
    void this.host.submit([state.saveInfo()]);
    this.settle();
  }

  /** The next map ends the interval, and this PG has to wait for what that makes of it: meanwhile it serves nobody. */
  pause(): void {
    this.rounds.endInterval();
    this.pipeline.stop(false);
  }

  /** Stops everything; nothing is answered any more. */
  stop(): void {
    this.isRemoved = true;
    this.pause();
  }

  submitOp(op: ClientOp): void {
    this.pipeline.submit(op);
  }

  onMessage(from: number, message: IncomingMessage): void {
    routeMessage(this, from, message);
  }

  onAck(from: number, since: number, version: EVersion, isEarly: boolean): void {
    if (since === this.state.info.since) this.pipeline.onAck(from, version, isEarly);
  }

  /** The peer forgot our session without having restarted: what was on its way is lost. */
  onPeerReset(osd: number): void {
    if (!this.isPrimary || !this.rounds.isSettled) return;
    this.scrubber.peerReset(osd);
    if (this.isActive && !this.lacksAnything()) {
      this.pipeline.sendAgain(osd);
      this.flushes.sendAgain(osd);
      this.places.peerReset(osd);
    } else this.rounds.start();
  }

  phaseChanged(): void {
    this.changedMs = this.host.clock.wallMs();
    this.host.statsChanged();
  }

  // What the pipeline and recovery ask of the PG.

  get isReadable(): boolean {
    return this.host.leases.isReadable(this.replicas);
  }
  isMissingHere(key: string, oid: HObject): boolean {
    return this.holdings.isMissingHere(key, oid);
  }
  get isWhole(): boolean {
    return this.isClean;
  }
  isMissingAnywhere(key: string, oid: HObject): boolean {
    return this.holdings.isMissingAnywhere(key, oid);
  }
  get isLogFull(): boolean {
    return isListingFull(this.state.log, this.host.logBounds) && this.holdings.isListing;
  }
  get isListing(): boolean {
    return this.holdings.isListing;
  }
  lacksAnything(): boolean {
    return this.holdings.lacksAnything();
  }
  peers(): Iterable<[number, MissingSet]> {
    return this.holdings.peers();
  }
  sources(item: MissingItem): number[] {
    return this.holdings.sources(item);
  }
  lacking(key: string, oid: HObject): number[] {
    return this.holdings.lacking(key, oid);
  }
  given(osd: number, key: string): void {
    this.holdings.given(osd, key);
  }
  want(key: string, oid: HObject, isForChange: boolean): void {
    this.recovery.want(key, oid, isForChange);
  }

  readElsewhere(op: ClientOp): Promise<OpOutcome | undefined> {
    return this.recovery.readElsewhere(op);
  }

  arrived(key: string): void {
    this.pipeline.recovered(key);
  }
  recovered(key: string): void {
    this.pipeline.recovered(key);
    this.host.statsChanged();
    if (!this.lacksAnything()) this.rounds.allRecovered();
  }

  /** As primary: a member, or we ourselves, know more of what is to be had. */
  moreListed(): void {
    if (!this.isPrimary) return;
    this.pipeline.moreListed();
    this.recovery.more();
    this.host.statsChanged();
    if (!this.lacksAnything()) this.rounds.allRecovered();
  }

  recoveryNeed(): RecoveryNeed | undefined {
    return this.recoveryStatus.need();
  }
  lackedBy(osd: number): number {
    return this.recoveryStatus.lackedBy(osd);
  }
  /** Lets this PG be recovered before all others, or not any more. */
  force(kind: RecoveryKind, isForced: boolean): void {
    if (!this.isPrimary) return;
    this.recoveryStatus.force(kind, isForced);
    this.places.look();
    this.host.statsChanged();
  }
  turnBegins(): void {
    this.recovery.resume();
  }

  readonly scrubErrors = (arg: ScrubLsArg): ScrubLsResult | number => this.scrubber.list(arg);

  mend(oid: HObject): Promise<boolean> {
    return mendObject(this, oid);
  }

  flushAll(done: () => void): void {
    this.flushes.all(done);
  }

  count(outcome: OpOutcome): void {
    this.reads.rd += outcome.stats.numRd;
    this.reads.rdKb += outcome.stats.numRdKb;
    this.host.statsChanged();
  }
}
