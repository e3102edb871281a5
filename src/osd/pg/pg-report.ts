import {
  emptyStatSum,
  type PgStat,
  type PgStateName,
  pgState,
  type UTime,
  utimeOfMs,
} from '../../wire/index.ts';
import { scrubErrors } from '../scrub/scrub-history.ts';
import { waitingFor } from './peering-steps.ts';
import type { Pg } from './pg.ts';
import { countUnfound } from './pg-unfound.ts';

/** The state of a PG as its primary sees it. Bits: PG_STATE_* of src/osd/osd_types.h, 16.2. */
export function stateOf(pg: Pg): bigint {
  return pgState(...stateNames(pg));
}

function stateNames(pg: Pg): PgStateName[] {
  const names: PgStateName[] = [];
  const { view } = pg;
  const phase = pg.peering.phase.name;
  const isShort = view.acting.length < view.size;
  switch (phase) {
    case 'down':
      names.push('down');
      break;
    case 'incomplete':
      names.push('incomplete');
      break;
    case 'activating':
      names.push('activating');
      break;
    case 'active':
    case 'peered':
      if (view.isMerging) names.push('peered', 'premerge');
      else names.push(phase);
      if (pg.isClean) names.push('clean');
      names.push(...recoveryNames(pg));
      break;
    default:
      names.push('peering');
      if (pg.state.info.created > 0 && pg.state.log.length === 0) names.push('creating');
  }
  names.push(...pg.scrubber.names);
  if (isShort) names.push('undersized');
  if (view.up.join() !== view.acting.join()) names.push('remapped');
  return names;
}

const NAMES = {
  recovery: {
    granted: 'recovering',
    full: 'recovery_toofull',
    wait: 'recovery_wait',
    unfound: 'recovery_unfound',
    forced: 'forced_recovery',
  },
  backfill: {
    granted: 'backfilling',
    full: 'backfill_toofull',
    wait: 'backfill_wait',
    unfound: 'backfill_unfound',
    forced: 'forced_backfill',
  },
} as const;

/** Copies that are missing, and how far the PG has come with bringing them. */
function recoveryNames({ recovery, recoveryStatus: status, places, member }: Pg): PgStateName[] {
  const names: PgStateName[] = status.counts().degraded > 0 ? ['degraded'] : [];
  for (const kind of status.forced) names.push(NAMES[kind].forced);
  const kind = status.kind();
  if (!kind) return names;
  const { name } = places.state;
  const { [kind]: of } = NAMES;
  names.push(name === 'granted' || name === 'full' ? of[name] : of.wait);
  if (recovery.unfoundCount > 0 || member.importer.isStalled) names.push(of.unfound);
  return names;
}

/** When a PG was last seen in certain states, kept between reports. */
interface Stamps {
  lastChange: UTime;
  lastActive: UTime;
  lastPeered: UTime;
  lastClean: UTime;
  lastUndegraded: UTime;
  lastFullsized: UTime;
  state: bigint;
  reportedSeq: bigint;
}

function newStamps(nowMs: number): Stamps {
  const now = utimeOfMs(nowMs);
  return {
    lastChange: now,
    lastActive: now,
    lastPeered: now,
    lastClean: now,
    lastUndegraded: now,
    lastFullsized: now,
    state: 0n,
    reportedSeq: 0n,
  };
}

/** What the primary tells the monitor of a PG. Moves `stamps` on. */
function reportOf(pg: Pg, stamps: Stamps, nowMs: number): PgStat {
  const { view, state: member } = pg;
  const now = utimeOfMs(nowMs);
  const { scrub } = member.info;
  const names = new Set(stateNames(pg));
  const state = stateOf(pg);
  if (state !== stamps.state) stamps.lastChange = now;
  stamps.state = state;
  stamps.reportedSeq++;
  if (names.has('active')) stamps.lastActive = now;
  if (names.has('active') || names.has('peered')) stamps.lastPeered = now;
  if (names.has('clean')) stamps.lastClean = now;
  if (!names.has('degraded')) stamps.lastUndegraded = now;
  if (!names.has('undersized')) stamps.lastFullsized = now;
  return {
    pgid: pg.pgid,
    state,
    version: member.log.head,
    reportedSeq: stamps.reportedSeq,
    reportedEpoch: pg.epoch,
    up: [...view.up],
    acting: [...view.acting],
    upPrimary: view.upPrimary,
    actingPrimary: view.primary,
    lastFresh: now,
    lastChange: stamps.lastChange,
    lastActive: stamps.lastActive,
    lastPeered: stamps.lastPeered,
    lastClean: stamps.lastClean,
    lastUnstale: now,
    lastUndegraded: stamps.lastUndegraded,
    lastFullsized: stamps.lastFullsized,
    mappingEpoch: member.info.since,
    created: member.info.created,
    lastEpochClean: member.info.clean,
    logStart: member.log.tail,
    logSize: member.log.length,
    ondiskLogSize: member.log.length,
    statsSum: sumOf(pg),
    statsInvalid: member.info.isEstimated,
    lastScrub: scrub.lastScrub,
    lastScrubStamp: scrub.lastScrubStamp,
    lastDeepScrub: scrub.lastDeepScrub,
    lastDeepScrubStamp: scrub.lastDeepScrubStamp,
    lastCleanScrubStamp: scrub.lastCleanScrubStamp,
    blockedBy: blockedBy(pg),
    availNoMissing: pg.isClean ? [] : pg.recoveryStatus.whole(),
  };
}

/** As many as Ceph names (osd_max_pg_blocked_by, 16.2). */
const BLOCKED_BY_MAX = 16;

/** Whose word peering cannot do without, as PeeringState::update_blocked_by, 16.2. */
function blockedBy({ peering: { phase } }: Pg): number[] {
  if (phase.name === 'activating') return [];
  return waitingFor(phase)
    .sort((a, b) => a - b)
    .slice(0, BLOCKED_BY_MAX);
}

function sumOf(pg: Pg): PgStat['statsSum'] {
  const { view, recovery } = pg;
  const t = pg.state.totals;
  const { scrub } = pg.state.info;
  const { degraded, misplaced } = pg.recoveryStatus.counts();
  return {
    ...emptyStatSum(),
    numBytes: t.bytes,
    numObjects: t.objects,
    numObjectCopies: t.objects * Math.max(view.size, view.up.length, view.acting.length),
    numObjectsMissingOnPrimary: pg.state.missing.size,
    numObjectsDegraded: degraded,
    numObjectsMisplaced: misplaced,
    numObjectsUnfound: countUnfound(pg),
    numObjectsRecovered: recovery.copied.objects,
    numBytesRecovered: recovery.copied.bytes,
    numKeysRecovered: recovery.copied.keys,
    numObjectsDirty: t.dirty,
    numObjectsOmap: t.omapObjects,
    numRd: pg.reads.rd,
    numRdKb: pg.reads.rdKb,
    numScrubErrors: scrubErrors(scrub),
    numShallowScrubErrors: scrub.shallowErrors,
    numDeepScrubErrors: scrub.deepErrors,
    numLargeOmapObjects: scrub.largeOmapObjects,
    numOmapBytes: scrub.omapBytes,
    numOmapKeys: scrub.omapKeys,
    numObjectsRepaired: scrub.objectsRepaired,
    numWr: t.wr,
    numWrKb: t.wrKb,
  };
}

/** The reports of the PGs of one shard. */
export class PgReports {
  private stamps = new Map<Pg, Stamps>();

  /** On one PG, as it would be sent now. */
  one(pg: Pg, nowMs: number): PgStat {
    return reportOf(pg, { ...(this.stamps.get(pg) ?? newStamps(nowMs)) }, nowMs);
  }

  /** On those of the PGs that we are primary of. */
  of(pgs: Iterable<Pg>, nowMs: number): PgStat[] {
    const stamps = new Map<Pg, Stamps>();
    const out: PgStat[] = [];
    for (const pg of pgs) {
      if (!pg.isPrimary) continue;
      const mine = this.stamps.get(pg) ?? newStamps(nowMs);
      stamps.set(pg, mine);
      out.push(reportOf(pg, mine, nowMs));
    }
    this.stamps = stamps;
    return out;
  }
}
