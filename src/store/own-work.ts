import { CephError } from '../errors/index.ts';
import type { Clock, Logger, Timer } from '../runtime/index.ts';
import type { BlockWriter } from './block-writer.ts';
import type { Committer, Group } from './committer.ts';
import { FIGURES_KEY } from './keys.ts';
import type { ObjectOmaps } from './object-omap.ts';
import { LATER, type ObjectTable } from './object-table.ts';

/** Patches move to blocks when there are this many bytes of them, or when the store has been quiet for a while. */
const PATCHED_BYTES_MAX = 4 * 2 ** 20;
const QUIET_MS = 1000;
/** How much one group moves, so that the transactions in it do not wait long. */
const MOVE_BYTES = 2 * 2 ** 20;

interface Parts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly path: string;
  readonly committer: Committer;
  readonly writer: BlockWriter;
  readonly omaps: ObjectOmaps;
  readonly table: ObjectTable;
}

/**
 * What a store does by itself: patches move to blocks, entries of removed omaps are deleted, and the journal gets a last
 * word when nothing more comes. All of it goes with the groups of transactions, or as one of its own.
 */
export class OwnWork {
  private readonly o: Parts;
  private quiet: Timer | undefined;
  /** Whether there was a transaction since the quiet timer was set. */
  private isActive = false;

  constructor(parts: Parts) {
    this.o = parts;
  }

  /** There was a transaction. */
  touched(): void {
    this.isActive = true;
    this.arm();
  }

  /** Work that cannot wait, with the group that gathers. */
  withGroup(): void {
    this.some(this.o.writer.patchedBytes > PATCHED_BYTES_MAX);
  }

  /** Looks after a while whether the store is quiet. */
  arm(): void {
    this.quiet ??= this.o.clock.setTimer(QUIET_MS, () => {
      const { committer, writer, omaps } = this.o;
      this.quiet = undefined;
      if (committer.failure) return;
      const { isActive } = this;
      this.isActive = false;
      if (!isActive) {
        this.some(true);
        // Goes into the journal behind all that was acknowledged, which from then on is known to have been durable:
        // damage there is told from a write that the power cut short.
        committer.gathering.changes.set(FIGURES_KEY, LATER);
        committer.join().catch(() => {}); // a failure is logged by the committer
      }
      if (isActive || writer.patched.size > 0 || omaps.garbage.size > 0) this.arm();
    });
  }

  /** Moves all patches that there are, as far as there is room, with the group that gathers. */
  movePatches(): void {
    this.move(0);
  }

  /** Does all of it, but for patches that there is no room to move. Nothing happens by itself any more. */
  async finish(): Promise<void> {
    this.quiet?.cancel();
    const { committer, writer, omaps } = this.o;
    let before = -1;
    while (!committer.failure && (omaps.garbage.size > 0 || writer.patchedBytes !== before)) {
      before = writer.patchedBytes;
      this.some(true);
      await committer.drain();
    }
  }

  /** @param move whether patches move to blocks */
  private some(move: boolean): void {
    const { writer, omaps } = this.o;
    omaps.sweepSome();
    // As much as comes, when that is more: opening the store goes through all that wait.
    const least = Math.min(writer.patchedBytes - MOVE_BYTES, PATCHED_BYTES_MAX + MOVE_BYTES);
    if (move) this.move(least);
  }

  /** @param least how many bytes of patches may stay */
  private move(least: number): void {
    const { committer, writer } = this.o;
    const group = committer.gathering;
    for (const key of writer.patched) {
      if (writer.patchedBytes <= least) break;
      const outcome = this.moveOf(key, group);
      if (outcome === 'no room') return; // later: what is removed meanwhile makes some
      if (outcome === 'damaged') {
        writer.patched.delete(key);
        this.o.log('warn', 'patches of an object stay where they are', { path: this.o.path });
      }
    }
  }

  private moveOf(key: string, group: Group): 'moved' | 'no room' | 'damaged' {
    const { table, writer } = this.o;
    try {
      if (table.find(key)) return writer.movePatches(table.change(key, group));
    } catch (error) {
      if (!(error instanceof CephError)) throw error;
    }
    return 'damaged';
  }
}
