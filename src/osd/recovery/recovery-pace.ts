/** How fast copies may begin. */
export interface PaceBounds {
  /** Copies under way at once, at most. */
  readonly active: number;
  /** What copies weigh beside clients' requests where their pool says nothing else: osd_recovery_op_priority. */
  readonly opPriority: number;
  /** What clients' requests weigh: osd_client_op_priority. */
  readonly clientPriority: number;
  /** Copies that begin in one turn, at most. */
  readonly together: number;
  /** From one beginning to the next, at least, ms. */
  readonly sleepMs: number;
}

/** What the copies of a pool weigh beside clients: its `recovery_op_priority`; 0: it says nothing. */
export type OpPriority = number;

/** So many copies may begin for who asked with this ticket. */
export interface CopyStart {
  readonly ticket: number;
  readonly of: OpPriority;
  readonly count: number;
}

/**
 * Lets the copies of an OSD's PGs begin in turn: whoever asks waits behind those who asked before, so that each PG gets
 * its share however many copies it has. Beside clients only the part of them runs that recovery's weight gives; pools
 * that say their own are counted for themselves, so that none waits for another's end. Pure. Source:
 * osd_recovery_max_active, osd_recovery_max_single_start and osd_recovery_sleep as src/osd/OSD.cc
 * (OSDService::_maybe_queue_recovery, OSD::do_recovery) uses them, PrimaryLogPG::get_recovery_op_priority, 16.2.
 */
export class RecoveryPace {
  private bounds: PaceBounds;
  private readonly waiting: Omit<CopyStart, 'count'>[] = [];
  private readonly active = new Map<OpPriority, number>();
  private sleptUntilMs = Number.NEGATIVE_INFINITY;

  constructor(bounds: PaceBounds) {
    this.bounds = bounds;
  }

  get activeCount(): number {
    let all = 0;
    for (const count of this.active.values()) all += count;
    return all;
  }

  setBounds(bounds: PaceBounds): void {
    this.bounds = bounds;
  }

  /** @param ticket of its own; its answer comes with {@link begin} */
  ask(ticket: number, of: OpPriority): void {
    this.waiting.push({ ticket, of });
  }

  /** @returns whether it was still waiting */
  cancel(ticket: number): boolean {
    const at = this.waiting.findIndex((w) => w.ticket === ticket);
    if (at >= 0) this.waiting.splice(at, 1);
    return at >= 0;
  }

  /** A copy has ended, or one that might have begun will not. */
  done(of: OpPriority): void {
    this.active.set(of, this.activeOf(of) - 1);
  }

  /**
   * Who may begin now, and with how many copies.
   * @param isBusy clients have requests: copies that would only wait in line before them begin later
   * @returns also when to look again: ms, or undefined when nobody waits for time to pass
   */
  begin(nowMs: number, isBusy: boolean): { starts: CopyStart[]; againMs?: number } {
    const { together, sleepMs } = this.bounds;
    const starts: CopyStart[] = [];
    for (;;) {
      const at = this.waiting.findIndex(({ of }) => this.room(of, isBusy) > 0);
      if (at < 0) return { starts };
      if (nowMs < this.sleptUntilMs) return { starts, againMs: this.sleptUntilMs - nowMs };
      const { ticket, of } = this.waiting[at]!;
      this.waiting.splice(at, 1);
      const count = Math.max(1, Math.min(together, this.room(of, isBusy)));
      starts.push({ ticket, of, count });
      this.active.set(of, this.activeOf(of) + count);
      if (sleepMs > 0) this.sleptUntilMs = nowMs + sleepMs;
    }
  }

  private activeOf(of: OpPriority): number {
    return this.active.get(of) ?? 0;
  }

  /** How many more copies of this weight may run; beside clients one always may, if any may at all. */
  private room(of: OpPriority, isBusy: boolean): number {
    const { active, opPriority, clientPriority } = this.bounds;
    const left = active - this.activeCount;
    if (!isBusy) return left;
    const weight = of > 0 ? of : opPriority;
    const share = weight / (weight + clientPriority || 1);
    return Math.min(left, Math.max(1, Math.round(active * share)) - this.activeOf(of));
  }
}
