import { encodeToBytes } from '../../codec/index.ts';
import {
  type CephObjectInfo,
  CephObjectInfo as CephObjectInfoCodec,
  CephSnapSet,
  ENTITY,
  formatEVersion,
  formatHObject,
  type HObject,
  type ReqId,
} from '../../wire/index.ts';
import { DIGEST_FLAG, digestFlags, OBJECT_FLAG, type ObjectInfo } from '../ops/index.ts';

// Objects as Ceph's own tools see them: what `rados list-inconsistent-obj` decodes, and what the cluster log says.

const NO_DIGEST = 0xffff_ffff;
const NO_REQID: ReqId = { name: { type: 0, num: 0 }, tid: 0n, inc: 0 };

/** An object's info in Ceph's bytes. */
export function cephInfo(oid: HObject, info: ObjectInfo): Uint8Array {
  const value: CephObjectInfo = {
    oid,
    locator: { pool: oid.pool, key: oid.key, namespace: oid.namespace, hash: -1n },
    category: 0,
    version: info.version,
    priorVersion: info.priorVersion,
    lastReqid: info.lastReqid,
    size: info.size,
    mtime: info.mtime,
    lockedBy: NO_REQID,
    truncateSeq: info.truncateSeq,
    truncateSize: info.truncateSize,
    lost: false,
    oldWatchers: 0,
    userVersion: { epoch: 0, version: info.userVersion },
    usesTmap: false,
    watchers: 0,
    flags: info.flags | digestFlags(info),
    localMtime: info.localMtime,
    dataDigest: info.dataDigest ?? NO_DIGEST,
    omapDigest: info.omapDigest ?? NO_DIGEST,
    expectedObjectSize: info.expectedObjectSize,
    expectedWriteSize: info.expectedWriteSize,
    allocHintFlags: info.allocHintFlags,
  };
  return encodeToBytes(CephObjectInfoCodec, value);
}

/** The snapset of an object without snapshots in Ceph's bytes. */
export function cephSnapSet(): Uint8Array {
  const none = { snaps: [], clones: [], cloneOverlap: 0, cloneSize: 0, cloneSnaps: 0 };
  return encodeToBytes(CephSnapSet, { seq: 0n, headExists: true, ...none });
}

const FLAG_NAMES = [
  [OBJECT_FLAG.dirty, 'dirty'],
  [OBJECT_FLAG.omap, 'omap'],
  [DIGEST_FLAG.data, 'data_digest'],
  [DIGEST_FLAG.omap, 'omap_digest'],
] as const;
const ENTITY_NAMES = new Map<number, string>(Object.entries(ENTITY).map(([name, n]) => [n, name]));

/** As Ceph prints an object_info_t: src/osd/osd_types.cc, 16.2. */
export function infoText(oid: HObject, info: ObjectInfo): string {
  const { name, inc, tid } = info.lastReqid;
  const flags = info.flags | digestFlags(info);
  const names = FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, text]) => text);
  const words = [
    formatEVersion(info.version),
    `${ENTITY_NAMES.get(name.type) ?? 'unknown'}.${name.num}.${inc}:${tid}`,
    ...(names.length > 0 ? [names.join('|')] : []),
    `s ${info.size}`,
    `uv ${info.userVersion}`,
    ...(info.dataDigest === undefined ? [] : [`dd ${info.dataDigest.toString(16)}`]),
    ...(info.omapDigest === undefined ? [] : [`od ${info.omapDigest.toString(16)}`]),
    `alloc_hint [${info.expectedObjectSize} ${info.expectedWriteSize} ${info.allocHintFlags}]`,
  ];
  return `${formatHObject(oid)}(${words.join(' ')})`;
}
