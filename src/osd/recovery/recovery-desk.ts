import type { Clock, Timer } from '../../runtime/index.ts';
import { formatPgId, type PgId } from '../../wire/index.ts';
import { type OpPriority, type PaceBounds, RecoveryPace } from './recovery-pace.ts';
import type {
  RecoveryPort,
  Reservation,
  ReservationSide,
  ReservationWish,
} from './recovery-port.ts';
import { type ReservationNews, Reservations } from './reservations.ts';

/** The OSD's bounds on recovery, see the options of these names. */
export interface RecoveryBounds extends PaceBounds {
  /** osd_max_backfills: places for PGs, as many on each side. */
  readonly backfills: number;
  /** osd_min_recovery_priority. */
  readonly lowestPriority: number;
}

/** Whether clients are there is looked at so often at most. */
const LOOK_MS = 50;

/**
 * Where all PGs of an OSD get their places for recovery, and leave to begin copies. Answers come in a later turn of the
 * event loop's microtasks, so that nobody is called from inside of asking.
 */
export class RecoveryDesk implements RecoveryPort {
  private readonly clock: Clock;
  private readonly sides: Record<ReservationSide, Reservations>;
  private readonly pace: RecoveryPace;
  private readonly wishes = new Map<string, ReservationWish>();
  private readonly asks = new Map<number, (count: number) => void>();
  private next = 1;
  private again: Timer | undefined;
  private willLook = false;
  private readonly requests: () => number;
  private requestsSeen = 0;
  private seenMs = Number.NEGATIVE_INFINITY;
  private isBusy = false;

  /** @param requests of clients, counted since the start */
  constructor(clock: Clock, bounds: RecoveryBounds, requests: () => number = () => 0) {
    const { backfills, lowestPriority } = bounds;
    this.clock = clock;
    this.requests = requests;
    this.sides = {
      local: new Reservations(backfills, lowestPriority),
      remote: new Reservations(backfills, lowestPriority),
    };
    this.pace = new RecoveryPace(bounds);
  }

  setBounds(bounds: RecoveryBounds): void {
    const { backfills, lowestPriority } = bounds;
    for (const side of Object.values(this.sides)) {
      this.tell(side.setBounds(backfills, lowestPriority));
    }
    this.pace.setBounds(bounds);
    this.look();
  }

  reserve(wish: ReservationWish): Reservation {
    const ticket = String(this.next++);
    const side = this.sides[wish.side];
    this.wishes.set(ticket, wish);
    this.tell(side.request(ticket, wish.priority));
    return {
      setPriority: (priority) => this.tell(side.setPriority(ticket, priority)),
      release: () => {
        this.wishes.delete(ticket);
        this.tell(side.cancel(ticket));
      },
    };
  }

  askCopies(of: OpPriority, start: (count: number) => void): { cancel(): void } {
    const ticket = this.next++;
    this.asks.set(ticket, start);
    this.pace.ask(ticket, of);
    this.look();
    return {
      cancel: () => {
        this.asks.delete(ticket);
        this.pace.cancel(ticket);
      },
    };
  }

  copyDone(of: OpPriority): void {
    this.pace.done(of);
    this.look();
  }

  /** As `dump_recovery_reservations` shows it. */
  dump(): object {
    const side = (of: ReservationSide) => {
      const { bounds, queued, inProgress } = this.sides[of];
      const item = ({ ticket, priority }: { ticket: string; priority: number }) => ({
        item: this.nameOf(ticket),
        prio: priority,
        can_preempt: true,
      });
      const priorities = [...new Set(queued.map((q) => q.priority))].sort((a, b) => a - b);
      return {
        max_allowed: bounds.most,
        min_priority: bounds.lowest,
        queues: priorities.map((priority) => ({
          priority,
          items: queued.filter((q) => q.priority === priority).map(item),
        })),
        in_progress: inProgress.map(item),
      };
    };
    return { local_reservations: side('local'), remote_reservations: side('remote') };
  }

  /** Nobody is answered any more. */
  stop(): void {
    this.again?.cancel();
    this.wishes.clear();
    this.asks.clear();
  }

  private nameOf(ticket: string): string {
    const pgid: PgId | undefined = this.wishes.get(ticket)?.pgid;
    return pgid ? formatPgId(pgid) : '';
  }

  private tell(news: readonly ReservationNews[]): void {
    for (const { kind, ticket } of news) {
      queueMicrotask(() => {
        const wish = this.wishes.get(ticket);
        if (kind === 'preempted') this.wishes.delete(ticket);
        wish?.[kind]();
      });
    }
  }

  /** Each copy that ends lets the next begin, so that clients who come or go are noticed soon. */
  private lookForClients(nowMs: number): void {
    if (nowMs - this.seenMs < LOOK_MS) return;
    const requests = this.requests();
    this.isBusy = requests !== this.requestsSeen;
    this.requestsSeen = requests;
    this.seenMs = nowMs;
  }

  private look(): void {
    if (this.willLook) return;
    this.willLook = true;
    queueMicrotask(() => {
      this.willLook = false;
      this.begin();
    });
  }

  private begin(): void {
    this.again?.cancel();
    this.again = undefined;
    const nowMs = this.clock.monotonicMs();
    this.lookForClients(nowMs);
    const { starts, againMs } = this.pace.begin(nowMs, this.isBusy);
    if (againMs !== undefined) {
      this.again = this.clock.setTimer(Math.ceil(againMs), () => this.begin());
    }
    for (const { ticket, of, count } of starts) {
      const start = this.asks.get(ticket);
      this.asks.delete(ticket);
      if (start) start(count);
      // Taken back by who began just before.
      else for (let i = 0; i < count; i++) this.copyDone(of);
    }
  }
}
