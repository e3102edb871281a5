import {
  ascending,
  type Codec,
  custom,
  type Decoder,
  type Encoder,
  encodeToBytes,
  map,
  mapped,
  s32,
  since,
  struct,
  tuple,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import {
  EntityAddr,
  formatPgId,
  Intervals,
  id64,
  PgId,
  parsePgId,
  TIME_ZERO,
  UTime,
} from '../wire/index.ts';

// Pieces that full maps and incrementals share: fact sheet §5.1, §5.2; src/osd/OSDMap.h of Ceph 16.2.

/** The text of a PG id, `2.1f`: the key of a map by PG in memory. */
export type PgKey = string;
/** What the text form of a PG id can hold. */
const POOL_ID_MAX = 999_999_999_999_999;

const pgKey: Codec<PgKey> = custom<PgKey>({
  name: 'pg_t',
  encode: (o, v) => PgId.encode(o, parsePgKey(v)),
  decode: (d) => {
    const pg = PgId.decode(d);
    if (pg.pool < 0 || pg.pool > POOL_ID_MAX) d.fail(`a PG of pool ${pg.pool}`);
    return formatPgId(pg);
  },
  generate: (g) => formatPgId(PgId.generate(g)),
});

function parsePgKey(key: PgKey): PgId {
  const pg = parsePgId(key);
  if (!pg) throw new Error(`not a PG id: ${key}`);
  return pg;
}

/** Order of pool and seed. */
export function byPg(a: PgKey, b: PgKey): number {
  const x = parsePgKey(a);
  const y = parsePgKey(b);
  return x.pool - y.pool || x.seed - y.seed;
}

/** Entries by PG, in the order of pool and seed. */
export function pgMap<V>(value: Codec<V>): Codec<Map<PgKey, V>> {
  const entries = vec(tuple(pgKey, value));
  return mapped<[PgKey, V][], Map<PgKey, V>>(
    `map<pg_t,${value.name}>`,
    entries,
    (list) => new Map(list),
    (m) => [...m].sort((a, b) => byPg(a[0], b[0])),
  );
}

/** A set of PGs, in the order of pool and seed. */
export const pgSet: Codec<Set<PgKey>> = mapped<PgKey[], Set<PgKey>>(
  'set<pg_t>',
  vec(pgKey),
  (list) => new Set(list),
  (s) => [...s].sort(byPg),
);

/** Blocked addresses and when each entry ends. */
export type Blocklist = [EntityAddr, UTime][];
const addrTimes = vec(tuple(EntityAddr, UTime));
/** In the order of the address structs' raw bytes, as Ceph's map keeps them. */
export const blocklist: Codec<Blocklist> = mapped<Blocklist, Blocklist>(
  'map<entity_addr_t,utime_t>',
  addrTimes,
  inAddrOrder,
  inAddrOrder,
);

function inAddrOrder(list: Blocklist): Blocklist {
  if (list.length < 2) return list;
  return list
    .map((entry) => ({ entry, order: addrOrder(entry[0]) }))
    .sort((a, b) => ascending(a.order, b.order))
    .map(({ entry }) => entry);
}

/**
 * A key that sorts addresses as Ceph does, by the bytes of the C struct: the encoding without the length of the socket
 * address.
 */
export function addrOrder(a: EntityAddr): string {
  const b = encodeToBytes(EntityAddr, a);
  return b.latin1Slice(7, 15) + b.latin1Slice(19);
}

/** Snapshots by pool. */
export const snapsByPool: Codec<Map<number, Intervals>> = map(id64, Intervals);

/** From one OSD to another. */
export type UpmapItem = [from: number, to: number];
export const upmapItems: Codec<UpmapItem[]> = vec(tuple(s32, s32));
export const osds: Codec<number[]> = vec(s32);

/** A ratio from 0 to 1 as a fraction of 2^32 - 1. */
const ratio32: Codec<number> = mapped<number, number>(
  'ratio32',
  u32,
  (v) => v / 0xffffffff,
  (v) => Math.round(v * 0xffffffff),
);

/** osd_info_t: the epochs of an OSD's life. */
export const OsdInfo = versioned(
  'osd_info_t',
  { v: 1, compat: 1, framing: 'plain' },
  {
    lastCleanBegin: u32,
    lastCleanEnd: u32,
    upFrom: u32,
    upThru: u32,
    downAt: u32,
    lostAt: u32,
  },
);
export type OsdInfo = ValueOf<typeof OsdInfo>;

/** osd_xinfo_t: what placement does not need to know of an OSD. */
export const OsdXInfo = versioned(
  'osd_xinfo_t',
  { v: 4, compat: 1 },
  {
    downStamp: UTime,
    laggyProbability: ratio32,
    /** Seconds. */
    laggyInterval: u32,
    features: since(2, u64, 0n),
    /** Weight before the OSD was marked out automatically, 16.16; 0: was not. */
    oldWeight: since(3, u32, 0),
    lastPurgedSnapsScrub: since(4, UTime, TIME_ZERO),
    deadEpoch: since(4, u32, 0),
  },
);
export type OsdXInfo = ValueOf<typeof OsdXInfo>;

/** The interval of epochs in which an OSD was last up and stopped cleanly. */
export const CleanInterval = struct('last_clean_interval', { begin: u32, end: u32 });

/** An entry for an OSD that was never up. */
export function noOsdInfo(): OsdInfo {
  return { lastCleanBegin: 0, lastCleanEnd: 0, upFrom: 0, upThru: 0, downAt: 0, lostAt: 0 };
}
export function noOsdXInfo(): OsdXInfo {
  return {
    downStamp: TIME_ZERO,
    laggyProbability: 0,
    laggyInterval: 0,
    features: 0n,
    oldWeight: 0,
    lastPurgedSnapsScrub: TIME_ZERO,
    deadEpoch: 0,
  };
}

/** Opens an envelope and returns where its length goes. */
export function beginEnvelope(o: Encoder, version: number, compat: number): number {
  o.u8(version);
  o.u8(compat);
  return o.reserve(4);
}

/** Reads an envelope's header. @returns the offset at which its body ends */
export function readEnvelope(d: Decoder, name: string, known: number): number {
  d.u8();
  const compat = d.u8();
  if (compat > known) d.fail(`${name} needs a decoder of version ${compat}, have ${known}`);
  const length = d.length();
  return d.offset + length;
}
