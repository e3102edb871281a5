import { assert } from '../../errors/index.ts';
import type { StoreOp } from '../../store/index.ts';
import { formatPgId, type PgId } from '../../wire/index.ts';
import { listObjects, pgMeta } from '../pg/pg-collection.ts';
import type { PgHost } from '../pg/pg-host.ts';
import { type HashRange, overlap } from './hash-range.ts';

/** Objects removed in one transaction. */
const REMOVE_BATCH = 64;

interface Removal extends HashRange {
  /** Its last step was submitted: whoever submits next finds no collection, which need not be durable yet. */
  isGone: boolean;
  /** Nobody goes on with it. */
  isOver: boolean;
}

/**
 * PGs whose objects are being removed in the background. Maps that split and merge pass them by: their collections keep
 * what they had of the pool's hashes when they were PGs. So a PG is not made where any of its hashes is still being
 * removed; only a merge, which cannot wait, takes over what is left.
 */
export class Removals {
  private readonly host: Pick<PgHost, 'store' | 'submit' | 'fatal' | 'removed'>;
  private readonly running = new Map<string, Removal>();

  constructor(host: Pick<PgHost, 'store' | 'submit' | 'fatal' | 'removed'>) {
    this.host = host;
  }

  has(pgid: PgId): boolean {
    return this.running.has(formatPgId(pgid));
  }

  /** Is something in the way of a PG of so many bits? */
  overlaps(pgid: PgId, bits: number): boolean {
    return this.within(pgid, bits).length > 0;
  }

  /** Removes what is left of a PG; after a crash in the middle, whoever loads the store begins again. */
  begin(pgid: PgId, bits: number): void {
    const removal = { pgid, bits, isGone: false, isOver: false };
    this.running.set(formatPgId(pgid), removal);
    this.clear(removal).then(
      () => {
        if (removal.isOver) return;
        this.running.delete(formatPgId(pgid));
        this.host.removed(pgid);
      },
      (e) => this.host.fatal(e),
    );
  }

  /**
   * Ends the removals of PGs that have hashes of this one, which has so many bits and is not here. What is left of them
   * is another's from now on.
   * @returns the steps after which the PG's collection is there, with just that in it
   */
  takeOver(pgid: PgId, bits: number): StoreOp[] {
    const c = formatPgId(pgid);
    const { pool, seed } = pgid;
    const removals = this.within(pgid, bits);
    assert(
      removals.every((removal) => removal.bits >= bits),
      `${c} of ${bits} bits is part of what is being removed`,
    );
    const whole = removals.find((removal) => removal.bits === bits);
    if (whole) {
      whole.isOver = true;
      this.running.delete(c);
      if (!whole.isGone) return [{ op: 'remove', c, oid: pgMeta(pgid) }];
    }
    if (whole || removals.length === 0) return [{ op: 'mkcoll', c, bounds: { pool, seed, bits } }];
    // The pool had more PGs when they were removed.
    const high = { pool, seed: seed + 2 ** bits };
    const halves = [...this.takeOver(pgid, bits + 1), ...this.takeOver(high, bits + 1)];
    return [...halves, { op: 'mergecoll', c: formatPgId(high), dest: c, bits }];
  }

  /** What is being removed and has hashes of a PG of so many bits. */
  private within(pgid: PgId, bits: number): Removal[] {
    return [...this.running.values()].filter((removal) => overlap(removal, { pgid, bits }));
  }

  private async clear(removal: Removal): Promise<void> {
    const { host } = this;
    const { pgid } = removal;
    const c = formatPgId(pgid);
    // What maps of the same batch made of the PG is submitted first.
    await Promise.resolve();
    while (!removal.isOver) {
      const { objects } = listObjects(host.store, pgid, undefined, REMOVE_BATCH);
      const ops: StoreOp[] =
        objects.length > 0
          ? objects.map((oid) => ({ op: 'remove', c, oid }))
          : [
              // Of a PG that was cut short in coming, it may be there without its info.
              { op: 'remove', c, oid: pgMeta(pgid) },
              { op: 'rmcoll', c },
            ];
      removal.isGone = objects.length === 0;
      await host.submit(ops);
      if (removal.isGone) return;
    }
  }
}
