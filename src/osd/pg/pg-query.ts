import type { Json } from '../../codec/index.ts';
import {
  blankPgStat,
  EVERSION_ZERO,
  emptyStatSum,
  formatEVersion,
  formatPgId,
  formatPgState,
  type PgId,
  type PgStat,
  pgJson,
  stamp,
  stampOfMs,
  TIME_ZERO,
} from '../../wire/index.ts';
import type { Pg } from './pg.ts';
import type { PgInfo } from './pg-info.ts';
import { stateOf } from './pg-report.ts';
import { mightHaveUnfound } from './pg-unfound.ts';

// What `ceph pg PGID query` shows. Members, their order and the words of `comment` and `blocked`, which tools look for:
// PeeringState::dump_peering_state and its react(QueryState), src/osd/PeeringState.cc; pg_info_t::dump,
// src/osd/osd_types.cc; release 16.2. What there is not here (snapshots, hit sets, cache tiers) is empty.

type Fields = { [key: string]: Json };

/** @param stats the PG's report as it is now */
export function queryPg(pg: Pg, stats: PgStat): Fields {
  const { state, view, peering } = pg;
  const info = state.current();
  const isServing = peering.phase.name === 'active' || peering.phase.name === 'peered';
  return {
    snap_trimq: '[]',
    snap_trimq_len: 0,
    state: formatPgState(stateOf(pg)),
    epoch: view.epoch,
    up: [...view.up],
    acting: [...view.acting],
    ...(isServing && { acting_recovery_backfill: strings(view.acting).sort() }),
    info: infoJson(pg.pgid, info, statsOf(stats), pg.view, state.missing.size),
    peer_info: [...peering.infos].map(([osd, peer]) => {
      const missing = peering.missing.get(osd)?.size ?? 0;
      return {
        peer: String(osd),
        ...infoJson(pg.pgid, peer, statsOf(ofPeer(peer)), peer.view, missing),
      };
    }),
    recovery_state: recoveryState(pg),
    ...(pg.isPrimary &&
      isServing && { scrubber: { epoch_start: '0', active: pg.scrubber.names.length > 0 } }),
    agent_state: {},
  };
}

function infoJson(
  pgid: PgId,
  info: PgInfo,
  stats: Json,
  view: { readonly epoch: number },
  missing: number,
): Fields {
  const { scrub } = info;
  const isDone = !info.import && info.complete;
  const isEmpty = info.lastUpdate.version === 0n;
  return {
    pgid: formatPgId(pgid),
    last_update: formatEVersion(info.lastUpdate),
    last_complete: formatEVersion(missing > 0 ? info.logTail : info.lastUpdate),
    log_tail: formatEVersion(info.logTail),
    last_user_version: Number(info.totals.lastUserVersion),
    last_backfill: isDone ? 'MAX' : 'MIN',
    purged_snaps: [],
    history: {
      epoch_created: info.created,
      epoch_pool_created: info.created,
      last_epoch_started: info.lastEpochStarted,
      last_interval_started: info.started,
      last_epoch_clean: info.clean,
      last_interval_clean: info.clean,
      last_epoch_split: 0,
      last_epoch_marked_full: 0,
      same_up_since: info.since,
      same_interval_since: info.since,
      same_primary_since: info.since,
      last_scrub: formatEVersion(scrub.lastScrub),
      last_scrub_stamp: stamp(scrub.lastScrubStamp),
      last_deep_scrub: formatEVersion(scrub.lastDeepScrub),
      last_deep_scrub_stamp: stamp(scrub.lastDeepScrubStamp),
      last_clean_scrub_stamp: stamp(scrub.lastCleanScrubStamp),
      prior_readable_until_ub: 0,
    },
    stats,
    empty: isEmpty ? 1 : 0,
    dne: view.epoch === 0 ? 1 : 0,
    incomplete: isDone ? 0 : 1,
    last_epoch_started: info.lastEpochStarted,
    hit_set_history: { current_last_update: formatEVersion(EVERSION_ZERO), history: [] },
  };
}

/** Beside its PG's number, which stands before it. */
function statsOf(stats: PgStat): Json {
  const { pgid: _, ...rest } = pgJson(stats);
  return rest;
}

/** A peer says what it holds, and no statistics of its own. */
function ofPeer(info: PgInfo): PgStat {
  const { totals } = info;
  const logSize = Number(info.lastUpdate.version - info.logTail.version);
  return {
    ...blankPgStat({ pool: 0, seed: 0 }, TIME_ZERO),
    version: info.lastUpdate,
    logStart: info.logTail,
    logSize,
    ondiskLogSize: logSize,
    statsSum: { ...emptyStatSum(), numObjects: totals.objects, numBytes: totals.bytes },
  };
}

/** The states that the primary, or a member, is in, the innermost first. */
function recoveryState(pg: Pg): Json {
  const entered = stampOfMs(pg.changedMs);
  const started = { name: 'Started', enter_time: stampOfMs(pg.begunMs) };
  const of = (name: string, more: Fields = {}): Fields => ({
    name: `Started/${name}`,
    enter_time: entered,
    ...more,
  });
  if (!pg.isPrimary) return [of(pg.isActing ? 'ReplicaActive' : 'Stray'), started];
  const { phase } = pg.peering;
  const peering = (inner: string, more: Fields = {}): Json => [
    of(`Primary/Peering/${inner}`, more),
    { ...peeringState(pg), enter_time: entered },
    started,
  ];
  switch (phase.name) {
    case 'idle':
    case 'asking': {
      const waiting = phase.name === 'asking' ? [...phase.waiting] : [];
      return peering('GetInfo', { requested_info_from: waiting.map((o) => ({ osd: String(o) })) });
    }
    case 'fetching':
      return peering('GetLog', { auth_log_shard: String(phase.from) });
    case 'merging':
      return peering('GetLog');
    case 'comparing': {
      const waiting = [...phase.waiting].map((o) => ({ osd: String(o) }));
      return peering('GetMissing', { peer_missing_requested: waiting });
    }
    case 'down':
      return peering('Down', { comment: 'not enough up instances of this PG to go active' });
    case 'incomplete':
      return peering('Incomplete', { comment: 'not enough complete instances of this PG' });
    case 'waitingForUpThru':
      return peering('WaitUpThru', {
        comment: 'waiting for osdmap to reflect a new up_thru for this osd',
      });
    case 'activating':
    case 'active':
    case 'peered':
      return [of('Primary/Active', activeState(pg)), started];
  }
}

function peeringState(pg: Pg): Fields {
  const { peering, host } = pg;
  const { history, down } = peering.past;
  const { phase } = peering;
  const isBlocked = phase.name === 'down';
  const members = [...new Set(history.flatMap((i) => i.acting))].sort((a, b) => a - b);
  const intervals = history.map((i) => ({
    first: String(i.first),
    last: String(i.last),
    acting: i.acting.join(','),
  }));
  const since = pg.state.info.since;
  const first = history[0]?.first ?? since;
  return {
    name: 'Started/Primary/Peering',
    enter_time: '',
    past_intervals: [
      {
        first: String(first),
        last: String(Math.max(first, since - 1)),
        all_participants: members.map((osd) => ({ osd })),
        intervals,
      },
    ],
    probing_osds: strings([...peering.consulted, host.id]),
    ...(isBlocked && { blocked: 'peering is blocked due to down osds' }),
    down_osds_we_would_probe: [...down].sort((a, b) => a - b),
    peering_blocked_by: isBlocked
      ? [...phase.blockedBy].map((osd) => ({
          osd,
          current_lost_at: host.lostAt(osd),
          comment: 'starting or marking this osd lost may let us proceed',
        }))
      : [],
  };
}

function activeState(pg: Pg): Fields {
  const { holdings, recovery, peering, state } = pg;
  const importing = [...peering.frontiers.keys(), ...(state.import ? [pg.host.id] : [])];
  const pulling = recovery.activeCount;
  return {
    might_have_unfound: holdings.lacksAnything() ? mightHaveUnfound(pg) : [],
    recovery_progress: {
      backfill_targets: strings(importing),
      waiting_on_backfill: [],
      last_backfill_started: 'MIN',
      backfill_info: { begin: 'MIN', end: 'MIN', objects: [] },
      peer_backfill_info: [],
      backfills_in_flight: [],
      recovering: [],
      pg_backend: { pull_from_peer: [], pushing: [] },
      sepiola_copies_under_way: pulling,
    },
  };
}

function strings(osds: readonly number[]): string[] {
  return [...new Set(osds)].sort((a, b) => a - b).map(String);
}
