import { crc32c } from '../../codec/index.ts';
import { ERRNO, unreachable } from '../../errors/index.ts';
import type { Timer } from '../../runtime/index.ts';
import type { StoreOp } from '../../store/index.ts';
import {
  compareHObject,
  type EVersion,
  formatHObject,
  formatPgId,
  HOBJECT_MIN,
  type HObject,
  type InconsistentObject,
  type MessageOf,
  outgoing,
  type PgStateName,
  type ScrubLsArg,
  type ScrubLsResult,
} from '../../wire/index.ts';
import { oidKey, type PgTotals } from '../log-entry.ts';
import { pgEnd } from '../ops/index.ts';
import type { StatsDelta } from '../ops/types.ts';
import type { PgInfo } from '../pg-info.ts';
import { Interrupted } from '../requests.ts';
import { FoundErrors } from './found-errors.ts';
import { Scans, type ScansScope } from './scans.ts';
import { isTimeToScrub, scrubDue } from './schedule.ts';
import { newestHistory, type ScrubHistory, scrubErrors } from './scrub-history.ts';
import {
  type Chunk,
  SCRUB_IDLE,
  type ScrubEffect,
  type ScrubInput,
  type ScrubState,
  SELF,
  stepScrub,
} from './scrub-machine.ts';
import type { ScrubbedObject, ScrubRange } from './scrub-map.ts';
import { MScrubDone, MScrubReserve, SCRUB_WORD } from './scrub-messages.ts';
import { conclude } from './scrub-outcome.ts';
import { modeOf, type ScrubPlan, stronger } from './scrub-plan.ts';
import type { ScrubPlace, ScrubPort } from './scrub-port.ts';
import { isLarge, ScrubTally } from './scrub-tally.ts';
import { judge, type Verdict, versionOf } from './verdict.ts';

/** What a scrub sees of its PG. */
export interface ScrubScope extends ScansScope {
  readonly host: ScansScope['host'] & {
    readonly scrub: ScrubPort;
    readonly limits: { readonly objectSizeMax: number };
    submit(txn: readonly StoreOp[]): Promise<void>;
    statsChanged(): void;
  };
  readonly state: ScansScope['state'] & {
    readonly meta: HObject;
    info: PgInfo;
    readonly totals: PgTotals;
    current(): PgInfo;
    saveInfo(): StoreOp;
    /** These are the totals as of now. */
    stand(totals: PgTotals, isEstimated: boolean): void;
  };
  readonly pipeline: {
    holdWrites(range: ScrubRange, news: { quiet(): void; wanted(): void }): void;
    letWritesGo(): void;
    /** Hears of each change of an object. @returns ends that */
    watch(changed: (oid: HObject, by: StatsDelta) => void): () => void;
  };
  /** The other acting members. */
  readonly replicas: readonly number[];
  readonly pgCount: number;
  readonly isPrimary: boolean;
  /** All members are there and have everything. */
  readonly isClean: boolean;
  isMissingAnywhere(key: string, oid: HObject): boolean;
  /** From now on these members' copies count as missing, and are brought anew from the others. */
  replaceCopies(oid: HObject, need: EVersion, members: readonly number[]): void;
}

/** What is known of the scrub that runs. */
interface Running {
  readonly plan: ScrubPlan;
  readonly tally: ScrubTally;
  /** What is below it counts in the tally. */
  counted: HObject;
  /** As printed. */
  readonly pg: string;
}

/**
 * A PG's scrubs as its primary runs them: looks whether it is time for one, does what the machine says, and keeps what
 * comes of it.
 */
export class PgScrubber {
  readonly scans: Scans;
  private readonly scope: ScrubScope;
  private unwatch: () => void = () => {};
  private readonly errors: FoundErrors;
  private machine: ScrubState = SCRUB_IDLE;
  private running: Running | undefined;
  /** Asked for by somebody, or to follow a repair. */
  private requested: ScrubPlan | undefined;
  private place: ScrubPlace | undefined;
  private rest: Timer | undefined;
  /** Counts the scrubs: answers to an older one are dropped. */
  private number = 0;
  /** Copies are being replaced. */
  private isRepairing = false;
  private hasFailed = false;

  constructor(scope: ScrubScope) {
    this.scope = scope;
    this.scans = new Scans(scope);
    const { host, state } = scope;
    this.errors = new FoundErrors({ store: host.store, c: state.c, meta: state.meta });
  }

  get history(): ScrubHistory {
    return this.scope.state.info.scrub;
  }
  get isActive(): boolean {
    return this.machine.name !== 'idle';
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

  /** Begins a scrub, if one is wanted or it is time for one. @returns whether one began, or tries to */
  look(nowMs: number): boolean {
    const { scope } = this;
    const { host, isPrimary, isClean } = scope;
    if (!isPrimary || !isClean || this.isActive) return false;
    const plan = this.requested ?? this.due(nowMs);
    if (!plan || (!plan.repair && host.scrub.isRecovering && !this.mayScrubNow)) return false;
    this.requested = undefined;
    this.number++;
    const { pgid } = scope.header();
    const from = firstOf(pgid.pool);
    const { preemptionsMax: preemptions } = host.scrub.settings;
    this.step({ kind: 'start', plan, members: scope.replicas, from, preemptions });
    return true;
  }

  private get mayScrubNow(): boolean {
    return this.scope.host.scrub.settings.duringRecovery;
  }

  private due(nowMs: number): ScrubPlan | undefined {
    const { pgid } = this.scope.header();
    const { settings, orders } = this.scope.host.scrub;
    const { history } = this;
    const { sec, nsec } = history.lastScrubStamp;
    const name = `${formatPgId(pgid)} ${sec}.${nsec}`;
    return scrubDue({
      nowMs,
      history,
      settings,
      orders: orders.call(this.scope.host.scrub, pgid.pool),
      chance: chanceOf(name),
      deepChance: chanceOf(`deep ${name}`),
    });
  }

  /** We begin to serve as primary. @param others what the members know */
  serve(others: Iterable<ScrubHistory>): void {
    const newest = newestHistory([this.history, ...others]);
    if (newest !== this.history) void this.scope.host.submit([this.keep(newest)]);
  }

  /** The interval ended, or the PG stops. */
  stop(): void {
    this.step({ kind: 'stop' });
    this.scans.stop();
    this.isRepairing = false;
    if (!this.scope.isPrimary) this.requested = undefined;
  }

  /** A session was reset: what was asked may never be answered. */
  peerReset(): void {
    this.step({ kind: 'stop' });
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

  onReserveAnswer(from: number, m: MessageOf<typeof MScrubReserve>): void {
    if (m.number !== this.number) return;
    this.step({ kind: 'answer', from, isGiven: m.word === SCRUB_WORD.granted });
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

  private step(input: ScrubInput): void {
    const before = this.machine;
    const { next, effects } = stepScrub(before, input);
    this.machine = next;
    for (const effect of effects) this.run(effect);
  }

  private run(effect: ScrubEffect): void {
    const { scope } = this;
    switch (effect.kind) {
      case 'takePlace':
        this.place = scope.host.scrub.takePlace((isGiven) => this.step({ kind: 'place', isGiven }));
        return;
      case 'ask':
        return this.say(effect.to, SCRUB_WORD.request);
      case 'release':
        this.place?.release();
        this.place = undefined;
        return this.say(effect.members, SCRUB_WORD.release);
      case 'begin':
        return this.begin(effect.plan);
      case 'choose':
        return this.choose(effect.from, effect.divisor);
      case 'hold': {
        const quiet = (): void => this.step({ kind: 'quiet' });
        const wanted = (): void => this.step({ kind: 'wanted' });
        return scope.pipeline.holdWrites(effect.range, { quiet, wanted });
      }
      case 'letGo':
        return scope.pipeline.letWritesGo();
      case 'scan':
        return this.scan(effect);
      case 'compare':
        return this.compare(effect.plan, effect.chunk, effect.maps);
      case 'rest':
        return this.pause();
      case 'finish':
        return this.finish(effect.plan);
      case 'broken':
        return this.broken(effect.plan);
      default:
        return unreachable(effect);
    }
  }

  private say(to: readonly number[], word: number): void {
    const { host } = this.scope;
    const message = { ...this.scope.header(), word, number: this.number };
    for (const osd of to) host.send(osd, outgoing(MScrubReserve, message));
  }

  private begin(plan: ScrubPlan): void {
    const { host, pipeline } = this.scope;
    const { pgid } = this.scope.header();
    const pg = formatPgId(pgid);
    const counted = firstOf(pgid.pool);
    const running: Running = { plan, tally: new ScrubTally(), counted, pg };
    this.running = running;
    this.unwatch = pipeline.watch((oid, by) => {
      if (compareHObject(oid, running.counted) < 0) running.tally.changed(by);
    });
    host.scrub.clusterLog('debug', `${pg} ${modeOf(plan)} starts`);
    void host.submit(this.errors.begin());
    host.statsChanged();
  }

  private choose(from: HObject, divisor: number): void {
    const { host, state } = this.scope;
    const { chunkMin, chunkMax } = host.scrub.settings;
    const least = Math.max(3, Math.floor(chunkMin / divisor));
    const most = Math.max(least, Math.floor(chunkMax / divisor));
    const page = host.store.list(state.c, from, most);
    const { pgid } = this.scope.header();
    const next = page.next?.pool === pgid.pool ? page.next : undefined;
    const to = next ?? pgEnd(pgid, this.scope.pgCount);
    this.step({ kind: 'chosen', chunk: { range: { from, to }, isLast: next === undefined } });
  }

  private scan({ range, number, deep, members }: Extract<ScrubEffect, { kind: 'scan' }>): void {
    const scrub = this.number;
    const got = (from: number) => (objects: readonly ScrubbedObject[]) => {
      if (scrub === this.number) this.step({ kind: 'map', from, number, objects });
    };
    const failed = (e: unknown): void => {
      if (!(e instanceof Interrupted)) this.scope.host.fatal(e);
    };
    for (const osd of members) this.scans.ask(osd, range, deep).then(got(osd), failed);
    this.scans.own(range, deep).then(got(SELF), failed);
  }

  private compare(
    plan: ScrubPlan,
    chunk: Chunk,
    maps: ReadonlyMap<number, readonly ScrubbedObject[]>,
  ): void {
    const { scope, running } = this;
    const { host } = scope;
    const { tally, pg } = running!;
    const members = [host.id, ...scope.replicas];
    const of = members.map((osd) => byKey(maps.get(osd === host.id ? SELF : osd)!));
    const found: InconsistentObject[] = [];
    for (const oid of allObjects(maps)) {
      const key = oidKey(oid);
      // What is being replaced already is not looked at.
      if (scope.isMissingAnywhere(key, oid)) {
        tally.skipped++;
        continue;
      }
      const copies = members.map((osd, i) => ({ osd, object: of[i]!.get(key) }));
      const v = judge({ pg, sizeMax: host.limits.objectSizeMax }, oid, copies);
      const mine = copies[0]!.object;
      tally.add(v, mine, host.scrub.settings);
      for (const line of v.lines) host.scrub.clusterLog('error', line);
      if (mine && plan.deep && isLarge(mine, host.scrub.settings)) this.warnOfOmap(mine);
      if (v.error) found.push(v.error);
      if (plan.repair) this.repair(v);
    }
    running!.counted = chunk.range.to;
    // A repair leaves nothing that the list would be right about.
    if (found.length > 0 && !plan.repair) void host.submit([this.errors.add(found)]);
  }

  private warnOfOmap(o: ScrubbedObject): void {
    const { pg } = this.running!;
    const text =
      `Large omap object found. Object: ${formatHObject(o.oid)} PG: ${pg} (${pg})` +
      ` Key count: ${o.omapKeys} Size (bytes): ${o.omapBytes}`;
    this.scope.host.scrub.clusterLog('warn', text);
  }

  private repair(v: Verdict): void {
    const need = versionOf(v);
    const wrong = [...v.missing, ...v.inconsistent];
    if (!need || wrong.length === 0) return;
    this.running!.tally.fixed += wrong.length;
    this.isRepairing = true;
    this.scope.replaceCopies(v.oid, need, wrong);
  }

  private pause(): void {
    const { host } = this.scope;
    const { settings } = host.scrub;
    const isTime = isTimeToScrub(host.clock.wallMs(), settings);
    const seconds = isTime ? settings.sleepSeconds : settings.extendedSleepSeconds;
    this.rest = host.clock.setTimer(1000 * Math.max(settings.sleepSeconds, seconds), () =>
      this.step({ kind: 'rested' }),
    );
  }

  private broken(plan: ScrubPlan): void {
    this.end();
    // What somebody asked for is still wanted.
    if (plan.required && this.scope.isPrimary) this.request(plan);
  }

  private end(): void {
    this.rest?.cancel();
    this.rest = undefined;
    this.running = undefined;
    this.number++;
    this.unwatch();
    this.scope.host.statsChanged();
  }

  private finish(plan: ScrubPlan): void {
    const { host, state } = this.scope;
    const { scrub } = host;
    const { tally, pg } = this.running!;
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
      autoRepairErrorsMax: scrub.settings.autoRepairErrorsMax,
    });
    for (const [priority, text] of lines) scrub.clusterLog(priority, text);
    this.end();
    this.hasFailed = hasFailed;
    if (next) this.request(next);
    const done = { ...this.scope.header(), history };
    void host.submit([this.keep(history)]);
    for (const osd of this.scope.replicas) host.send(osd, outgoing(MScrubDone, done));
    host.statsChanged();
  }
}

/** The place before all objects of a pool. */
function firstOf(pool: number): HObject {
  return { ...HOBJECT_MIN, pool };
}

/** 0 <= x < 1: the same for the same text, and as good as by chance. */
function chanceOf(text: string): number {
  return crc32c(0xffff_ffff, Buffer.from(text)) / 2 ** 32;
}

function byKey(objects: readonly ScrubbedObject[]): Map<string, ScrubbedObject> {
  return new Map(objects.map((o) => [oidKey(o.oid), o]));
}

/** All objects that anybody has, in their order. */
function allObjects(maps: ReadonlyMap<number, readonly ScrubbedObject[]>): HObject[] {
  const all = new Map<string, HObject>();
  for (const objects of maps.values()) for (const { oid } of objects) all.set(oidKey(oid), oid);
  return [...all.values()].sort(compareHObject);
}
