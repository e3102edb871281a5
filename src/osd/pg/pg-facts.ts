import { formatEVersion, formatPgId, formatPgState } from '../../wire/index.ts';
import {
  type ImportReport,
  type MemberWord,
  reportImport,
  type SourceReport,
} from '../recovery/import-report.ts';
import { waitingFor } from './peering-steps.ts';
import type { Pg } from './pg.ts';
import type { PastInterval } from './pg-past.ts';
import { stateOf } from './pg-report.ts';
import { countUnfound, mightHaveUnfound } from './pg-unfound.ts';

/** What one OSD knows of a PG and of why it is as it is: what `sepiola pg explain` puts into words. */
export interface PgFacts {
  readonly pgid: string;
  readonly osd: number;
  readonly role: 'primary' | 'member' | 'homeless';
  /** How the one that answers stands to the PG's data. */
  readonly word: MemberWord;
  /** As in `ceph pg dump`; of others than the primary only what they can tell. */
  readonly state: string;
  readonly epoch: number;
  /** Epoch and age of the interval, seconds. */
  readonly since: number;
  readonly sinceSeconds: number;
  readonly up: readonly number[];
  readonly acting: readonly number[];
  readonly primary: number;
  readonly size: number;
  readonly minSize: number;
  /** What peering does, and whom it waits for. */
  readonly phase: string;
  readonly waitingFor: readonly number[];
  /** The map shows the primary alive in this interval. */
  readonly isVouchedFor: boolean;
  readonly objects: number;
  readonly bytes: number;
  readonly version: string;
  readonly log: { readonly tail: string; readonly entries: number; readonly remembered: number };
  /** The first is the one that answers. */
  readonly members: readonly MemberFacts[];
  /** Holders outside the acting set, and whether they have been told to drop their copies. */
  readonly strays: readonly { readonly osd: number; readonly isFinishing: boolean }[];
  readonly unfound: number;
  /** Nobody who is up can say what else the PG holds. */
  readonly isStalled: boolean;
  /** It cannot be cut, and is so long that writes wait. */
  readonly isLogFull: boolean;
  readonly mightHaveUnfound: readonly { readonly osd: string; readonly status: string }[];
  /** Intervals that may hold writes and are not covered by a later one, as peering sees it. */
  readonly open: readonly {
    readonly first: number;
    readonly last: number;
    readonly acting: readonly number[];
    readonly up: readonly number[];
  }[];
  /** Oldest first. */
  readonly past: readonly PastInterval[];
  readonly lastStarted: number;
  readonly lastClean: number;
}

/** What a member has, as far as it is known. */
export interface MemberFacts {
  readonly osd: number;
  readonly isUp: boolean;
  readonly version: string | undefined;
  /** Objects that it still has to get, estimated while it lists. */
  readonly lacks: number;
  readonly isImporting: boolean;
  /** Of an import: whom it lists, and how far it is with them. */
  readonly sources: readonly SourceReport[];
}

export function factsOf(pg: Pg): PgFacts {
  const { state, view, peering, host } = pg;
  const { info, log, totals } = state;
  const { phase } = peering;
  const own = reportImport(pg);
  return {
    pgid: formatPgId(pg.pgid),
    osd: host.id,
    role: pg.isPrimary ? 'primary' : pg.isActing ? 'member' : 'homeless',
    word: own.state,
    state: pg.isPrimary ? formatPgState(stateOf(pg)) : 'unknown',
    epoch: view.epoch,
    since: info.since,
    sinceSeconds: Math.max(0, Math.round((host.clock.wallMs() - pg.begunMs) / 1000)),
    up: [...view.up],
    acting: [...view.acting],
    primary: view.primary,
    size: view.size,
    minSize: view.minSize,
    phase: phase.name,
    waitingFor: waitingFor(phase),
    isVouchedFor: info.isVouchedFor,
    objects: totals.objects,
    bytes: totals.bytes,
    version: formatEVersion(log.head),
    log: { tail: formatEVersion(log.tail), entries: log.length, remembered: log.dups.size },
    members: membersOf(pg, own),
    strays: [...pg.strays.infos.keys()].map((osd) => ({
      osd,
      isFinishing: pg.strays.finishing.includes(osd),
    })),
    unfound: countUnfound(pg),
    isStalled: pg.member.importer.isStalled,
    isLogFull: pg.isPrimary && pg.isLogFull,
    mightHaveUnfound:
      pg.recovery.unfoundCount > 0 || pg.member.importer.isStalled ? mightHaveUnfound(pg) : [],
    open: peering.past.history.map(({ first, last, acting }) => ({
      first,
      last,
      acting: [...acting],
      up: acting.filter((osd) => host.isUp(osd)),
    })),
    past: pg.past.intervals,
    lastStarted: info.started,
    lastClean: info.clean,
  };
}

function membersOf(pg: Pg, own: ImportReport): MemberFacts[] {
  const { state, peering, host } = pg;
  const mine: MemberFacts = {
    osd: host.id,
    isUp: true,
    version: formatEVersion(state.log.head),
    lacks: pg.recoveryStatus.lackedBy(host.id),
    isImporting: state.import !== undefined,
    sources: own.sources.filter((s) => s.state !== 'finishing'),
  };
  if (!pg.isPrimary) return [mine];
  const others = [...new Set([...pg.view.acting, ...peering.infos.keys()])].filter(
    (osd) => osd !== host.id,
  );
  return [
    mine,
    ...others.map((osd) => {
      const info = peering.infos.get(osd);
      return {
        osd,
        isUp: host.isUp(osd),
        version: info && formatEVersion(info.lastUpdate),
        lacks: pg.view.acting.includes(osd) ? pg.recoveryStatus.lackedBy(osd) : 0,
        isImporting: peering.frontiers.has(osd),
        sources: [],
      };
    }),
  ];
}
