import type { OSDMap } from '../../maps/index.ts';
import type { Clock, Timer } from '../../runtime/index.ts';
import type { LOG_PRIORITY, MessageOf, MOSDScrub2, PgId } from '../../wire/index.ts';
import type { Pg } from '../pg/pg.ts';
import { scrubOrders } from './scrub-orders.ts';
import type { ScrubPlaceGiver } from './scrub-places.ts';
import { requestedPlan } from './scrub-plan.ts';
import type { ScrubOrders, ScrubPlace, ScrubPort, ScrubSettings } from './scrub-port.ts';

/** What a shard gives for the scrubs of its PGs. */
export interface ShardScrubsHost {
  readonly clock: Clock;
  readonly map: OSDMap | undefined;
  readonly scrubPlaces: ScrubPlaceGiver;
  readonly scrubSettings: ScrubSettings;
  clusterLog(priority: keyof typeof LOG_PRIORITY, text: string): void;
  all(): Iterable<Pg>;
  pg(pgid: PgId): Pg | undefined;
}

/** How often a shard looks which PG's time has come. */
const TICK_MS = 1000;
/** Scrubs that a shard tries to begin at a time: a refusal of somebody's place costs a tick. */
const TRIES = 2;

/** An order to scrub, as the monitor sends it. */
export type ScrubOrder = Pick<MessageOf<typeof MOSDScrub2>, 'epoch' | 'pgs' | 'deep' | 'repair'>;

/** Begins the scrubs of a shard's PGs when they are wanted or due, and gives them what the OSD has for them. */
export class ShardScrubs implements ScrubPort {
  /** Damaged copies of ours that were replaced since the start. */
  replaced = 0;
  private readonly host: ShardScrubsHost;
  private timer: Timer | undefined;
  /** The PG that was tried last: the next time another one is first. */
  private last = 0;

  constructor(host: ShardScrubsHost) {
    this.host = host;
    this.tickLater();
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** Those of the PGs that are ours. */
  order({ pgs, deep, repair }: ScrubOrder): void {
    for (const { pgid } of pgs) {
      const pg = this.host.pg(pgid);
      if (!pg?.isPrimary) continue;
      pg.scrubber.request(requestedPlan({ deep, repair }));
    }
    this.tick();
  }

  // What PGs ask.

  get settings(): ScrubSettings {
    return this.host.scrubSettings;
  }
  get isRecovering(): boolean {
    for (const pg of this.host.all()) if (pg.recovery.activeCount > 0) return true;
    return false;
  }
  orders(pool: number): ScrubOrders {
    return scrubOrders(this.host.map, pool);
  }
  takePlace(then: (isGiven: boolean) => void): ScrubPlace {
    return this.host.scrubPlaces.take(then);
  }
  copyReplaced(): void {
    this.replaced++;
  }
  clusterLog(priority: keyof typeof LOG_PRIORITY, text: string): void {
    this.host.clusterLog(priority, text);
  }

  private tickLater(): void {
    this.timer = this.host.clock.setTimer(TICK_MS, () => {
      this.tick();
      this.tickLater();
    });
  }

  private tick(): void {
    const nowMs = this.host.clock.wallMs();
    const pgs = [...this.host.all()];
    const first = this.last;
    let tries = 0;
    for (let i = 1; i <= pgs.length && tries < TRIES; i++) {
      const at = (first + i) % pgs.length;
      if (!pgs[at]!.scrubber.look(nowMs)) continue;
      this.last = at;
      tries++;
    }
  }
}
