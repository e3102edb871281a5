import { ERRNO } from '../../errors/index.ts';
import type { StoreOp } from '../../store/index.ts';
import {
  formatPgId,
  type HObject,
  type MessageOf,
  outgoing,
  type PgStateName,
  type ScrubLsArg,
  type ScrubLsResult,
} from '../../wire/index.ts';
import type { PgTotals } from '../log/log-entry.ts';
import type { PgInfo } from '../pg/pg-info.ts';
import { FoundErrors } from './found-errors.ts';
import { type ReplaceCopies, type RunningScope, RunningScrub } from './running-scrub.ts';
import { Scans } from './scans.ts';
import { scrubChances, scrubDue } from './schedule.ts';
import { type DriverScope, ScrubDriver } from './scrub-driver.ts';
import { newestHistory, type ScrubHistory, scrubErrors } from './scrub-history.ts';
import { MScrubDone, type MScrubReserve } from './scrub-messages.ts';
import { conclude } from './scrub-outcome.ts';
import { modeOf, type ScrubPlan, stronger } from './scrub-plan.ts';

/** What a scrub sees of its PG. */
export interface ScrubScope extends DriverScope, RunningScope {
  readonly host: DriverScope['host'] &
    RunningScope['host'] & {
      submit(txn: readonly StoreOp[]): Promise<void>;
      statsChanged(): void;
    };
  readonly state: DriverScope['state'] & {
    readonly meta: HObject;
    info: PgInfo;
    readonly totals: PgTotals;
    current(): PgInfo;
    saveInfo(): StoreOp;
    /** These are the totals as of now. */
    stand(totals: PgTotals, isEstimated: boolean): void;
  };
  readonly pipeline: DriverScope['pipeline'] & RunningScope['pipeline'];
  header(): ReturnType<DriverScope['header']>;
  readonly isPrimary: boolean;
  /** All members are there and have everything. */
  readonly isClean: boolean;
  readonly replaceCopies: ReplaceCopies;
}

/** A PG's scrubs on its primary: which one is to run and when, and what is kept of what it finds. */
export class PgScrubber {
  readonly scans: Scans;
  private readonly scope: ScrubScope;
  private readonly errors: FoundErrors;
  private readonly driver: ScrubDriver;
  /** The one that has all places. */
  private running: RunningScrub | undefined;
  /** Asked for by somebody, or to follow a repair. */
  private requested: ScrubPlan | undefined;
  /** Copies are being replaced. */
  private isRepairing = false;
  private hasFailed = false;

  constructor(scope: ScrubScope) {
    this.scope = scope;
    this.scans = new Scans(scope);
    const { host, state } = scope;
    this.errors = new FoundErrors({ store: host.store, c: state.c, meta: state.meta });
    this.driver = new ScrubDriver(scope, this.scans, {
      begin: (plan) => this.begin(plan),
      compare: ({ chunk, maps }) => {
        const found = this.running!.compare(chunk, maps);
        if (found.length > 0) void host.submit([this.errors.add(found)]);
      },
      finish: () => this.finish(this.running!),
      broken: (plan) => this.broken(plan),
    });
  }

  get history(): ScrubHistory {
    return this.scope.state.info.scrub;
  }
  get isActive(): boolean {
    return this.driver.isActive;
  }

  /** What they add to the PG's state. */
  get names(): PgStateName[] {
    const names: PgStateName[] = [];
    if (this.running) names.push('scrubbing');
    if (this.running?.plan.deep) names.push('deep');
    if (this.running?.plan.repair || this.isRepairing) names.push('repair');
    if (scrubErrors(this.history) > 0) names.push('inconsistent');
    if (this.hasFailed && scrubErrors(this.history) > 0) names.push('failed_repair');
    return names;
  }

  /** Somebody wants a scrub; a repair that is wanted already stays one. */
  request(plan: ScrubPlan): void {
    const before = this.requested;
    this.requested = before ? stronger(before, plan) : plan;
  }

  /** To a PG that has got objects of this one, by a split or a merge: what somebody asked for is still wanted there. */
  handTo(heir: PgScrubber): void {
    if (this.requested && heir.scope.isPrimary) heir.request(this.requested);
  }

  /** Begins a scrub, if one is wanted or it is time for one. @returns whether one began, or tries to */
  look(nowMs: number): boolean {
    const { host, isPrimary, isClean } = this.scope;
    if (!isPrimary || !isClean || this.isActive) return false;
    const plan = this.requested ?? this.due(nowMs);
    if (!plan) return false;
    const mayRun = plan.repair || host.scrub.settings.duringRecovery || !host.scrub.isRecovering;
    if (!mayRun) return false;
    this.requested = undefined;
    this.driver.start(plan);
    return true;
  }

  private due(nowMs: number): ScrubPlan | undefined {
    const { pgid } = this.scope.header();
    const { scrub } = this.scope.host;
    const { history } = this;
    const chances = scrubChances(formatPgId(pgid), history);
    const orders = scrub.orders(pgid.pool);
    return scrubDue({ nowMs, history, settings: scrub.settings, orders, ...chances });
  }

  /** We begin to serve as primary. @param others what the members know */
  serve(others: Iterable<ScrubHistory>): void {
    const newest = newestHistory([this.history, ...others]);
    if (newest !== this.history) void this.scope.host.submit([this.keep(newest)]);
  }

  /** The interval ended, or the PG stops. */
  stop(): void {
    this.driver.stop();
    this.scans.stop();
    this.isRepairing = false;
    if (!this.scope.isPrimary) this.requested = undefined;
  }

  /** A session was reset: what was asked over it may never be answered. */
  peerReset(osd: number): void {
    this.driver.peerReset(osd);
    this.scans.sendAgain(osd);
  }

  onReserveAnswer(from: number, m: MessageOf<typeof MScrubReserve>): void {
    this.driver.onReserveAnswer(from, m);
  }

  /** All members have everything again. */
  recovered(): void {
    if (!this.isRepairing) return;
    this.isRepairing = false;
    this.scope.host.statsChanged();
  }

  /** Some copies of an object that somebody read are replaced. */
  repairBegins(): void {
    const { history } = this;
    this.isRepairing = true;
    const objectsRepaired = history.objectsRepaired + 1;
    void this.scope.host.submit([this.keep({ ...history, objectsRepaired })]);
    this.scope.host.statsChanged();
  }

  /** For `rados list-inconsistent-obj`. */
  list(arg: ScrubLsArg): ScrubLsResult | number {
    const interval = this.scope.state.info.since;
    if (arg.interval !== 0 && arg.interval !== interval) return -ERRNO.EAGAIN;
    const values = this.errors.list(arg);
    return values ? { interval, values } : -ERRNO.ENOENT;
  }

  /** The primary's scrub has ended. */
  onDone(history: ScrubHistory): void {
    // What we found ourselves is older.
    void this.scope.host.submit([this.keep(history), this.errors.forget()]);
  }

  private keep(scrub: ScrubHistory): StoreOp {
    const { state } = this.scope;
    state.info = { ...state.info, scrub };
    return state.saveInfo();
  }

  private begin(plan: ScrubPlan): void {
    const { scope } = this;
    const { host } = scope;
    this.running = new RunningScrub(scope, plan, (oid, need, members) => {
      this.isRepairing = true;
      scope.replaceCopies(oid, need, members);
    });
    host.scrub.clusterLog('debug', `${this.running.pg} ${modeOf(plan)} starts`);
    void host.submit(this.errors.begin());
    host.statsChanged();
  }

  private broken(plan: ScrubPlan): void {
    this.end();
    // What somebody asked for is still wanted.
    if (plan.required && this.scope.isPrimary) this.request(plan);
  }

  private end(): void {
    this.running?.end();
    this.running = undefined;
    this.scope.host.statsChanged();
  }

  private finish({ pg, plan, tally }: RunningScrub): void {
    const { host, state } = this.scope;
    const mismatch = state.info.isEstimated ? undefined : tally.mismatch(state.totals);
    if (mismatch !== undefined && plan.repair) {
      state.stand({ ...state.totals, ...tally.right }, false);
    }
    const { lines, history, next, hasFailed } = conclude({
      pg,
      plan,
      tally,
      mismatch,
      before: this.history,
      lastUpdate: state.current().lastUpdate,
      nowMs: host.clock.wallMs(),
      autoRepairErrorsMax: host.scrub.settings.autoRepairErrorsMax,
    });
    for (const [priority, text] of lines) host.scrub.clusterLog(priority, text);
    this.end();
    this.hasFailed = hasFailed;
    if (next) this.request(next);
    const done = { ...this.scope.header(), history };
    void host.submit([this.keep(history)]);
    for (const osd of this.scope.replicas) host.send(osd, outgoing(MScrubDone, done));
    host.statsChanged();
  }
}
