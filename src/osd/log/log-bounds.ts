import type { EVersion } from '../../wire/index.ts';
import type { PgLog } from './pg-log.ts';

/** Options of logs, see src/config. */
export interface LogSettings {
  readonly entriesMin: number;
  readonly entriesMax: number;
  readonly entriesPerOsd: number;
  readonly bytesMax: number;
  readonly stride: number;
  readonly strideMax: number;
  readonly remembered: number;
}

/** How long the log of one PG may be. */
export interface LogBounds {
  /** Entries it keeps, whatever else is said. */
  readonly least: number;
  /** Entries while all members are there and have everything. */
  readonly whole: number;
  /** Entries while somebody is away: who comes back soon is then caught up by them. */
  readonly away: number;
  /** Bytes of entries. */
  readonly bytes: number;
  /** Entries, and bytes of them, while somebody lists, when nothing can be cut: then writes wait. */
  readonly listing: number;
  readonly listingBytes: number;
  /** Entries that are cut off at a time, at least and at most. */
  readonly stride: number;
  readonly strideMax: number;
  /** Of how many requests it is known how they were answered, trimmed ones included. */
  readonly remembered: number;
}

/** While somebody is away, logs may take so many times the memory that is theirs. */
const AWAY_SHARES = 4;
/**
 * While somebody lists, nothing of a log can be cut without losing deletes, so it may be so many times as long as options
 * say. A listing at work ends long before that; one whose holders are gone does not end before somebody decides.
 */
const LISTING_TIMES = 4;

/** The bounds of the PGs of an OSD, computed when something they come from has changed. */
export class LogBudget {
  private settings: LogSettings | undefined;
  private inMemory = -1;
  private pgs = 0;
  private bounds: LogBounds | undefined;

  /**
   * @param inMemory entries of each PG for which there is memory
   * @param pgs of the whole OSD
   */
  of(settings: LogSettings, inMemory: number, pgs: number): LogBounds {
    const isSame =
      settings === this.settings && inMemory === this.inMemory && pgs === this.pgs && this.bounds;
    if (isSame) return isSame;
    this.settings = settings;
    this.inMemory = inMemory;
    this.pgs = pgs;
    const { entriesMin, entriesMax, entriesPerOsd, stride } = settings;
    const room = (entries: number): number => {
      const most = Math.min(entriesMax, Math.floor(entriesPerOsd / Math.max(1, pgs)), entries);
      return Math.max(entriesMin + stride, most);
    };
    this.bounds = Object.freeze({
      least: entriesMin,
      whole: room(inMemory),
      away: room(AWAY_SHARES * inMemory),
      bytes: settings.bytesMax,
      listing: LISTING_TIMES * Math.max(entriesMax, entriesMin + stride),
      listingBytes: LISTING_TIMES * settings.bytesMax,
      stride,
      strideMax: settings.strideMax,
      remembered: settings.remembered,
    });
    return this.bounds;
  }
}

/**
 * Up to where a log is to be cut now: in strides, since each cut is stored.
 * @param open the newest entries so many of which must stay
 * @param isWhole nobody needs the log to catch up
 */
export function trimPointOf(
  log: PgLog,
  bounds: LogBounds,
  open: number,
  isWhole: boolean,
): EVersion {
  const { bytes, stride, strideMax } = bounds;
  const most = isWhole ? bounds.whole : bounds.away;
  const { length } = log;
  if (length <= most && log.bytes <= bytes) return log.tail;
  const least = Math.max(bounds.least, open);
  const keep = length > most ? Math.max(least, most - stride, length - strideMax) : length;
  return log.trimPoint(keep, Math.max(0, bytes - stride * ENTRY_BYTES), least);
}

/** Is there room for no more changes, if the log cannot be cut? */
export function isListingFull(log: PgLog, { listing, listingBytes }: LogBounds): boolean {
  return log.length >= listing || log.bytes >= listingBytes;
}

/** What an entry takes, about: a log with too many bytes is cut by strides as well. */
const ENTRY_BYTES = 256;
