import {
  bool,
  decodeAll,
  encodeToBytes,
  s32,
  str,
  struct,
  u32,
  type ValueOf,
  vec,
  versioned,
} from '../../codec/index.ts';
import type { Collection, ObjectStore, StoreOp } from '../../store/index.ts';
import type { HObject } from '../../wire/index.ts';
import { mayWrite, type PgView } from './intervals.ts';

/** An interval that has ended, as people want to know of it. */
export const PastInterval = struct('PastInterval', {
  first: u32,
  last: u32,
  up: vec(s32),
  acting: vec(s32),
  primary: s32,
  /** Writes may have been answered in it. */
  maybeWritten: bool,
  /** What ended it, in words. */
  ended: str,
});
export type PastInterval = ValueOf<typeof PastInterval>;

const Stored = versioned('PgPast', { v: 1, compat: 1 }, { intervals: vec(PastInterval) });

const PAST_KEY = 'h';
/** Intervals that are remembered: more than an OSD that comes and goes makes in a while. */
const KEPT = 32;

/**
 * The last intervals of a PG that this member has seen: what `query` and `explain` show, and who may hold what nobody
 * finds. Peering needs none of it, see PgInfo.history.
 */
export class PgPast {
  private readonly c: Collection;
  private readonly meta: HObject;
  private list: readonly PastInterval[] = [];

  constructor(store: ObjectStore, c: Collection, meta: HObject) {
    this.c = c;
    this.meta = meta;
    const bytes = store.hasCollection(c) && store.omapGet(c, meta, [PAST_KEY]).get(PAST_KEY);
    if (bytes) this.list = decodeAll(Stored, bytes).intervals;
  }

  get intervals(): readonly PastInterval[] {
    return this.list;
  }

  /** The interval that began with `first` has ended with the map `after`. @returns what makes that durable */
  ended(first: number, before: PgView, after: PgView, isVouchedFor: boolean): StoreOp {
    const interval: PastInterval = {
      first,
      last: after.epoch - 1,
      up: [...before.up],
      acting: [...before.acting],
      primary: before.primary,
      maybeWritten: mayWrite(before) && isVouchedFor,
      ended: whatChanged(before, after).join(', '),
    };
    this.list = [...this.list, interval].slice(-KEPT);
    const entries = new Map([[PAST_KEY, encodeToBytes(Stored, { intervals: [...this.list] })]]);
    return { op: 'omapSet', c: this.c, oid: this.meta, entries };
  }
}

/** Why a new interval begins, in words. */
export function whatChanged(before: PgView, after: PgView): string[] {
  const out: string[] = [];
  const list = (osds: readonly number[]): string => `[${osds.join(',')}]`;
  const since = new Map(before.acting.map((osd, i) => [osd, before.upFrom[i]]));
  const restarted = after.acting.filter(
    (osd, i) => since.has(osd) && since.get(osd) !== after.upFrom[i],
  );
  for (const osd of restarted) out.push(`osd.${osd} was started again`);
  const gone = before.up.filter((osd) => !after.up.includes(osd));
  const come = after.up.filter((osd) => !before.up.includes(osd));
  if (gone.length > 0) out.push(`${names(gone)} left`);
  if (come.length > 0) out.push(`${names(come)} came`);
  const isMoved = gone.length + come.length === 0 && before.up.join() !== after.up.join();
  if (isMoved) out.push(`the order became ${list(after.up)}`);
  const [was, is] = [before, after].map((v) => v.acting.join() !== v.up.join());
  if (is) out.push(`${list(after.acting)} act in the place of ${list(after.up)}`);
  else if (was) out.push('nobody acts in the place of others any more');
  if (before.primary !== after.primary && after.primary < 0) out.push('nobody is the primary');
  if (before.size !== after.size) out.push(`size ${before.size} became ${after.size}`);
  if (before.minSize !== after.minSize)
    out.push(`min_size ${before.minSize} became ${after.minSize}`);
  if (before.bits < after.bits) out.push('the PG was split');
  if (before.bits > after.bits) out.push('a PG was merged into it');
  if (!before.isMerging && after.isMerging) out.push('it is to be merged');
  return out.length > 0 ? out : ['the primary changed'];
}

function names(osds: readonly number[]): string {
  return osds.map((osd) => `osd.${osd}`).join(' and ');
}
