/** How fast copies may begin. */
export interface PaceBounds {
  /** Copies under way at once, at most. */
  readonly active: number;
  /** The part of them that may be under way beside clients' requests, 0 to 1; one may always. */
  readonly share: number;
  /** Copies that begin in one turn, at most. */
  readonly together: number;
  /** From one beginning to the next, at least, ms. */
  readonly sleepMs: number;
}

/**
 * Lets the copies of an OSD's PGs begin in turn: whoever asks waits behind those who asked before, so that each PG gets
 * its share however many copies it has. Pure. Source: osd_recovery_max_active, osd_recovery_max_single_start and
 * osd_recovery_sleep as src/osd/OSD.cc (OSDService::_maybe_queue_recovery, OSD::do_recovery), 16.2, uses them.
 */
export class RecoveryPace {
  private bounds: PaceBounds;
  private readonly waiting: number[] = [];
  private active = 0;
  private sleptUntilMs = Number.NEGATIVE_INFINITY;

  constructor(bounds: PaceBounds) {
    this.bounds = bounds;
  }

  get activeCount(): number {
    return this.active;
  }

  setBounds(bounds: PaceBounds): void {
    this.bounds = bounds;
  }

  /** @param ticket of its own; its answer comes with {@link begin} */
  ask(ticket: number): void {
    this.waiting.push(ticket);
  }

  /** @returns whether it was still waiting */
  cancel(ticket: number): boolean {
    const at = this.waiting.indexOf(ticket);
    if (at >= 0) this.waiting.splice(at, 1);
    return at >= 0;
  }

  /** A copy has ended, or one that might have begun will not. */
  done(): void {
    this.active--;
  }

  /**
   * Who may begin now, and with how many copies.
   * @param isBusy clients have requests: copies that would only wait in line before them begin later
   * @returns also when to look again: ms, or undefined when nobody waits for time to pass
   */
  begin(
    nowMs: number,
    isBusy: boolean,
  ): { starts: { ticket: number; count: number }[]; againMs?: number } {
    const { active, share, together, sleepMs } = this.bounds;
    const most = isBusy ? Math.min(active, Math.max(1, Math.round(active * share))) : active;
    const starts: { ticket: number; count: number }[] = [];
    while (this.waiting.length > 0 && this.active < most) {
      if (nowMs < this.sleptUntilMs) return { starts, againMs: this.sleptUntilMs - nowMs };
      const count = Math.max(1, Math.min(together, most - this.active));
      starts.push({ ticket: this.waiting.shift()!, count });
      this.active += count;
      if (sleepMs > 0) this.sleptUntilMs = nowMs + sleepMs;
    }
    return { starts };
  }
}
