import type { Collection } from '../../store/index.ts';
import { ENTITY, type EVersion, type HObject, type ReqId } from '../../wire/index.ts';
import { noStats } from './draft.ts';
import { encodeObjectInfo, INFO_ATTR, type ObjectInfo } from './object-info.ts';
import type { OpOutcome } from './types.ts';

/** What an info may tell of its object's content. */
export type Digests = Pick<ObjectInfo, 'dataDigest' | 'omapDigest'>;

/** Names a change that an OSD makes by itself. No other change of the PG has its version. */
export function ownReqid(osd: number, { epoch, version }: EVersion): ReqId {
  return { name: { type: ENTITY.osd, num: osd }, tid: version, inc: epoch };
}

/**
 * Other digests in an object's info: a change like any other, but for users, to whom the object stays as it is. Source:
 * the end of PrimaryLogScrub::scrub_snapshot_metadata, and PrimaryLogPG::finish_ctx, release 16.2.
 */
export function recordDigests(
  c: Collection,
  oid: HObject,
  info: ObjectInfo,
  digests: Digests,
  version: EVersion,
  reqid: ReqId,
): OpOutcome {
  const { dataDigest, omapDigest } = digests;
  const next: ObjectInfo = {
    ...info,
    version,
    priorVersion: info.version,
    lastReqid: reqid,
    dataDigest,
    omapDigest,
  };
  const attrs = new Map([[INFO_ATTR, encodeObjectInfo(next)]]);
  return {
    kind: 'modify',
    result: 0,
    results: [],
    outputs: [],
    txn: [{ op: 'setattrs', c, oid, attrs }],
    info: next,
    stats: noStats(),
    userVersion: info.userVersion,
  };
}
