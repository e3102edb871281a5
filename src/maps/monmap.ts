import {
  bool,
  map,
  set,
  since,
  str,
  u8,
  u16,
  u32,
  u64,
  type ValueOf,
  vec,
  versioned,
} from '../codec/index.ts';
import { EntityAddrVec, UTime, Uuid } from '../wire/index.ts';
import { MON_FEATURES_ALL } from './mon-features.ts';

// Fact sheet §4.3; src/mon/MonMap.cc of Ceph 16.2, from version 6 (Nautilus) on.

const MonInfo = versioned(
  'mon_info_t',
  { v: 5, compat: 1 },
  {
    name: str,
    publicAddrs: EntityAddrVec,
    priority: since(2, u16, 0),
    weight: since(4, u16, 0),
    crushLocation: since(5, map(str, str), () => new Map()),
  },
);
export type MonInfo = ValueOf<typeof MonInfo>;

const MonFeatures = versioned('mon_feature_t', { v: 1, compat: 1 }, { bits: u64 });

/** The monitors of a cluster: who they are, where they listen, and their ranks. */
export const MonMap = versioned(
  'MonMap',
  { v: 9, compat: 6 },
  {
    fsid: Uuid,
    epoch: u32,
    lastChanged: UTime,
    created: UTime,
    persistentFeatures: MonFeatures,
    optionalFeatures: MonFeatures,
    monInfo: map(str, MonInfo),
    /** Names; the index is the rank. */
    ranks: vec(str),
    minMonRelease: since(7, u8, 0),
    removedRanks: since(8, set(u32), () => new Set()),
    /** 1: classic. */
    strategy: since(9, u8, 1),
    disallowedLeaders: since(9, set(str), () => new Set()),
    stretchMode: since(9, bool, false),
    tiebreakerMon: since(9, str, ''),
    stretchMarkedDownMons: since(9, set(str), () => new Set()),
  },
);
export type MonMap = ValueOf<typeof MonMap>;

/** A monitor map of Pacific's make; ranks follow the order given. */
export function newMonMap(of: {
  fsid: string;
  epoch: number;
  stamp: UTime;
  mons: readonly { name: string; addrs: EntityAddrVec }[];
}): MonMap {
  return {
    fsid: of.fsid,
    epoch: of.epoch,
    lastChanged: of.stamp,
    created: of.stamp,
    persistentFeatures: { bits: MON_FEATURES_ALL },
    optionalFeatures: { bits: 0n },
    monInfo: new Map(
      of.mons.map(({ name, addrs }) => [
        name,
        { name, publicAddrs: addrs, priority: 0, weight: 0, crushLocation: new Map() },
      ]),
    ),
    ranks: of.mons.map((m) => m.name),
    minMonRelease: 16,
    removedRanks: new Set(),
    strategy: 1,
    disallowedLeaders: new Set(),
    stretchMode: false,
    tiebreakerMon: '',
    stretchMarkedDownMons: new Set(),
  };
}
