import { splitBits } from '../../maps/index.ts';
import type { PgId } from '../../wire/index.ts';
import { addInterval, closeInterval, type PgView, sameMembers } from './intervals.ts';
import type { PgInfo } from './pg-info.ts';

/**
 * What a member's info becomes with the next map: a new interval begins when members change, and the one before joins
 * the history.
 * @param before what the map before showed
 * @returns `info` itself when nothing has to be written down
 */
export function nextInfo(info: PgInfo, before: PgView, view: PgView): PgInfo {
  if (sameMembers(before, view)) {
    const isNews = !info.isVouchedFor && view.upThru >= info.since;
    return isNews ? { ...info, isVouchedFor: true } : info;
  }
  // What stood in maps that were trimmed before we saw them is not known.
  const isVouchedFor = info.isVouchedFor || view.epoch > before.epoch + 1;
  const ended = closeInterval(before, info.since, view.epoch - 1, isVouchedFor);
  return {
    ...info,
    history: addInterval(info.history, ended),
    since: view.epoch,
    view: storedView(view),
    isVouchedFor: false,
    isMerging: view.isMerging,
  };
}

export function storedView(view: PgView): PgInfo['view'] {
  const { upThru: _, bits: __, isMerging: ___, ...v } = view;
  return { ...v, up: [...v.up], acting: [...v.acting], upFrom: [...v.upFrom] };
}

/** A member's view as it was stored; see PgInfo.isVouchedFor for what that lacks. */
export function restoredView({ view, isMerging }: PgInfo, { seed }: PgId): PgView {
  return { ...view, bits: splitBits(seed, view.pgCount), isMerging, upThru: 0 };
}
