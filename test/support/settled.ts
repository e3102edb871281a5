import type { Rados } from '../../src/client/index.ts';
import { pause } from './until.ts';

/** A PG as the monitor was told of it. */
export interface PgReport {
  readonly pgid: string;
  readonly state: string;
  readonly up: readonly number[];
  readonly reported_epoch: number;
}

export async function pgReports(rados: Rados): Promise<PgReport[]> {
  return ((await asked(rados, 'pg dump')) as { pg_map: { pg_stats: PgReport[] } }).pg_map.pg_stats;
}

/** All PGs are clean, and know the map of now: what was reported before the last change says nothing. */
async function areClean(rados: Rados): Promise<boolean> {
  const { epoch } = (await asked(rados, 'osd dump')) as { epoch: number };
  const reports = await pgReports(rados);
  return reports.every((pg) => pg.state === 'active+clean' && pg.reported_epoch >= epoch);
}

/** Waits until all PGs are clean as of the map of now. */
export async function settled(rados: Rados, mostMs = 30_000): Promise<void> {
  const end = Date.now() + mostMs;
  while (!(await areClean(rados))) {
    if (Date.now() > end) {
      throw new Error(`not clean: ${JSON.stringify(await pgReports(rados), null, 1)}`);
    }
    await pause(20);
  }
}

async function asked(rados: Rados, prefix: string): Promise<unknown> {
  return JSON.parse((await rados.command({ prefix, format: 'json' })).output.toString());
}
