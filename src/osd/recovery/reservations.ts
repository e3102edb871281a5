/** What became of a reservation. */
export interface ReservationNews {
  readonly kind: 'granted' | 'preempted';
  readonly ticket: string;
}

/** A reservation as `dump_recovery_reservations` shows it. */
export interface ReservationView {
  readonly ticket: string;
  readonly priority: number;
}

/**
 * A bounded number of places, given to the highest priority first and within a priority to who asked first. Who has a
 * place loses it when a higher priority asks, when the bound falls, or when its priority falls below the lowest that
 * counts; it may ask again. Pure: every change returns the news, in order. Source of the rules:
 * src/common/AsyncReserver.h, 16.2.
 */
export class Reservations {
  private most: number;
  private lowest: number;
  /** Highest priority first; within a priority in the order of asking. */
  private readonly waiting: ReservationView[] = [];
  /** In the order of granting. */
  private readonly held = new Map<string, ReservationView>();

  /** @param lowest priorities below it get no place */
  constructor(most: number, lowest = 0) {
    this.most = most;
    this.lowest = lowest;
  }

  get inProgress(): readonly ReservationView[] {
    return [...this.held.values()];
  }
  get queued(): readonly ReservationView[] {
    return this.waiting;
  }
  get bounds(): { most: number; lowest: number } {
    return { most: this.most, lowest: this.lowest };
  }

  setBounds(most: number, lowest: number): ReservationNews[] {
    this.most = most;
    this.lowest = lowest;
    return this.settle();
  }

  /** @param ticket not in use: neither waiting nor granted */
  request(ticket: string, priority: number): ReservationNews[] {
    this.enqueue({ ticket, priority });
    return this.settle();
  }

  /** Gives a place back, or stops waiting for one. Does nothing for a ticket that has neither, as after a preemption. */
  cancel(ticket: string): ReservationNews[] {
    if (!this.held.delete(ticket)) this.dequeue(ticket);
    return this.settle();
  }

  setPriority(ticket: string, priority: number): ReservationNews[] {
    if (this.held.has(ticket)) this.held.set(ticket, { ticket, priority });
    else if (this.dequeue(ticket)) this.enqueue({ ticket, priority });
    return this.settle();
  }

  private enqueue(wish: ReservationView): void {
    const at = this.waiting.findIndex((w) => w.priority < wish.priority);
    this.waiting.splice(at < 0 ? this.waiting.length : at, 0, wish);
  }

  private dequeue(ticket: string): boolean {
    const at = this.waiting.findIndex((w) => w.ticket === ticket);
    if (at >= 0) this.waiting.splice(at, 1);
    return at >= 0;
  }

  private settle(): ReservationNews[] {
    const news: ReservationNews[] = [];
    for (;;) {
      const least = this.least();
      if (!least || (this.held.size <= this.most && least.priority >= this.lowest)) break;
      news.push(this.preempt(least));
    }
    for (;;) {
      const next = this.waiting[0];
      if (!next || next.priority < this.lowest || this.most === 0) break;
      if (this.held.size >= this.most) {
        const least = this.least()!;
        if (least.priority >= next.priority) break;
        news.push(this.preempt(least));
      }
      this.waiting.shift();
      this.held.set(next.ticket, next);
      news.push({ kind: 'granted', ticket: next.ticket });
    }
    return news;
  }

  /** Of the lowest priority, who came last: it has done the least. */
  private least(): ReservationView | undefined {
    let least: ReservationView | undefined;
    for (const r of this.held.values()) if (!least || r.priority <= least.priority) least = r;
    return least;
  }

  private preempt({ ticket }: ReservationView): ReservationNews {
    this.held.delete(ticket);
    return { kind: 'preempted', ticket };
  }
}
