import { type OSDMap, parentSeed } from '../../maps/index.ts';
import type { MessageOf, MOSDPGReadyToMerge } from '../../wire/index.ts';
import type { OsdMapPatch } from '../change.ts';
import { callMergeOff, merge } from './pg-num.ts';

/**
 * What follows from a primary's word on an announced merge: the PG is no more, or the merge is called off. Nothing, when
 * the word is of an older map than the one that announced it, or comes from an OSD that is not the primary of both.
 * Source: OSDMonitor::prepare_pg_ready_to_merge, release 16.2, which does not ask who says so.
 */
export function decideMerge(
  osdmap: OSDMap,
  from: number,
  said: MessageOf<typeof MOSDPGReadyToMerge>,
): OsdMapPatch | undefined {
  const { source, epoch } = said;
  const pool = osdmap.pool(source.pool);
  if (!pool || pool.pgNum !== source.seed + 1 || pool.pgNumPending > source.seed) return undefined;
  if (epoch < pool.lastChange) return undefined;
  const target = { pool: source.pool, seed: parentSeed(source.seed) };
  const here = osdmap.pgToUpActing(source);
  const there = osdmap.pgToUpActing(target);
  if (here.actingPrimary !== from) return undefined;
  const isTogether =
    here.acting.join() === there.acting.join() && here.actingPrimary === there.actingPrimary;
  // Somebody who was not there when this was said may lack something.
  const isAsSaid =
    here.acting.join() === said.acting.join() &&
    said.acting.every((osd) => (osdmap.data.osdInfo.at(osd)?.upFrom ?? 0) <= epoch);
  const next =
    said.isReady && isTogether && isAsSaid
      ? merge(pool, said, osdmap.epoch + 1)
      : callMergeOff(pool, osdmap.epoch + 1);
  return { newPools: new Map([[source.pool, next]]) };
}
