import type { Timer } from '../../runtime/index.ts';
import { outgoing } from '../../wire/index.ts';
import { MPgInfo, MPgNoticed, MPgRemove } from '../peer-messages.ts';
import type { Peering } from './peering.ts';
import type { PgHost } from './pg-host.ts';
import { isBlank, type PgInfo } from './pg-info.ts';
import type { PgState } from './pg-state.ts';

/** A word that was not answered is said again after this. */
const AGAIN_MS = 1000;

/** What the list of strays needs of its PG. */
export interface StraysScope {
  readonly host: PgHost;
  readonly view: { readonly up: readonly number[]; readonly acting: readonly number[] };
  readonly peering: Pick<Peering, 'infos'>;
  /** All members are there and have everything. */
  readonly isClean: boolean;
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
}

/**
 * Holders of the PG outside its acting set, as its primary knows them. Each is remembered until it has confirmed that it
 * has removed its copy, which it is told to, again and again, while all members have everything. Nothing of this is
 * stored: after a restart of either side the holder announces itself anew.
 */
export class Strays {
  /** What each of them said last. */
  readonly infos = new Map<number, PgInfo>();
  private readonly scope: StraysScope;
  private timer: Timer | undefined;

  constructor(scope: StraysScope) {
    this.scope = scope;
  }

  /** Those that are told to drop their copies, and have not confirmed it. */
  get finishing(): number[] {
    return this.scope.isClean ? [...this.infos.keys()].filter((osd) => !this.isKept(osd)) : [];
  }

  /** Somebody has spoken up by itself. If it is no member, it is remembered, and need not do so again. */
  announced(osd: number, info: PgInfo): void {
    if (this.scope.view.acting.includes(osd)) return;
    this.infos.set(osd, info);
    this.scope.host.send(osd, outgoing(MPgNoticed, this.scope.header()));
  }

  /** It has removed its copy. */
  removed(osd: number): void {
    this.infos.delete(osd);
    this.scope.peering.infos.delete(osd);
    this.scope.host.statsChanged();
  }

  clear(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.infos.clear();
  }

  /** If all members have everything, the others' copies are of no use any more. */
  remove(): void {
    const { host, peering, view } = this.scope;
    this.timer?.cancel();
    this.timer = undefined;
    if (!this.scope.isClean) return;
    for (const [osd, info] of peering.infos) {
      // Who was asked and has nothing may not even have the PG.
      if (!view.acting.includes(osd) && !isBlank(info)) this.infos.set(osd, info);
    }
    for (const osd of this.finishing) {
      if (host.isUp(osd)) host.send(osd, outgoing(MPgRemove, this.scope.header()));
    }
    if (this.finishing.length === 0) return;
    this.timer = host.clock.setTimer(AGAIN_MS, () => this.remove());
  }

  /** It is to be a member once more. */
  private isKept(osd: number): boolean {
    return this.scope.view.up.includes(osd);
  }
}

/** What an announcement needs of its PG. */
export interface AnnouncementScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly view: { readonly primary: number };
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
}

/** A holder that is not the primary tells it what it holds, until the primary takes notice: till then it is homeless. */
export class Announcement {
  /** The primary of this interval has not said anything yet. */
  isHomeless = false;
  private readonly scope: AnnouncementScope;
  private timer: Timer | undefined;
  /** In which of our lives it began; undefined before it does. */
  private upFrom: number | undefined;

  constructor(scope: AnnouncementScope) {
    this.scope = scope;
  }

  begin(): void {
    const { host } = this.scope;
    this.silence();
    this.isHomeless = true;
    this.upFrom = host.upFrom(host.id);
    this.say();
  }

  /** A map in which the interval goes on: what we said in another life the primary has forgotten (Witnesses.forgetLives). */
  livesOn(): void {
    const { host } = this.scope;
    if (this.upFrom !== undefined && this.upFrom !== host.upFrom(host.id)) this.begin();
  }

  /** The primary has spoken to us. */
  noticed(): void {
    this.silence();
    this.isHomeless = false;
  }

  /** The interval is over. */
  stop(): void {
    this.silence();
    this.upFrom = undefined;
  }

  private silence(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }

  private say(): void {
    const { host, state, view } = this.scope;
    if (view.primary >= 0) {
      const info = state.current();
      const message = outgoing(MPgInfo, { ...this.scope.header(), round: 0, info });
      host.send(view.primary, message);
    }
    this.timer = host.clock.setTimer(AGAIN_MS, () => this.say());
  }
}
