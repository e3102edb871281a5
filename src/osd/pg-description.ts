import { formatEVersion, formatPgId, formatPgState } from '../wire/index.ts';
import type { Pg } from './pg.ts';
import { stateOf } from './pg-report.ts';

export type PgDescription = ReturnType<typeof describePg>;

/** What `query` shows of a PG. */
export function describePg(pg: Pg) {
  const { info, log, totals } = pg.state;
  return {
    state: formatPgState(stateOf(pg)),
    epoch: pg.epoch,
    up: pg.view.up,
    acting: pg.view.acting,
    info: {
      pgid: formatPgId(pg.pgid),
      last_update: formatEVersion(log.head),
      log_tail: formatEVersion(log.tail),
      last_user_version: Number(totals.lastUserVersion),
      history: {
        epoch_created: info.created,
        last_epoch_started: info.lastEpochStarted,
        last_epoch_clean: info.clean,
        same_interval_since: info.since,
      },
      stats: { num_objects: totals.objects, num_bytes: totals.bytes },
    },
    peers: [...pg.peers()].map(([peer, missing]) => ({ peer, num_missing: missing.size })),
    num_missing: pg.state.missing.size,
    peering: pg.peering.phase.name,
  };
}
