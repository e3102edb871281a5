import {
  bool,
  opt,
  s32,
  since,
  struct,
  u32,
  type ValueOf,
  vec,
  versioned,
} from '../../codec/index.ts';
import { EVERSION_ZERO, EVersion } from '../../wire/index.ts';
import { PgTotals, TOTALS_ZERO } from '../log/log-entry.ts';
import { ImportInfo } from '../recovery/import.ts';
import { NEVER_SCRUBBED, ScrubHistory } from '../scrub/scrub-history.ts';
import { Interval } from './intervals.ts';

/** The view a member last saw, so that a restart goes on in the same interval's history. */
const StoredView = struct('StoredView', {
  epoch: u32,
  up: vec(s32),
  upPrimary: s32,
  acting: vec(s32),
  primary: s32,
  size: s32,
  minSize: s32,
  pgCount: u32,
  upFrom: vec(u32),
});

const Standing = struct('Standing', { version: EVersion, totals: PgTotals });

/** What one member knows of a PG, stored beside its log. */
export const PgInfo = versioned(
  'PgInfo',
  { v: 4, compat: 1 },
  {
    /** Epoch in which the PG came to be here; 0 when this member was added to a PG that others hold. */
    created: u32,
    /** Epoch in which the store that holds this was first up; 0 when it never was. */
    storeSince: u32,
    /** Start of the interval in which this member last took the authoritative log for serving writes. */
    lastEpochStarted: u32,
    /** Newest interval known to have begun to serve: every member of it had the whole history. */
    started: u32,
    /** Newest interval in which all members had all objects. */
    clean: u32,
    /** False only in version 1, in the middle of taking the PG over from others: log and objects do not fit. */
    complete: bool,
    /** Newest entry and end of the log. */
    lastUpdate: EVersion,
    logTail: EVersion,
    totals: PgTotals,
    /** Current interval. */
    since: u32,
    view: StoredView,
    /** Older intervals that may hold writes. */
    history: vec(Interval),
    /** From the moment the log of others was taken over until all bytes are here. */
    import: since(2, opt(ImportInfo), undefined),
    /** The map has shown the current interval's primary alive in it: it may hold writes. */
    isVouchedFor: since(2, bool, true),
    /** See PgView: in the current interval. */
    isMerging: since(3, bool, false),
    /** Totals as of a version, when what the log's entries say is of another PG: it was split or merged. */
    standing: since(3, opt(Standing), undefined),
    /** The totals are what a split made of its parent's, and wait to be counted. */
    isEstimated: since(3, bool, false),
    /** When it was scrubbed, and what was found. */
    scrub: since(4, ScrubHistory, NEVER_SCRUBBED),
  },
);
export type PgInfo = ValueOf<typeof PgInfo>;

/** A PG of which this member has nothing. `created` > 0 when nobody else can have anything either. */
export function emptyInfo(created: number, view: PgInfo['view'], storeSince: number): PgInfo {
  return {
    created,
    storeSince,
    lastEpochStarted: created,
    started: created,
    clean: created,
    complete: true,
    lastUpdate: EVERSION_ZERO,
    logTail: EVERSION_ZERO,
    totals: TOTALS_ZERO,
    since: view.epoch,
    view,
    history: [],
    import: undefined,
    isVouchedFor: false,
    isMerging: false,
    standing: undefined,
    isEstimated: false,
    scrub: NEVER_SCRUBBED,
  };
}

/** Says this member anything of the PG's past? One that was added to the PG, or lost its disk, does not. */
export function isBlank(info: PgInfo | undefined): boolean {
  return (
    info !== undefined &&
    info.created === 0 &&
    info.lastEpochStarted === 0 &&
    info.lastUpdate.epoch === 0
  );
}
