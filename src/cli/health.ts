import { connect, type Rados } from '../client/index.ts';
import type { ClusterDir } from '../cluster/index.ts';

interface PgStates {
  readonly num_pgs: number;
  readonly num_pg_by_state: readonly { readonly name: string; readonly num: number }[];
}

/** How long copies that have to move, or data that may be lost, keep a cluster from counting as started. */
const CLEAN_MS = 10_000;

/**
 * Asks the monitor until the OSDs named are up and every PG is active and clean. It does not insist on clean: moving
 * data may take long, and what is wrong with PGs can only be put right while the cluster runs.
 * @param wait called between questions with what is waited for; it throws to give up
 */
export async function waitHealthy(
  dir: ClusterDir,
  osds: readonly number[],
  wait: (what: string) => Promise<void>,
): Promise<void> {
  await using rados = await connect({ conf: dir.conf });
  let upSinceMs: number | undefined;
  for (;;) {
    const up = await upOsds(rados);
    const missing = osds.filter((id) => !up.has(id)).length;
    if (missing > 0) {
      await wait(`${missing} of ${osds.length} OSDs`);
      continue;
    }
    upSinceMs ??= performance.now();
    const { output } = await rados.command({ prefix: 'pg stat', format: 'json' });
    const { num_pgs, num_pg_by_state } = (JSON.parse(output.toString()) as { pg_summary: PgStates })
      .pg_summary;
    const clean = num_pg_by_state
      .filter(({ name }) => /^active\+clean(\+scrubbing.*)?$/.test(name))
      .reduce((sum, s) => sum + s.num, 0);
    if (clean === num_pgs || performance.now() - upSinceMs > CLEAN_MS) return;
    await wait(`${num_pgs - clean} of ${num_pgs} PGs`);
  }
}

/** The OSDs that are up. */
export async function upOsds(rados: Rados): Promise<Set<number>> {
  const { output } = await rados.command({ prefix: 'osd dump', format: 'json' });
  const { osds } = JSON.parse(output.toString()) as { osds: { osd: number; up: number }[] };
  return new Set(osds.filter((o) => o.up === 1).map((o) => o.osd));
}

/** The monitor's `status` text. */
export async function statusText(dir: ClusterDir, timeoutMs: number): Promise<string> {
  await using rados = await connect({ conf: dir.conf, timeoutMs });
  const { output } = await rados.command({ prefix: 'status' }, { timeoutMs });
  return output.toString();
}
