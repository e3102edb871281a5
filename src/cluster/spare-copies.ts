import { CephError } from '../errors/index.ts';

/** What the monitor knows of a PG, as `pg dump` gives it. */
export interface DumpedPg {
  readonly pgid: string;
  readonly state: string;
  readonly acting: readonly number[];
  readonly reported_epoch: number;
  readonly avail_no_missing: readonly string[];
}
interface DumpedMap {
  readonly epoch: number;
  readonly pools: readonly { readonly pool: number; readonly size: number }[];
}

/** Runs a command of the monitor. @returns its output */
export type RunCommand = (words: { prefix: string; [name: string]: unknown }) => Promise<string>;

const POLL_MS = 200;
/** So long it is waited for when nobody says how long. */
export const SPARE_COPIES_MS = 3_600_000;

/**
 * PGs of which nobody but an OSD is known to have all. What was reported before the map of now says nothing: others may
 * have lost their data since. A pool that keeps one copy of everything has no other.
 */
export function leaningPgs(pgs: readonly DumpedPg[], map: DumpedMap, osd: number): string[] {
  const single = new Set(map.pools.filter(({ size }) => size === 1).map(({ pool }) => pool));
  return pgs
    .filter(({ pgid, state, acting, reported_epoch, avail_no_missing: whole }) => {
      if (single.has(Number(pgid.split('.')[0]))) return false;
      if (reported_epoch < map.epoch) return true;
      const holders = /\bclean\b/.test(state) ? acting : whole.map(Number);
      return !holders.some((o) => o >= 0 && o !== osd);
    })
    .map(({ pgid }) => pgid);
}

/**
 * Resolves when every PG is whole on some OSD other than this one, whose store can then be emptied.
 * @throws CephError ETIMEDOUT after `timeoutMs`
 */
export async function awaitSpareCopies(
  command: RunCommand,
  osd: number,
  timeoutMs = SPARE_COPIES_MS,
): Promise<void> {
  const ask = async <T>(words: Parameters<RunCommand>[0]): Promise<T> =>
    JSON.parse(await command({ ...words, format: 'json' })) as T;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { pg_stats } = await ask<{ pg_stats: DumpedPg[] }>({
      prefix: 'pg dump',
      dumpcontents: ['pgs'],
    });
    // Asked for last: a map that comes between the two makes what was reported old, not new.
    const leaning = leaningPgs(pg_stats, await ask<DumpedMap>({ prefix: 'osd dump' }), osd);
    if (leaning.length === 0) return;
    if (performance.now() > deadline) {
      const text = `${leaning.length} PGs, as ${leaning[0]}, are whole nowhere but on osd.${osd}`;
      throw new CephError('ETIMEDOUT', text);
    }
    await new Promise((done) => setTimeout(done, POLL_MS));
  }
}
