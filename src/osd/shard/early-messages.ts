import { DecodeError } from '../../errors/index.ts';
import type { Logger } from '../../runtime/index.ts';

/** Messages of peers that speak of a map we do not have yet, in the order they came. */
export class EarlyMessages {
  private readonly log: Logger;
  private waiting: { epoch: number; handle: () => void }[] = [];

  constructor(log: Logger) {
    this.log = log;
  }

  get isEmpty(): boolean {
    return this.waiting.length === 0;
  }

  keep(epoch: number, handle: () => void): void {
    this.waiting.push({ epoch, handle });
  }

  /** A map is there: what waited for it, or for one before, is handled now. */
  reached(epoch: number): void {
    if (this.isEmpty) return;
    const due = this.waiting.filter((w) => w.epoch <= epoch);
    this.waiting = this.waiting.filter((w) => w.epoch > epoch);
    for (const { handle } of due) {
      try {
        handle();
      } catch (e) {
        // Its session is past it; whoever sent it peers again.
        if (!(e instanceof DecodeError)) throw e;
        this.log('warn', 'malformed message of a peer', { error: e.message });
      }
    }
  }
}
