import { connect } from '../client/index.ts';
import type { ClusterDir } from '../cluster/index.ts';

interface Status {
  health: { status: string };
  osdmap: { num_osds: number; num_up_osds: number };
  pgmap: { num_pgs: number; pgs_by_state: { state_name: string; count: number }[] };
}

/**
 * Asks the monitor until every OSD is up and every PG is active and clean.
 * @param wait called between questions with what is waited for; it throws to give up
 */
export async function waitHealthy(
  dir: ClusterDir,
  wait: (what: string) => Promise<void>,
): Promise<void> {
  await using rados = await connect({ conf: dir.conf });
  for (;;) {
    const { output } = await rados.command({ prefix: 'status', format: 'json' });
    const { osdmap, pgmap } = JSON.parse(output.toString()) as Status;
    const clean = pgmap.pgs_by_state
      .filter((s) => s.state_name === 'active+clean')
      .reduce((sum, s) => sum + s.count, 0);
    const missing = osdmap.num_osds - osdmap.num_up_osds;
    if (missing === 0 && clean === pgmap.num_pgs) return;
    await wait(
      missing > 0
        ? `${missing} of ${osdmap.num_osds} OSDs`
        : `${pgmap.num_pgs - clean} of ${pgmap.num_pgs} PGs`,
    );
  }
}

/** The monitor's `status` text. */
export async function statusText(dir: ClusterDir, timeoutMs: number): Promise<string> {
  await using rados = await connect({ conf: dir.conf, timeoutMs });
  const { output } = await rados.command({ prefix: 'status' }, { timeoutMs });
  return output.toString();
}
