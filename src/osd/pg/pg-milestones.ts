import { type MessageOf, outgoing } from '../../wire/index.ts';
import { MPgHistory } from '../peer-messages.ts';
import type { Peering } from './peering.ts';
import type { PgHost } from './pg-host.ts';
import type { PgState } from './pg-state.ts';

/** What milestones need of their PG. */
export interface MilestonesScope {
  readonly host: PgHost;
  readonly state: PgState;
  readonly peering: Pick<Peering, 'infos'>;
  /** The other acting members. */
  readonly replicas: readonly number[];
  header(): { pgid: PgState['pgid']; epoch: number; since: number };
}

/**
 * What all members of an interval have reached together: that they serve, and that they are clean. Each writes it down;
 * older intervals need not be asked about any more.
 */
export class Milestones {
  private readonly scope: MilestonesScope;

  constructor(scope: MilestonesScope) {
    this.scope = scope;
  }

  /** The members begin to serve. A primary that is new to the PG has heard from others when it was clean last. */
  started(): void {
    const { state, peering } = this.scope;
    const { info } = state;
    const clean = [...peering.infos.values()].reduce((n, i) => Math.max(n, i.clean), info.clean);
    this.reached(info.since, clean);
  }

  /** All members have everything. @returns whether that is new */
  clean(): boolean {
    const { info } = this.scope.state;
    if (info.clean === info.since) return false;
    this.reached(info.since, info.since);
    return true;
  }

  /** Our primary says so, or we are it. */
  note({ started, clean }: Pick<MessageOf<typeof MPgHistory>, 'started' | 'clean'>): void {
    const { host, state } = this.scope;
    const { info } = state;
    const history = info.history.filter((i) => i.last >= started);
    state.info = { ...info, started, clean, history };
    void host.submit([state.saveInfo()]);
  }

  private reached(started: number, clean: number): void {
    const { host, replicas } = this.scope;
    this.note({ started, clean });
    const message = outgoing(MPgHistory, { ...this.scope.header(), started, clean });
    for (const osd of replicas) host.send(osd, message);
  }
}
