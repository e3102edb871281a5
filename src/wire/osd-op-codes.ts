// Numbers of OSD operations: fact sheet §6.1 to §6.3; src/include/rados.h of Ceph 16.2.

/** Op codes: mode (0x1000 read, 0x2000 write, 0x8000 cache) | type (0x200 data, 0x300 attr, ...) | number. */
export const OSD_OP = {
  READ: 0x1201,
  STAT: 0x1202,
  MAPEXT: 0x1203,
  SPARSE_READ: 0x1205,
  NOTIFY: 0x1206,
  NOTIFY_ACK: 0x1207,
  ASSERT_VER: 0x1208,
  LIST_WATCHERS: 0x1209,
  LIST_SNAPS: 0x120a,
  SYNC_READ: 0x120b,
  TMAPGET: 0x120c,
  OMAPGETKEYS: 0x1211,
  OMAPGETVALS: 0x1212,
  OMAPGETHEADER: 0x1213,
  OMAPGETVALSBYKEYS: 0x1214,
  OMAP_CMP: 0x1219,
  ISDIRTY: 0x121d,
  COPY_GET: 0x121e,
  CHECKSUM: 0x121f,
  CMPEXT: 0x1220,
  GETXATTR: 0x1301,
  GETXATTRS: 0x1302,
  CMPXATTR: 0x1303,
  CALL: 0x1401,
  PGLS: 0x1501,
  PGLS_FILTER: 0x1502,
  PG_HITSET_LS: 0x1503,
  PG_HITSET_GET: 0x1504,
  PGNLS: 0x1505,
  PGNLS_FILTER: 0x1506,
  SCRUBLS: 0x1507,
  WRITE: 0x2201,
  WRITEFULL: 0x2202,
  TRUNCATE: 0x2203,
  ZERO: 0x2204,
  DELETE: 0x2205,
  APPEND: 0x2206,
  STARTSYNC: 0x2207,
  SETTRUNC: 0x2208,
  TRIMTRUNC: 0x2209,
  TMAPPUT: 0x220b,
  CREATE: 0x220d,
  ROLLBACK: 0x220e,
  WATCH: 0x220f,
  OMAPSETVALS: 0x2215,
  OMAPSETHEADER: 0x2216,
  OMAPCLEAR: 0x2217,
  OMAPRMKEYS: 0x2218,
  COPY_FROM: 0x221a,
  UNDIRTY: 0x221c,
  SETALLOCHINT: 0x2223,
  CACHE_PIN: 0x2224,
  CACHE_UNPIN: 0x2225,
  WRITESAME: 0x2226,
  SET_REDIRECT: 0x2227,
  TIER_PROMOTE: 0x2229,
  UNSET_MANIFEST: 0x222a,
  OMAPRMKEYRANGE: 0x222c,
  COPY_FROM2: 0x222d,
  SETXATTR: 0x2301,
  SETXATTRS: 0x2302,
  RESETXATTRS: 0x2303,
  RMXATTR: 0x2304,
  TMAPUP: 0x320a,
  TMAP2OMAP: 0x3222,
  CACHE_FLUSH: 0x821f,
  CACHE_EVICT: 0x8220,
  CACHE_TRY_FLUSH: 0x8221,
  SET_CHUNK: 0x8228,
  TIER_FLUSH: 0x822b,
  TIER_EVICT: 0x822c,
} as const;
export type OsdOpName = keyof typeof OSD_OP;

const opNames = new Map<number, string>();
for (const [name, code] of Object.entries(OSD_OP)) opNames.set(code, name);
/** The name of an op code for logs; `0x....` for one that nobody named. */
export function osdOpName(code: number): string {
  return opNames.get(code) ?? `0x${code.toString(16)}`;
}

export const OSD_OP_MODE = { read: 0x1000, write: 0x2000, cache: 0x8000 } as const;
export const OSD_OP_TYPE = { data: 0x200, attr: 0x300, exec: 0x400, pg: 0x500 } as const;
/** Mask of the type bits of an op code. */
export const OSD_OP_TYPE_MASK = 0x0f00;

/** Flags of a request and its reply: CEPH_OSD_FLAG_*. */
export const OSD_FLAG = {
  ACK: 0x1,
  ONNVRAM: 0x2,
  ONDISK: 0x4,
  RETRY: 0x8,
  READ: 0x10,
  WRITE: 0x20,
  ORDERSNAP: 0x40,
  PEERSTAT_OLD: 0x80,
  BALANCE_READS: 0x100,
  PARALLELEXEC: 0x200,
  PGOP: 0x400,
  EXEC: 0x800,
  LOCALIZE_READS: 0x2000,
  RWORDERED: 0x4000,
  IGNORE_CACHE: 0x8000,
  SKIPRWLOCKS: 0x10000,
  IGNORE_OVERLAY: 0x20000,
  FLUSH: 0x40000,
  MAP_SNAP_CLONE: 0x80000,
  ENFORCE_SNAPC: 0x100000,
  REDIRECTED: 0x200000,
  KNOWN_REDIR: 0x400000,
  FULL_TRY: 0x800000,
  FULL_FORCE: 0x1000000,
  IGNORE_REDIRECT: 0x2000000,
  RETURNVEC: 0x4000000,
} as const;

/** Flags of one op: CEPH_OSD_OP_FLAG_*. */
export const OSD_OP_FLAG = {
  EXCL: 0x1,
  FAILOK: 0x2,
  FADVISE_RANDOM: 0x4,
  FADVISE_SEQUENTIAL: 0x8,
  FADVISE_WILLNEED: 0x10,
  FADVISE_DONTNEED: 0x20,
  FADVISE_NOCACHE: 0x40,
  WITH_REFERENCE: 0x80,
  BYPASS_CLEAN_CACHE: 0x100,
} as const;

/** Comparisons of CMPXATTR and OMAP_CMP: given value OP stored value. */
export const CMPXATTR_OP = { EQ: 1, NE: 2, GT: 3, GTE: 4, LT: 5, LTE: 6 } as const;
export const CMPXATTR_MODE = { STRING: 1, U64: 2 } as const;

/** What a WATCH op wants. */
export const WATCH_OP = { unwatch: 0, legacyWatch: 1, watch: 3, reconnect: 5, ping: 7 } as const;

export const CHECKSUM_TYPE = { xxhash32: 0, xxhash64: 1, crc32c: 2 } as const;

/** Flag of COPY_FROM2: use the truncate values of the request. */
export const COPY_FROM_FLAG_TRUNCATE_SEQ = 32;
