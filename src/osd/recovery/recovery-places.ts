import type { Timer } from '../../runtime/index.ts';
import { formatPgId, type MessageOf, outgoing } from '../../wire/index.ts';
import { MPgReserve, RESERVE } from '../peer-messages.ts';
import type { PgHost } from '../pg/pg-host.ts';
import type { PgState } from '../pg/pg-state.ts';
import type { Reservation } from './recovery-port.ts';
import type { RecoveryKind } from './recovery-priority.ts';
import {
  type RecoveryNeed,
  stepTurn,
  type TurnEffect,
  type TurnInput,
  type TurnState,
} from './recovery-turn.ts';

/** What an object takes beside its data, roughly: the rest of its last block, and its record. */
const OBJECT_BYTES = 6144;

/** What a PG's turn sees of the PG. */
export interface PlacesScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly view: { readonly primary: number };
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
  /** What there is to copy in the background now, whatever map and places say; undefined: nothing. */
  recoveryNeed(): RecoveryNeed | undefined;
  /** Objects that an acting member, ourselves included, is still to get. */
  lackedBy(osd: number): number;
  /** Background copies may begin. */
  turnBegins(): void;
}

/**
 * A PG's places for recovery: as primary it runs its turn through {@link stepTurn}, as a member it holds a place, with
 * room in its store, for what its primary gives it.
 */
export class RecoveryPlaces {
  private readonly scope: PlacesScope;
  private turn: TurnState = { name: 'idle' };
  /** As primary. */
  private own: Reservation | undefined;
  private retry: Timer | undefined;
  private number = 0;
  private readonly numbers = new Map<number, number>();
  /** As a member. */
  private given: { number: number; place: Reservation } | undefined;
  private hasRoom = false;

  constructor(scope: PlacesScope) {
    this.scope = scope;
  }

  get state(): TurnState {
    return this.turn;
  }
  /** May background copies begin? */
  get isGranted(): boolean {
    return this.turn.name === 'granted';
  }
  /** Is a member given objects in this turn? Always ourselves. */
  covers(osd: number): boolean {
    const { turn } = this;
    return (
      turn.name === 'granted' && (osd === this.scope.host.id || turn.need.targets.includes(osd))
    );
  }

  /** Who lacks what may have changed, or what the map says of it. */
  look(): void {
    this.step({ kind: 'need', need: this.scope.recoveryNeed() });
  }

  /** The round or the interval ends: as primary nothing is wanted any more. */
  stop(): void {
    this.step({ kind: 'need', need: undefined });
  }

  /** As a member: who gave us objects does so no longer. */
  intervalEnded(): void {
    this.stop();
    this.giveBack();
    this.numbers.clear();
  }

  /** The session of a peer forgot what was on its way: it may hold a place for us that we have given up. */
  peerReset(osd: number): void {
    if (this.turn.name === 'idle' && this.number > 0) this.say(osd, RESERVE.release, this.number);
  }

  onMessage(from: number, m: MessageOf<typeof MPgReserve>): void {
    const { view } = this.scope;
    switch (m.word) {
      case RESERVE.request:
        if (from === view.primary) this.onRequest(from, m);
        return;
      case RESERVE.release:
        if (from === view.primary && this.given && this.given.number <= m.number) this.giveBack();
        return;
      case RESERVE.granted:
      case RESERVE.full:
      case RESERVE.revoked: {
        if (this.numbers.get(from) !== m.number) return;
        const words = { [RESERVE.granted]: 'granted', [RESERVE.full]: 'full' } as const;
        const word = m.word === RESERVE.revoked ? 'revoked' : words[m.word];
        this.step({ kind: 'answer', from, word });
      }
    }
  }

  // As primary.

  private step(input: TurnInput): void {
    const before = this.turn;
    const { next, effects } = stepTurn(before, input);
    this.turn = next;
    if (before.name !== next.name) {
      this.retry?.cancel();
      this.retry = undefined;
      this.scope.host.statsChanged();
    }
    for (const effect of effects) this.run(effect);
  }

  private run(effect: TurnEffect): void {
    const { host, state } = this.scope;
    switch (effect.kind) {
      case 'reserve': {
        const { priority } = effect;
        const granted = (): void =>
          this.step({ kind: 'granted', hasRoom: this.setAside(host.id, this.kind) });
        const preempted = (): void => {
          this.own = undefined;
          this.step({ kind: 'preempted' });
        };
        const wish = { side: 'local', pgid: state.pgid, priority, granted, preempted } as const;
        this.own = host.recovery.reserve(wish);
        return;
      }
      case 'setPriority':
        return this.own?.setPriority(effect.priority);
      case 'release':
        this.own?.release();
        this.own = undefined;
        return this.leaveRoom();
      case 'ask': {
        const { osd, need } = effect;
        this.numbers.set(osd, ++this.number);
        return this.say(osd, RESERVE.request, this.number, need);
      }
      case 'releaseAt':
        this.numbers.delete(effect.osd);
        return this.say(effect.osd, RESERVE.release, this.number);
      case 'retryLater': {
        host.log('warn', 'no room to recover', { pg: formatPgId(state.pgid) });
        const ms = host.recoveryOrders(state.pgid.pool).retryMs[effect.of];
        this.retry = host.clock.setTimer(ms, () => this.step({ kind: 'retry' }));
        return;
      }
      case 'begin':
        return this.scope.turnBegins();
    }
  }

  private get kind(): RecoveryKind {
    return this.turn.name === 'idle' ? 'recovery' : this.turn.need.kind;
  }

  private say(osd: number, word: number, number: number, need?: RecoveryNeed): void {
    const about = {
      ...this.scope.header(),
      word,
      number,
      isBackfill: need?.kind === 'backfill',
      priority: need?.priority ?? 0,
      bytes: need ? this.announced(osd) : 0,
    };
    this.scope.host.send(osd, outgoing(MPgReserve, about));
  }

  // Room

  /** What a member is still to take in, by the PG's mean. */
  private announced(osd: number): number {
    const { bytes, objects } = this.scope.state.totals;
    const count = this.scope.lackedBy(osd);
    return Math.ceil((bytes * count) / Math.max(1, count, objects)) + count * OBJECT_BYTES;
  }

  private setAside(osd: number, kind: RecoveryKind, bytes = this.announced(osd)): boolean {
    const { host, state } = this.scope;
    this.leaveRoom();
    this.hasRoom = bytes > 0 && host.reserve(state.c, bytes, kind);
    return bytes === 0 || this.hasRoom;
  }

  private leaveRoom(): void {
    if (this.hasRoom) this.scope.host.store.release(this.scope.state.c);
    this.hasRoom = false;
  }

  // As a member.

  private onRequest(primary: number, m: MessageOf<typeof MPgReserve>): void {
    const { host, state } = this.scope;
    const { number, priority } = m;
    this.giveBack();
    const answer = (word: number): void => this.say(primary, word, number);
    if (!this.setAside(host.id, m.isBackfill ? 'backfill' : 'recovery', m.bytes)) {
      answer(RESERVE.full);
      return;
    }
    const granted = (): void => answer(RESERVE.granted);
    const preempted = (): void => {
      this.given = undefined;
      this.leaveRoom();
      answer(RESERVE.revoked);
    };
    const wish = { side: 'remote', pgid: state.pgid, priority, granted, preempted } as const;
    this.given = { number, place: host.recovery.reserve(wish) };
  }

  private giveBack(): void {
    if (!this.given) return;
    this.given.place.release();
    this.given = undefined;
    this.leaveRoom();
  }
}
