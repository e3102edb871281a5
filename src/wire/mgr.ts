import {
  bool,
  map,
  s32,
  set,
  str,
  struct,
  u8,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EntityAddrVec } from './address.ts';
import { TIME_ZERO, UTime, Uuid } from './basic.ts';
import { message } from './message.ts';

// Fact sheet §4.2, §4.4; src/mon/MgrMap.h and src/messages/MMgr*.h of Ceph 16.2.

const ModuleOption = versioned(
  'MgrMap::ModuleOption',
  { v: 1, compat: 1 },
  {
    name: str,
    type: u8,
    level: u8,
    flags: u32,
    defaultValue: str,
    min: str,
    max: str,
    enumAllowed: set(str),
    desc: str,
    longDesc: str,
    tags: set(str),
    seeAlso: set(str),
  },
);
const ModuleInfo = versioned(
  'MgrMap::ModuleInfo',
  { v: 2, compat: 1 },
  { name: str, canRun: bool, errorString: str, moduleOptions: map(str, ModuleOption) },
);
const StandbyInfo = versioned(
  'MgrMap::StandbyInfo',
  { v: 4, compat: 1 },
  {
    gid: u64,
    name: str,
    oldModules: set(str),
    availableModules: vec(ModuleInfo),
    features: u64,
  },
);

/** Which manager is active. A client connects to it at once if it is named with addresses. */
export const MgrMap = versioned(
  'MgrMap',
  { v: 12, compat: 6 },
  {
    epoch: u32,
    activeAddrs: EntityAddrVec,
    activeGid: u64,
    available: bool,
    activeName: str,
    standbys: map(u64, StandbyInfo),
    modules: set(str),
    services: map(str, str),
    availableModules: vec(ModuleInfo),
    activeChange: UTime,
    alwaysOnModules: map(u32, set(str)),
    activeFeatures: u64,
    lastFailureOsdEpoch: u32,
    clients: vec(EntityAddrVec),
    clientNames: vec(str),
  },
);
export type MgrMap = ValueOf<typeof MgrMap>;

/** A map that names no manager: clients accept it and connect nowhere. */
export function emptyMgrMap(epoch: number): MgrMap {
  return {
    epoch,
    activeAddrs: [],
    activeGid: 0n,
    available: false,
    activeName: '',
    standbys: new Map(),
    modules: new Set(),
    services: new Map(),
    availableModules: [],
    activeChange: TIME_ZERO,
    alwaysOnModules: new Map(),
    activeFeatures: 0n,
    lastFailureOsdEpoch: 0,
    clients: [],
    clientNames: [],
  };
}
export const MMgrMap = message('MMgrMap', 0x704, { version: 1, compat: 1 }, MgrMap);

/** How a daemon greets the manager. What follows these fields (metadata, options) is not read. */
export const MMgrOpen = message(
  'MMgrOpen',
  0x700,
  { version: 3, compat: 1 },
  struct('MMgrOpen', { daemonName: str, serviceName: str, serviceDaemon: bool }),
);

export const MMgrCommand = message(
  'MMgrCommand',
  0x709,
  { version: 1, compat: 1 },
  struct('MMgrCommand', { fsid: Uuid, cmd: vec(str) }),
);
export const MMgrCommandReply = message(
  'MMgrCommandReply',
  0x70a,
  { version: 1, compat: 1 },
  struct('MMgrCommandReply', { result: s32, status: str }),
);
