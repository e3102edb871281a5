import {
  bytes,
  type Crc32c,
  DEFAULT_FEATURES,
  type Decoder,
  Encoder,
  f32,
  map,
  s32,
  str,
  u8,
  u32,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EntityAddrVec, id64, skipEntityAddrVec, UTime, Uuid } from '../wire/index.ts';
import { checkCrc, sealCrc } from './checked.ts';
import {
  beginEnvelope,
  blocklist,
  OsdInfo,
  OsdXInfo,
  osds,
  pgMap,
  readEnvelope,
  snapsByPool,
  upmapItems,
} from './codecs.ts';
import { perOsd } from './osd-column.ts';
import { PgPool } from './pool.ts';

// The full map: fact sheet §5.1; OSDMap::encode of src/osd/OSDMap.cc, release 16.2. Fields that stretch mode adds are
// skipped when read and never written: this release has no stretch mode.

/** Bits of `osdState`. */
export const OSD_STATE = {
  exists: 1,
  up: 2,
  autoout: 4,
  new: 8,
  full: 16,
  nearfull: 32,
  backfillfull: 64,
  destroyed: 128,
  noup: 256,
  nodown: 512,
  noin: 1024,
  noout: 2048,
  stop: 4096,
} as const;

/** Bits of the map's `flags`, by the names that `ceph osd dump` prints and in its order. */
export const OSDMAP_FLAG = {
  nearfull: 1 << 0,
  full: 1 << 1,
  pauserd: 1 << 2,
  pausewr: 1 << 3,
  pauserec: 1 << 4,
  noup: 1 << 5,
  nodown: 1 << 6,
  noout: 1 << 7,
  noin: 1 << 8,
  nobackfill: 1 << 9,
  norebalance: 1 << 14,
  norecover: 1 << 10,
  noscrub: 1 << 11,
  'nodeep-scrub': 1 << 12,
  notieragent: 1 << 13,
  nosnaptrim: 1 << 21,
  sortbitwise: 1 << 15,
  require_jewel_osds: 1 << 16,
  require_kraken_osds: 1 << 17,
  require_luminous_osds: 1 << 18,
  recovery_deletes: 1 << 19,
  purged_snapdirs: 1 << 20,
  pglog_hardlimit: 1 << 22,
} as const;

/** 1.0 of a weight or an affinity, in 16.16 fixed point. */
export const WEIGHT_ONE = 0x10000;

/** Numbers of releases in `requireOsdRelease` and the like. */
export const RELEASE = { luminous: 12, mimic: 13, nautilus: 14, octopus: 15, pacific: 16 } as const;

const addrsPerOsd = perOsd(EntityAddrVec, skipEntityAddrVec);
const uuidPerOsd = perOsd(Uuid, (d) => {
  d.take(16);
  return true;
});
const OSD_INFO_BYTES = 24;
const infoPerOsd = perOsd(OsdInfo, (d) => {
  const isUsual = d.u8() === 1;
  d.take(OSD_INFO_BYTES);
  return isUsual;
});
const OSD_XINFO_BYTES = 40;
const xinfoPerOsd = perOsd(OsdXInfo, (d) => {
  const isUsual = d.u8() === 4 && d.u8() === 1 && d.u32() === OSD_XINFO_BYTES;
  if (isUsual) d.take(OSD_XINFO_BYTES);
  return isUsual;
});

/** Fields that clients use. */
const ClientSection = versioned(
  'OSDMap',
  { v: 9, compat: 1 },
  {
    fsid: Uuid,
    epoch: u32,
    created: UTime,
    modified: UTime,
    pools: map(id64, PgPool),
    poolNames: map(id64, str),
    /** Highest pool id ever used. */
    poolMax: s32,
    /** OSDMAP_FLAG. */
    flags: s32,
    maxOsd: s32,
    /** OSD_STATE per id below maxOsd. */
    osdState: vec(u32),
    /** 16.16; WEIGHT_ONE is in, 0 is out. */
    osdWeight: vec(u32),
    clientAddrs: addrsPerOsd,
    pgTemp: pgMap(osds),
    primaryTemp: pgMap(s32),
    /** 16.16; empty means WEIGHT_ONE for all. */
    primaryAffinity: vec(u32),
    /** The encoded CRUSH map, kept as it came: decoding normalizes, and the map's checksum covers it. */
    crush: bytes,
    erasureCodeProfiles: map(str, map(str, str)),
    pgUpmap: pgMap(osds),
    pgUpmapItems: pgMap(upmapItems),
    crushVersion: s32,
    /** Of this epoch only. */
    newRemovedSnaps: snapsByPool,
    newPurgedSnaps: snapsByPool,
    lastUpChange: UTime,
    lastInChange: UTime,
  },
);

/** Fields that only daemons use. */
const OsdSection = versioned(
  'OSDMap',
  { v: 9, compat: 1 },
  {
    hbBackAddrs: addrsPerOsd,
    osdInfo: infoPerOsd,
    blocklist,
    clusterAddrs: addrsPerOsd,
    clusterSnapshotEpoch: u32,
    clusterSnapshot: str,
    osdUuid: uuidPerOsd,
    osdXInfo: xinfoPerOsd,
    hbFrontAddrs: addrsPerOsd,
    nearfullRatio: f32,
    fullRatio: f32,
    backfillfullRatio: f32,
    requireMinCompatClient: u8,
    requireOsdRelease: u8,
    removedSnapsQueue: snapsByPool,
    crushNodeFlags: map(s32, u32),
    deviceClassFlags: map(s32, u32),
  },
);

/** A full map as plain data, with both sections in one object. Never changed once an OSDMap holds it. */
export type OSDMapData = ValueOf<typeof ClientSection> & ValueOf<typeof OsdSection>;

/** @internal The codec of the data alone, for generated values in tests. */
export const OSDMapSections = { client: ClientSection, osd: OsdSection } as const;

const VERSION = 8;
const COMPAT = 7;

/** Encodes a map with its checksum. */
export function encodeOSDMap(
  data: OSDMapData,
  crc32c: Crc32c,
  features = DEFAULT_FEATURES,
): { bytes: Buffer; crc: number } {
  const o = new Encoder(features, 4096);
  const lengthAt = beginEnvelope(o, VERSION, COMPAT);
  ClientSection.encode(o, data);
  OsdSection.encode(o, data);
  const crcAt = o.reserve(4);
  o.patchU32(lengthAt, o.length - lengthAt - 4);
  const crc = sealCrc(o, 0, crcAt, crc32c);
  return { bytes: o.finish(), crc };
}

/** Decodes a map, which holds windows of the input. @throws DecodeError, also when the checksum is wrong */
export function decodeOSDMap(d: Decoder, crc32c: Crc32c): { data: OSDMapData; crc: number } {
  const start = d.offset;
  const end = readEnvelope(d, 'OSDMap', VERSION);
  const data = { ...ClientSection.decode(d), ...OsdSection.decode(d) };
  const crc = checkCrc(d, start, end, 'OSDMap', crc32c);
  d.offset = end;
  checkLengths(d, data);
  return { data, crc };
}

/** Everything per OSD has one entry per id, so that a lookup below maxOsd always finds one. */
function checkLengths(d: Decoder, m: OSDMapData): void {
  const perOsd = [
    m.osdState,
    m.osdWeight,
    m.clientAddrs,
    m.hbBackAddrs,
    m.osdInfo,
    m.clusterAddrs,
    m.osdUuid,
    m.osdXInfo,
    m.hbFrontAddrs,
  ];
  for (const list of perOsd) {
    if (list.length !== m.maxOsd) d.fail(`${list.length} entries for ${m.maxOsd} OSDs`);
  }
  const affinities = m.primaryAffinity.length;
  if (affinities !== 0 && affinities !== m.maxOsd) {
    d.fail(`${affinities} affinities for ${m.maxOsd} OSDs`);
  }
}
