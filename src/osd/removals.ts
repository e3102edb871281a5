import type { StoreOp } from '../store/index.ts';
import { formatPgId, type PgId } from '../wire/index.ts';
import type { PgHost } from './pg-host.ts';
import { listObjects, pgMeta } from './pg-state.ts';

/** Objects removed in one transaction. */
const REMOVE_BATCH = 64;

interface Removal {
  readonly pgid: PgId;
  /** See PgView. */
  readonly bits: number;
  isOver: boolean;
}

/** PGs whose objects are being removed in the background. Their collections keep what they had of the pool's hashes. */
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
  overlaps({ pool, seed }: PgId, bits: number): boolean {
    for (const { pgid, bits: its } of this.running.values()) {
      const common = 2 ** Math.min(bits, its);
      if (pgid.pool === pool && pgid.seed % common === seed % common) return true;
    }
    return false;
  }

  /** Removes what is left of a PG; after a crash in the middle, whoever loads the store begins again. */
  begin(pgid: PgId, bits: number): void {
    const removal = { pgid, bits, isOver: false };
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

  /** The collection is another's from now on, with what is left in it. */
  handOver(pgid: PgId): void {
    const removal = this.running.get(formatPgId(pgid));
    if (!removal) return;
    removal.isOver = true;
    this.running.delete(formatPgId(pgid));
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
      await host.submit(ops);
      if (objects.length === 0) return;
    }
  }
}
