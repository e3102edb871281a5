import { s32, u8, u53, u64, type ValueOf, versioned } from '../../codec/index.ts';
import { EVersion, HObject, ReqId, SNAP_HEAD } from '../../wire/index.ts';

/** What a log entry did: `error` changed nothing, but consumed a version and is remembered for resends. */
export const ENTRY = { modify: 1, delete: 2, error: 3 } as const;

/** Running totals of a PG, kept in every log entry: the newest entry holds those of now, so no write of its own. */
export const PgTotals = versioned(
  'PgTotals',
  { v: 1, compat: 1 },
  {
    lastUserVersion: u64,
    objects: u53,
    bytes: u53,
    dirty: u53,
    omapObjects: u53,
    wr: u53,
    wrKb: u53,
  },
);
export type PgTotals = ValueOf<typeof PgTotals>;
export const TOTALS_ZERO: PgTotals = {
  lastUserVersion: 0n,
  objects: 0,
  bytes: 0,
  dirty: 0,
  omapObjects: 0,
  wr: 0,
  wrKb: 0,
};

/**
 * One change of a PG, stored in the same transaction as the change. Own layout; the role is that of Ceph's
 * pg_log_entry_t (src/osd/osd_types.h, 16.2).
 */
export const LogEntry = versioned(
  'PgLogEntry',
  { v: 1, compat: 1 },
  {
    kind: u8,
    version: EVersion,
    /** The PG's version before this entry: a member that is not exactly there must not apply it. */
    previous: EVersion,
    /** The object's version before this entry; 0'0 when it did not exist. */
    prior: EVersion,
    oid: HObject,
    reqid: ReqId,
    /** What the reply carried. */
    userVersion: u64,
    result: s32,
    totals: PgTotals,
  },
);
export type LogEntry = ValueOf<typeof LogEntry>;

/**
 * An object of one PG as a map key. Nearly all are their name, a string that is there already; all others begin with a
 * zero byte, and with lengths, since names may hold any byte.
 */
export function oidKey(oid: HObject): string {
  const { name, key, namespace, snap } = oid;
  if (snap === SNAP_HEAD && key === '' && namespace === '' && name.charCodeAt(0) !== 0) return name;
  return `\0${snap}:${namespace.length}:${namespace}${key.length}:${key}${name}`;
}

/** A request over all its resends, as a map key. */
export function reqidKey(r: ReqId): string {
  // Text of a plain number costs a fraction of that of a bigint.
  const tid = r.tid <= Number.MAX_SAFE_INTEGER ? Number(r.tid) : r.tid;
  return `${r.name.type}.${r.name.num}.${r.inc}.${tid}`;
}

/** The omap key of an entry: `l`, epoch and version big-endian, so that byte order is version order. */
export function logKey(v: EVersion): string {
  const b = SCRATCH;
  b[0] = 0x6c;
  b.writeUInt32BE(v.epoch, 1);
  b.writeBigUInt64BE(v.version, 5);
  return b.latin1Slice(0, 13);
}
const SCRATCH = Buffer.alloc(13);
/** Above every log key and below `m`, where missing objects begin. */
export const LOG_KEYS_END = 'm';
