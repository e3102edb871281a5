import {
  bool,
  byteString,
  bytes,
  map,
  opt,
  s32,
  struct,
  u8,
  u32,
  u53,
  u64,
  type ValueOf,
  vec,
} from '../codec/index.ts';
import { EVersion, HObject, message, PgId } from '../wire/index.ts';
import { PgTotals } from './log/log-entry.ts';
import { MissingItem } from './pg/missing.ts';
import { PgInfo } from './pg/pg-info.ts';
import { ImportInfo } from './recovery/import.ts';

// Between our own OSDs; layouts ours, numbers of Ceph's messages with the same role where there is one. Each names the
// sender's epoch and the start of the interval it belongs to: a receiver in another interval waits for its map, or
// drops the message, since its sender will peer again.

const v1 = { version: 1, compat: 1 };
const about = { pgid: PgId, epoch: u32, since: u32 };
/** A word to stand by the asker, see Leases: the answer repeats what was asked. */
export const Lease = struct('Lease', {
  /** Since when the asker is up. */
  upFrom: u32,
  /** When it was asked for, by the asker's clock. */
  sentMs: u53,
  leaseMs: u32,
});
export type Lease = ValueOf<typeof Lease>;

/** Counts the peerings of one primary in one interval; an answer repeats it. 0: nobody asked. */
const round = u32;

export const ASK = { info: 0, log: 1, list: 2 } as const;
export const MPgQuery = message(
  'MPgQuery',
  81,
  v1,
  struct('MPgQuery', {
    ...about,
    round,
    ask: u8,
    logSince: opt(EVersion),
    /** The stretch that is to be listed. */
    cursor: HObject,
    end: HObject,
  }),
);
export const MPgInfo = message(
  'MPgInfo',
  80,
  v1,
  struct('MPgInfo', { ...about, round, info: PgInfo }),
);
export const MPgLog = message(
  'MPgLog',
  83,
  v1,
  struct('MPgLog', {
    ...about,
    round,
    tail: EVersion,
    entries: vec(bytes),
    /** Of requests before the first entry, see Dups; none if that is where the asker's log ends. */
    dups: vec(bytes),
  }),
);
/**
 * Objects that the sender knows of, missing ones included, in their order from `from` up to `next`; nothing when it does
 * not know what comes next.
 */
export const MPgList = message(
  'MPgList',
  85,
  v1,
  struct('MPgList', { ...about, round, from: HObject, objects: vec(MissingItem), next: HObject }),
);
/** A member tells its primary how far it has listed, and what of that it lacks. */
export const MPgListed = message(
  'MPgListed',
  160,
  v1,
  struct('MPgListed', { ...about, round, cursor: HObject, missing: vec(MissingItem) }),
);
/** Asks which version of an object there is; answered with the same number. */
export const MPgFind = message(
  'MPgFind',
  161,
  v1,
  struct('MPgFind', { ...about, copy: u32, oid: HObject }),
);
/**
 * @see MPgFind. `isKnown` and no version: there is no such object. `have` is the version that is here whole, which may be
 * an older one.
 */
export const MPgFound = message(
  'MPgFound',
  162,
  v1,
  struct('MPgFound', {
    ...about,
    copy: u32,
    isKnown: bool,
    version: opt(EVersion),
    have: opt(EVersion),
  }),
);
export const MPgActivate = message(
  'MPgActivate',
  120,
  v1,
  struct('MPgActivate', {
    ...about,
    round,
    lease: Lease,
    writeable: bool,
    /** `entries` are the whole log: what the member has is of another history, or too old. */
    isWhole: bool,
    /** The version below `entries`. */
    base: EVersion,
    entries: vec(bytes),
    /** Who lists and holds objects, for a member that imports. */
    sources: vec(s32),
    /** Likewise: of requests before the first entry. */
    dups: vec(bytes),
    /** As of the last entry, see PgInfo.standing. */
    totals: PgTotals,
    isEstimated: bool,
  }),
);
export const MPgActivated = message(
  'MPgActivated',
  130,
  v1,
  struct('MPgActivated', {
    ...about,
    round,
    lease: Lease,
    missing: vec(MissingItem),
    import: opt(ImportInfo),
  }),
);
/** What all members of the interval have reached together. */
export const MPgHistory = message(
  'MPgHistory',
  165,
  v1,
  struct('MPgHistory', { ...about, started: u32, clean: u32 }),
);
/** To a holder outside the acting set, when all members have everything; until it says that it has removed its copy. */
export const MPgRemove = message('MPgRemove', 84, v1, struct('MPgRemove', about));
/** Nothing of the PG is here any more. */
export const MPgRemoved = message('MPgRemoved', 163, v1, struct('MPgRemoved', about));
/**
 * To a holder that announced itself: outside the acting set, its primary knows of it; in another interval than its
 * primary, this is that one's.
 */
export const MPgNoticed = message('MPgNoticed', 164, v1, struct('MPgNoticed', about));

/** Asks a member to bring what it holds to its place on disk, or says that it has. */
export const MPgFlush = message(
  'MPgFlush',
  124,
  v1,
  struct('MPgFlush', { ...about, number: u32, isReply: bool }),
);

export const RESERVE = { request: 0, granted: 1, full: 2, revoked: 3, release: 4 } as const;
/**
 * A primary asks a member for a place to be given objects, or releases it; the member answers with the request's number.
 * A release stands for all requests up to its number.
 */
export const MPgReserve = message(
  'MPgReserve',
  150,
  v1,
  struct('MPgReserve', {
    ...about,
    word: u8,
    number: u32,
    isBackfill: bool,
    priority: u32,
    /** What the member is to set aside. */
    bytes: u53,
  }),
);

/** How far the copy of an object has come. */
export const CopyCursor = struct('CopyCursor', {
  data: u53,
  dataDone: bool,
  omapAfter: opt(byteString),
});
export type CopyCursor = ValueOf<typeof CopyCursor>;
/** A part of an object. Extents' bytes are joined in the message's data. */
export const ObjectPart = struct('ObjectPart', {
  oid: HObject,
  version: EVersion,
  first: bool,
  size: u53,
  /** What a client said of the data, for the store to know before it comes. */
  allocHintFlags: u32,
  extents: vec(struct('extent', { offset: u53, length: u32 })),
  omap: map(byteString, bytes),
  /** In the last part only. */
  end: opt(struct('end', { attrs: map(byteString, bytes), omapHeader: opt(bytes) })),
  next: CopyCursor,
});
export type ObjectPart = ValueOf<typeof ObjectPart>;

/** Asks for an object in a version; answered by a push with the same number. */
export const MPgPull = message(
  'MPgPull',
  106,
  v1,
  struct('MPgPull', { ...about, copy: u32, oid: HObject, need: EVersion, cursor: CopyCursor }),
);
/** A part of an object; none: the sender does not have it in that version. `copy` belongs to who began it. */
export const MPgPush = message(
  'MPgPush',
  105,
  v1,
  struct('MPgPush', {
    ...about,
    copy: u32,
    isReply: bool,
    part: opt(ObjectPart),
    /** There is no such object. */
    absent: opt(HObject),
  }),
);
export const MPgPushReply = message(
  'MPgPushReply',
  107,
  v1,
  struct('MPgPushReply', { ...about, copy: u32 }),
);

/**
 * A client's read of an object that the primary lacks, for a holder to do; `op` is an MOSDOp's front. Only reads without
 * inputs.
 */
export const MPgRead = message(
  'MPgRead',
  166,
  v1,
  struct('MPgRead', { ...about, copy: u32, oid: HObject, need: EVersion, op: bytes }),
);
/** What a read came to, see OpOutcome: lengths of its outputs, which are joined in the message's data. */
export const HolderRead = struct('HolderRead', {
  result: s32,
  results: vec(s32),
  lengths: vec(u32),
  userVersion: u64,
  numRd: u32,
  numRdKb: u32,
});
export type HolderRead = ValueOf<typeof HolderRead>;
/**
 * @see MPgRead. `isHere`: whole, in just that version; else somebody else is to be asked. It is here and not `done` where
 * its import takes about as long as the read.
 */
export const MPgReadDone = message(
  'MPgReadDone',
  167,
  v1,
  struct('MPgReadDone', { ...about, copy: u32, isHere: bool, done: opt(HolderRead) }),
);

/** A change and its log entry; the data segment is the transaction's writes. */
export const MRepOp = message(
  'MRepOp',
  112,
  v1,
  struct('MRepOp', {
    ...about,
    entry: bytes,
    trimTo: EVersion,
    /** Its client waits for memory only: to be acknowledged when it is applied, and again when it is durable. */
    isEarly: bool,
    steps: bytes,
  }),
);
/** Everything up to `version` is durable here, or only applied (`isEarly`), for each PG named. */
export const MRepAck = message(
  'MRepAck',
  113,
  v1,
  struct('MRepAck', {
    acks: vec(struct('ack', { pgid: PgId, since: u32, version: EVersion, isEarly: bool })),
  }),
);

/**
 * Asks for a lease or gives it, once for all PGs that two OSDs share; and a session to a peer that is gone notices when it
 * has something to carry. Heartbeats go ways of their own.
 */
export const MOSDLease = message(
  'MOSDLease',
  133,
  v1,
  struct('MOSDLease', { epoch: u32, isReply: bool, lease: Lease }),
);
