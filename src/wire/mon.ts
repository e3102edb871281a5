import {
  bool,
  bytes,
  map,
  opt,
  s16,
  s32,
  str,
  struct,
  tuple,
  u8,
  u16,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EntityAddrVec } from './address.ts';
import { AuthName, EntityName, Intervals, id64, PaxosHeader, UTime, Uuid } from './basic.ts';
import { message } from './message.ts';
import { ClusterStatfs, PoolStat } from './stats.ts';

// Messages of a monitor session: fact sheet §4.2; src/messages of Ceph 16.2.

const v1 = { version: 1, compat: 1 };
const empty = struct('', {});

/** Asks for nothing and says nothing; answered by a ping of the peer's. */
export const MPing = message('MPing', 2, v1, empty);

export const MMonMap = message('MMonMap', 4, v1, struct('MMonMap', { monmap: bytes }));
export const MMonGetMap = message('MMonGetMap', 5, v1, empty);

/** Bit of a subscription's flags: it ends with the first answer. */
export const SUBSCRIBE_ONETIME = 1;
export const MMonSubscribe = message(
  'MMonSubscribe',
  15,
  { version: 3, compat: 1 },
  struct('MMonSubscribe', {
    what: map(str, struct('item', { start: u64, flags: u8 })),
    hostname: str,
  }),
);
/** Only for peers without feature bit 57. */
export const MMonSubscribeAck = message(
  'MMonSubscribeAck',
  16,
  v1,
  struct('MMonSubscribeAck', { interval: u32, fsid: Uuid }),
);

/** Every client waits for one at start, even if it is empty. */
export const MConfig = message('MConfig', 62, v1, struct('MConfig', { config: map(str, str) }));
export const MGetConfig = message(
  'MGetConfig',
  63,
  v1,
  struct('MGetConfig', { name: AuthName, host: str, deviceClass: str }),
);

/** Matched by handle; its tid is 0. */
export const MMonGetVersion = message(
  'MMonGetVersion',
  19,
  v1,
  struct('MMonGetVersion', { handle: u64, what: str }),
);
export const MMonGetVersionReply = message(
  'MMonGetVersionReply',
  20,
  { version: 2, compat: 2 },
  struct('MMonGetVersionReply', { handle: u64, version: u64, oldestVersion: u64 }),
);

export const MStatfs = message(
  'MStatfs',
  13,
  { version: 2, compat: 1 },
  struct('MStatfs', { paxos: PaxosHeader, fsid: Uuid, pool: opt(id64) }),
);
export const MStatfsReply = message(
  'MStatfsReply',
  14,
  v1,
  struct('MStatfsReply', { fsid: Uuid, version: u64, st: ClusterStatfs }),
);

export const MGetPoolStats = message(
  'MGetPoolStats',
  58,
  v1,
  struct('MGetPoolStats', { paxos: PaxosHeader, fsid: Uuid, pools: vec(str) }),
);
export const MGetPoolStatsReply = message(
  'MGetPoolStatsReply',
  59,
  { version: 2, compat: 1 },
  struct('MGetPoolStatsReply', {
    paxos: PaxosHeader,
    fsid: Uuid,
    poolStats: map(str, PoolStat),
    perPool: bool,
  }),
);

/** Operations of MPoolOp. */
export const POOL_OP = {
  create: 1,
  delete: 2,
  auidChange: 3,
  createSnap: 0x11,
  deleteSnap: 0x12,
  createUnmanagedSnap: 0x21,
  deleteUnmanagedSnap: 0x22,
} as const;
export const MPoolOp = message(
  'MPoolOp',
  49,
  { version: 4, compat: 2 },
  struct('MPoolOp', {
    paxos: PaxosHeader,
    fsid: Uuid,
    pool: u32,
    op: u32,
    auid: u64,
    snapid: u64,
    name: str,
    oldCrushRule: u8,
    crushRule: s16,
  }),
);
export const MPoolOpReply = message(
  'MPoolOpReply',
  48,
  v1,
  struct('MPoolOpReply', {
    paxos: PaxosHeader,
    fsid: Uuid,
    result: s32,
    epoch: u32,
    data: opt(bytes),
  }),
);

/** `cmd` is one JSON text; the message's data is the command's input. */
export const MMonCommand = message(
  'MMonCommand',
  50,
  v1,
  struct('MMonCommand', { paxos: PaxosHeader, fsid: Uuid, cmd: vec(str) }),
);
/** The message's data is the command's output. */
export const MMonCommandAck = message(
  'MMonCommandAck',
  51,
  v1,
  struct('MMonCommandAck', { paxos: PaxosHeader, result: s32, status: str, cmd: vec(str) }),
);

/** A command to the daemon itself (`ceph tell`); data is its input. */
export const MCommand = message(
  'MCommand',
  97,
  v1,
  struct('MCommand', { fsid: Uuid, cmd: vec(str) }),
);
export const MCommandReply = message(
  'MCommandReply',
  98,
  v1,
  struct('MCommandReply', { result: s32, status: str }),
);

/** Priorities of cluster log entries. */
export const LOG_PRIORITY = { debug: 0, info: 1, sec: 2, warn: 3, error: 4 } as const;
export const LogEntry = versioned(
  'LogEntry',
  { v: 5, compat: 5 },
  {
    name: AuthName,
    rank: EntityName,
    addrs: EntityAddrVec,
    stamp: UTime,
    seq: u64,
    priority: u16,
    text: str,
    channel: str,
  },
);
export type LogEntry = ValueOf<typeof LogEntry>;
export const MLog = message(
  'MLog',
  52,
  v1,
  struct('MLog', { paxos: PaxosHeader, fsid: Uuid, entries: vec(LogEntry) }),
);
export const MLogAck = message(
  'MLogAck',
  53,
  v1,
  struct('MLogAck', { fsid: Uuid, last: u64, channel: str }),
);

/** Maps by epoch, each as its own encoding: [epoch, bytes], ascending. Bytes are windows of the message. */
const mapsByEpoch = vec(tuple(u32, bytes));
export const MOSDMap = message(
  'MOSDMap',
  41,
  { version: 4, compat: 3 },
  struct('MOSDMap', {
    fsid: Uuid,
    incrementals: mapsByEpoch,
    maps: mapsByEpoch,
    oldestMap: u32,
    newestMap: u32,
    gapRemovedSnaps: map(id64, Intervals),
  }),
);

export const MAuth = message(
  'MAuth',
  17,
  v1,
  struct('MAuth', { paxos: PaxosHeader, protocol: u32, payload: bytes, monmapEpoch: u32 }),
);
export const MAuthReply = message(
  'MAuthReply',
  18,
  v1,
  struct('MAuthReply', { protocol: u32, result: s32, globalId: u64, payload: bytes, text: str }),
);
