import { msOfUtime, SHARD_ERROR } from '../../wire/index.ts';
import type { Digests } from '../ops/index.ts';
import type { ChosenCopy } from './choose-copy.ts';
import { compareCopy } from './compare-copies.ts';
import type { JudgedCopy } from './judge-copy.ts';

// What objects' infos tell of their content, and what a deep scrub has seen of it. Rules: PGBackend::be_compare_scrubmaps,
// src/osd/PGBackend.cc, release 16.2.

const OF_DIGESTS = [
  [SHARD_ERROR.dataDigestMismatchInfo, 'data_digest'],
  [SHARD_ERROR.omapDigestMismatchInfo, 'omap_digest'],
] as const;
const MASK = SHARD_ERROR.dataDigestMismatchInfo | SHARD_ERROR.omapDigestMismatchInfo;

/** Bits of SHARD_ERROR: is nothing wrong but that the info tells of other content? */
export function onlyOfDigests(errors: bigint): boolean {
  return errors !== 0n && (errors & ~MASK) === 0n;
}

/** Which digests these bits of SHARD_ERROR are about. */
export function ofDigests(errors: bigint): string[] {
  return OF_DIGESTS.filter(([bit]) => (errors & bit) !== 0n).map(([, name]) => name);
}

/**
 * Where all copies that can be read, and at least two, have the same content against what their info tells of it: what it
 * should tell. Ceph does so for data; that it is done for omaps too is ours.
 */
export function disproved(copies: readonly JudgedCopy[], chosen: ChosenCopy): Digests | undefined {
  const { shard } = compareCopy(chosen, chosen, Number.POSITIVE_INFINITY);
  if (copies.length < 2 || !onlyOfDigests(shard)) return undefined;
  const { dataDigest, omapDigest } = chosen.object;
  const differs = (a: number | undefined, b: number | undefined): boolean =>
    a !== undefined && b !== undefined && a !== b;
  const isDoubted = copies.some(
    ({ object }) =>
      differs(object.dataDigest, dataDigest) || differs(object.omapDigest, omapDigest),
  );
  return isDoubted ? undefined : { dataDigest, omapDigest };
}

/**
 * Of an object without faults: what its info should tell, if it lacks something of that.
 * @param leastMs osd_deep_scrub_update_digest_min_age: what was written later may well be written again
 */
export function lacking(
  { info, object }: ChosenCopy,
  nowMs: number,
  leastMs: number,
): Digests | undefined {
  const { dataDigest, omapDigest } = object;
  const isLacking =
    (dataDigest !== undefined && info.dataDigest === undefined) ||
    (omapDigest !== undefined && info.omapDigest === undefined);
  const isOld = nowMs - msOfUtime(info.localMtime) > leastMs;
  return isLacking && isOld ? { dataDigest, omapDigest } : undefined;
}
