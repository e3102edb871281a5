import { type Run, wait } from './run.ts';

export interface PgStat {
  readonly pgid: string;
  readonly state: string;
  readonly acting: readonly number[];
}

/** All PGs, and those that are not active and clean. */
export async function pgsClean(run: Run): Promise<{ all: PgStat[]; dirty: PgStat[] }> {
  const { pg_stats: all } = await run.json<{ pg_stats: PgStat[] }>({
    prefix: 'pg dump',
    dumpcontents: ['pgs'],
  });
  return { all, dirty: all.filter((pg) => !/^active\+clean(\+scrubbing.*)?$/.test(pg.state)) };
}

/** Waits until all PGs are clean. @returns whether they were in time */
export async function allClean(run: Run, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const { all, dirty } = await pgsClean(run);
    if (all.length > 0 && dirty.length === 0) return true;
    if (performance.now() > deadline) return false;
    await wait(300);
  }
}
