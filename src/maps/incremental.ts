import {
  bytes,
  type Crc32c,
  DEFAULT_FEATURES,
  Decoder,
  Encoder,
  f32,
  map,
  crc32c as portableCrc32c,
  s32,
  set,
  str,
  u8,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EntityAddr, EntityAddrVec, id64, TIME_ZERO, UTime, Uuid } from '../wire/index.ts';
import { checkCrc, sealCrc } from './checked.ts';
import {
  beginEnvelope,
  blocklist,
  CleanInterval,
  OsdXInfo,
  osds,
  pgMap,
  pgSet,
  readEnvelope,
  snapsByPool,
  upmapItems,
} from './codecs.ts';
import { PgPool } from './pool.ts';

// The change from one epoch to the next: fact sheet §5.2; OSDMap::Incremental::encode of src/osd/OSDMap.cc, release
// 16.2. What each field does stands in apply.ts.

const ClientSection = versioned(
  'OSDMap::Incremental',
  { v: 8, compat: 1 },
  {
    fsid: Uuid,
    epoch: u32,
    modified: UTime,
    /** -1: no change. */
    newPoolMax: id64,
    /** -1: no change. */
    newFlags: s32,
    /** When not empty, the whole next map, and nothing else here counts. */
    fullmap: bytes,
    /** When not empty, the next CRUSH map. */
    crush: bytes,
    /** -1: no change. */
    newMaxOsd: s32,
    newPools: map(id64, PgPool),
    newPoolNames: map(id64, str),
    oldPools: set(id64),
    /** OSDs that come up, with their client addresses. */
    newUpClient: map(s32, EntityAddrVec),
    /** State bits to flip; 0 means OSD_STATE.up. */
    newState: map(s32, u32),
    newWeight: map(s32, u32),
    /** An empty list removes the entry. */
    newPgTemp: pgMap(osds),
    /** -1 removes the entry. */
    newPrimaryTemp: pgMap(s32),
    newPrimaryAffinity: map(s32, u32),
    newErasureCodeProfiles: map(str, map(str, str)),
    oldErasureCodeProfiles: vec(str),
    newPgUpmap: pgMap(osds),
    oldPgUpmap: pgSet,
    newPgUpmapItems: pgMap(upmapItems),
    oldPgUpmapItems: pgSet,
    newRemovedSnaps: snapsByPool,
    newPurgedSnaps: snapsByPool,
    /** Zero: no change. */
    newLastUpChange: UTime,
    newLastInChange: UTime,
  },
);

const OsdSection = versioned(
  'OSDMap::Incremental',
  { v: 9, compat: 1 },
  {
    newHbBackUp: map(s32, EntityAddrVec),
    newUpThru: map(s32, u32),
    newLastCleanInterval: map(s32, CleanInterval),
    newLost: map(s32, u32),
    newBlocklist: blocklist,
    oldBlocklist: vec(EntityAddr),
    newUpCluster: map(s32, EntityAddrVec),
    clusterSnapshot: str,
    newUuid: map(s32, Uuid),
    newXinfo: map(s32, OsdXInfo),
    newHbFrontUp: map(s32, EntityAddrVec),
    encodeFeatures: u64,
    /** Negative: no change. */
    newNearfullRatio: f32,
    newFullRatio: f32,
    newBackfillfullRatio: f32,
    /** 255: no change. */
    newRequireMinCompatClient: u8,
    newRequireOsdRelease: u8,
    /** 0 removes the entry. */
    newCrushNodeFlags: map(s32, u32),
    newDeviceClassFlags: map(s32, u32),
  },
);

/** One change of the OSDMap as plain data, both sections in one object. */
export type Incremental = ValueOf<typeof ClientSection> & ValueOf<typeof OsdSection>;
/** A received change, with the checksum that the map of its epoch must have. */
export type ReceivedIncremental = Incremental & { readonly fullCrc: number };

/** @internal The codecs of the data alone, for generated values in tests. */
export const IncrementalSections = { client: ClientSection, osd: OsdSection } as const;

const VERSION = 8;
const COMPAT = 7;

/**
 * Encodes a change with its checksum and that of the map it leads to.
 * @param next the map of epoch `inc.epoch`
 */
export function encodeIncremental(
  inc: Incremental,
  next: { readonly crc: number },
  crc32c: Crc32c = portableCrc32c,
  features = DEFAULT_FEATURES,
): Buffer {
  const o = new Encoder(features, 1024);
  const lengthAt = beginEnvelope(o, VERSION, COMPAT);
  ClientSection.encode(o, inc);
  OsdSection.encode(o, inc);
  const crcAt = o.reserve(4);
  o.u32(next.crc);
  o.patchU32(lengthAt, o.length - lengthAt - 4);
  sealCrc(o, 0, crcAt, crc32c);
  return o.finish();
}

/** Decodes a change, which holds windows of the input. @throws DecodeError, also when its checksum is wrong */
export function decodeIncremental(
  input: Uint8Array,
  crc32c: Crc32c = portableCrc32c,
): ReceivedIncremental {
  const d = new Decoder(input);
  const end = readEnvelope(d, 'OSDMap::Incremental', VERSION);
  const data = { ...ClientSection.decode(d), ...OsdSection.decode(d) };
  checkCrc(d, 0, end, 'OSDMap::Incremental', crc32c);
  const fullCrc = d.u32();
  d.offset = end;
  d.finish();
  return { ...data, fullCrc };
}

/** A change that changes nothing but the epoch; the caller fills in the rest. */
export function emptyIncremental(of: {
  fsid: string;
  epoch: number;
  modified: UTime;
}): Incremental {
  return {
    fsid: of.fsid,
    epoch: of.epoch,
    modified: of.modified,
    newPoolMax: -1,
    newFlags: -1,
    fullmap: new Uint8Array(0),
    crush: new Uint8Array(0),
    newMaxOsd: -1,
    newPools: new Map(),
    newPoolNames: new Map(),
    oldPools: new Set(),
    newUpClient: new Map(),
    newState: new Map(),
    newWeight: new Map(),
    newPgTemp: new Map(),
    newPrimaryTemp: new Map(),
    newPrimaryAffinity: new Map(),
    newErasureCodeProfiles: new Map(),
    oldErasureCodeProfiles: [],
    newPgUpmap: new Map(),
    oldPgUpmap: new Set(),
    newPgUpmapItems: new Map(),
    oldPgUpmapItems: new Set(),
    newRemovedSnaps: new Map(),
    newPurgedSnaps: new Map(),
    newLastUpChange: TIME_ZERO,
    newLastInChange: TIME_ZERO,
    newHbBackUp: new Map(),
    newUpThru: new Map(),
    newLastCleanInterval: new Map(),
    newLost: new Map(),
    newBlocklist: [],
    oldBlocklist: [],
    newUpCluster: new Map(),
    clusterSnapshot: '',
    newUuid: new Map(),
    newXinfo: new Map(),
    newHbFrontUp: new Map(),
    encodeFeatures: DEFAULT_FEATURES,
    newNearfullRatio: -1,
    newFullRatio: -1,
    newBackfillfullRatio: -1,
    newRequireMinCompatClient: 255,
    newRequireOsdRelease: 255,
    newCrushNodeFlags: new Map(),
    newDeviceClassFlags: new Map(),
  };
}
