import { DecodeError } from '../../errors/index.ts';
import { splitBits } from '../../maps/index.ts';
import { type ObjectStore, ownPool, type PgBounds } from '../../store/index.ts';
import { formatPgId, type HObject, type PgId, SNAP_HEAD } from '../../wire/index.ts';
import { firstObject } from '../recovery/import.ts';

// What lies in a PG's collection: objects of clients, and one of its own with info, log and missing set as its omap.

/** The key of the info in the omap of {@link pgMeta}. */
export const INFO_KEY = 'i';
const PAGE = 1000;

/** The object in a PG's collection that holds its log. No client can name it: it is in the PG's own pool. */
export function pgMeta({ pool, seed }: PgId): HObject {
  return {
    key: '',
    name: 'pgmeta',
    snap: SNAP_HEAD,
    hash: seed,
    max: false,
    namespace: '',
    pool: ownPool(pool),
  };
}

/** What may be in a PG's collection while its pool has so many PGs. */
export function pgBounds({ pool, seed }: PgId, pgCount: number): PgBounds {
  return { pool, seed, bits: splitBits(seed, pgCount) };
}

/** Objects of clients in a PG's collection, from a place in their order on. */
export function listObjects(
  store: ObjectStore,
  pgid: PgId,
  from: HObject | undefined,
  limit: number,
): { objects: HObject[]; next: HObject | undefined } {
  const start = from ?? firstObject(pgid.pool);
  const page = store.list(formatPgId(pgid), start, limit);
  return { objects: page.objects.filter((o) => o.pool === pgid.pool), next: page.next };
}

/** Entries of the PG's own object whose keys begin so. */
export function* scanMeta(
  store: ObjectStore,
  pgid: PgId,
  prefix: string,
): Generator<[string, Uint8Array]> {
  const c = formatPgId(pgid);
  const meta = pgMeta(pgid);
  let after: string | undefined;
  for (;;) {
    const from = after === undefined ? { from: prefix } : { after };
    const page = store.omapList(c, meta, { ...from, prefix, limit: PAGE });
    yield* page.entries;
    const last = page.entries[page.entries.length - 1];
    if (!page.more || !last) return;
    after = last[0];
  }
}

/** Reads of a damaged store end the daemon; this names what was damaged. */
export function damaged(pgid: PgId, cause: unknown): Error {
  const what = cause instanceof DecodeError ? cause.message : String(cause);
  return new Error(`PG ${formatPgId(pgid)} cannot be read from the store: ${what}`, { cause });
}
