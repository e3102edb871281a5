import { unreachable } from '../../errors/index.ts';
import type { Timer } from '../../runtime/index.ts';
import { type HObject, type MessageOf, outgoing } from '../../wire/index.ts';
import { pgEnd } from '../ops/index.ts';
import { Interrupted } from '../questions.ts';
import { firstObject } from '../recovery/import.ts';
import type { Scans, ScansScope } from './scans.ts';
import { isTimeToScrub } from './schedule.ts';
import {
  SCRUB_IDLE,
  type ScrubEffect,
  type ScrubInput,
  type ScrubState,
  SELF,
  stepScrub,
} from './scrub-machine.ts';
import type { Scanned, ScrubRange } from './scrub-map.ts';
import { MScrubReserve, SCRUB_WORD } from './scrub-messages.ts';
import type { ScrubPlan } from './scrub-plan.ts';
import type { ScrubPlace, ScrubPort } from './scrub-port.ts';
import type { HoldNews } from './write-hold.ts';

/** What the driver needs of its PG. */
export interface DriverScope extends ScansScope {
  readonly host: ScansScope['host'] & { readonly scrub: ScrubPort };
  readonly pipeline: {
    holdWrites(range: ScrubRange, news: HoldNews): void;
    letWritesGo(): void;
  };
  /** The other acting members. */
  readonly replicas: readonly number[];
  readonly pgCount: number;
}

/** A chunk is no smaller, however often it was broken off. */
const LEAST_OBJECTS = 3;

type EffectOf<K extends ScrubEffect['kind']> = Extract<ScrubEffect, { kind: K }>;

/** Who makes something of what a scrub sees. */
interface ScrubHearer {
  /** All places are given. */
  begin(plan: ScrubPlan): void;
  compare(chunk: EffectOf<'compare'>): void;
  /** All of the PG has been seen. */
  finish(plan: ScrubPlan): void;
  /** Nothing came of it: no place, or the interval ended. `begin` may not have been called. */
  broken(plan: ScrubPlan): void;
}

/** Takes a PG's scrubs through their course as the machine says: places, held writes, members' scans and rests. */
export class ScrubDriver {
  private readonly scope: DriverScope;
  private readonly scans: Scans;
  private readonly hearer: ScrubHearer;
  private machine: ScrubState = SCRUB_IDLE;
  private place: ScrubPlace | undefined;
  private rest: Timer | undefined;
  /** Counts the scrubs: answers to an older one are dropped. */
  private number = 0;

  constructor(scope: DriverScope, scans: Scans, hearer: ScrubHearer) {
    this.scope = scope;
    this.scans = scans;
    this.hearer = hearer;
  }

  get isActive(): boolean {
    return this.machine.name !== 'idle';
  }

  /** Of one that is not active. */
  start(plan: ScrubPlan): void {
    const { scope } = this;
    this.number++;
    const from = firstObject(scope.header().pgid.pool);
    const { preemptionsMax: preemptions } = scope.host.scrub.settings;
    this.step({ kind: 'start', plan, members: scope.replicas, from, preemptions });
  }

  /** The scrub is broken off, if one is active. */
  stop(): void {
    this.step({ kind: 'stop' });
  }

  /**
   * The session of a peer forgot what was on its way: the scrub is broken off, if one is active. It may also hold a place
   * for one that is over.
   */
  peerReset(osd: number): void {
    this.stop();
    if (this.number > 0) this.say([osd], SCRUB_WORD.release);
  }

  onReserveAnswer(from: number, m: MessageOf<typeof MScrubReserve>): void {
    if (m.number !== this.number) return;
    this.step({ kind: 'answer', from, isGiven: m.word === SCRUB_WORD.granted });
  }

  private step(input: ScrubInput): void {
    const { next, effects } = stepScrub(this.machine, input);
    this.machine = next;
    for (const effect of effects) this.run(effect);
  }

  private run(effect: ScrubEffect): void {
    const { scope, hearer } = this;
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
        return hearer.begin(effect.plan);
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
        return hearer.compare(effect);
      case 'rest':
        return this.pause();
      case 'finish':
        this.end();
        return hearer.finish(effect.plan);
      case 'broken':
        this.end();
        return hearer.broken(effect.plan);
      default:
        return unreachable(effect);
    }
  }

  private say(to: readonly number[], word: number): void {
    const { host } = this.scope;
    const message = { ...this.scope.header(), word, number: this.number };
    for (const osd of to) host.send(osd, outgoing(MScrubReserve, message));
  }

  private choose(from: HObject, divisor: number): void {
    const { host, state } = this.scope;
    const { chunkMin, chunkMax } = host.scrub.settings;
    const least = Math.max(LEAST_OBJECTS, Math.floor(chunkMin / divisor));
    const most = Math.max(least, Math.floor(chunkMax / divisor));
    const page = host.store.list(state.c, from, most);
    const { pgid } = this.scope.header();
    const next = page.next?.pool === pgid.pool ? page.next : undefined;
    const to = next ?? pgEnd(pgid, this.scope.pgCount);
    this.step({ kind: 'chosen', chunk: { range: { from, to }, isLast: next === undefined } });
  }

  private scan({ range, number, deep, members }: EffectOf<'scan'>): void {
    const scrub = this.number;
    const got = (from: number) => (seen: Scanned | undefined) => {
      if (seen && scrub === this.number) this.step({ kind: 'map', from, number, seen });
    };
    const failed = (e: unknown): void => {
      if (!(e instanceof Interrupted)) this.scope.host.fatal(e);
    };
    // We chose the range by what we have; others may have more, where we lost much.
    const most = 2 * this.scope.host.scrub.settings.chunkMax + LEAST_OBJECTS;
    const how = { deep, most, isPart: true };
    for (const osd of members) this.scans.ask(osd, range, how).then(got(osd), failed);
    this.scans.own(range, how).then(got(SELF), failed);
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

  private end(): void {
    this.rest?.cancel();
    this.rest = undefined;
    this.number++;
  }
}
