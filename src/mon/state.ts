import type { ConfigSetting, OptionValue } from '../config/index.ts';
import type { MonMap, OSDMap } from '../maps/index.ts';
import type { EntityAddr, EntityName, OsdStat, PgStat } from '../wire/index.ts';

/** What one kind of traffic moves per second, from the difference of two successive reports. */
export interface IoRates {
  readBytes: number;
  writeBytes: number;
  readOps: number;
  writeOps: number;
  recoveryBytes: number;
  recoveryObjects: number;
  recoveryKeys: number;
}
export const IO_IDLE: Readonly<IoRates> = {
  readBytes: 0,
  writeBytes: 0,
  readOps: 0,
  writeOps: 0,
  recoveryBytes: 0,
  recoveryObjects: 0,
  recoveryKeys: 0,
};

/** Requests of an OSD that wait for too long. */
export interface SlowOps {
  readonly count: number;
  readonly oldestSeconds: number;
}

/** The manager endpoint, which lives in the monitor's process. `available` is false when none is served. */
export interface MgrInfo {
  readonly epoch: number;
  readonly available: boolean;
  readonly name: string;
  readonly globalId: number;
  readonly addrs: readonly EntityAddr[];
  /** Wall clock. */
  readonly startedMs: number;
}

/** Something that takes a while: data that move because an OSD came or went, or all PGs on their way to clean. */
export interface ProgressEvent {
  readonly id: string;
  readonly message: string;
  /** What it is about: `['osd', '3']`. */
  readonly refs: readonly (readonly [string, string])[];
  /** Wall clock. */
  readonly startedMs: number;
  /** 0 to 1. */
  readonly progress: number;
  /** Absent while it goes on. */
  readonly finishedMs?: number;
}

/** A health code that is not shown. */
export interface HealthMute {
  readonly code: string;
  /** Wall clock; undefined: until unmuted or healed. */
  readonly expiresMs: number | undefined;
  /** Stays when the condition heals. */
  readonly sticky: boolean;
  readonly summary: string;
  readonly count: number;
}

/** A line of the cluster log. */
export interface ClusterLogEntry {
  /** e.g. `mon.a`. */
  readonly who: string;
  readonly entity: EntityName;
  readonly addrs: readonly EntityAddr[];
  readonly stampMs: number;
  readonly seq: bigint;
  /** 0 debug, 1 info, 2 security, 3 warning, 4 error. */
  readonly priority: number;
  readonly channel: string;
  readonly text: string;
}

/** One open session, for listings. */
export interface SessionInfo {
  readonly entity: EntityName;
  readonly addr: EntityAddr;
  readonly globalId: number;
  readonly features: bigint;
}

/**
 * All that a read-only command may look at. The maps are the newest durable ones; statistics are the newest reported
 * ones and are lost at a restart, when the OSDs report again.
 */
export interface MonState {
  readonly fsid: string;
  /** Wall clock of the cluster's creation. */
  readonly createdMs: number;
  /** Wall clock now. */
  readonly nowMs: number;
  /** This monitor's name, e.g. `a`. */
  readonly name: string;
  /** When this monitor began to serve (its quorum's start), wall clock. */
  readonly startedMs: number;
  /** Grows by two with each start, as an election's epoch does. */
  readonly electionEpoch: number;
  readonly osdmap: OSDMap;
  readonly monmap: MonMap;
  readonly mgr: MgrInfo;
  /** Number of the newest durable commit of the store. */
  readonly commitVersion: number;
  /** Oldest OSDMap epoch still kept. */
  readonly oldestEpoch: number;
  /** Every PG that was reported, by its text (`2.1f`). A PG of a pool that was never reported is absent. */
  readonly pgStats: ReadonlyMap<string, PgStat>;
  /** Only of OSDs that reported since this monitor started and are in the map. */
  readonly osdStats: ReadonlyMap<number, OsdStat>;
  /** Of OSDs that have any, by number. */
  readonly slowOps: ReadonlyMap<number, SlowOps>;
  /** Counts every report taken: the `version` of `pg dump`. */
  readonly pgMapVersion: number;
  readonly pgMapStampMs: number;
  /** What each OSD said of itself at boot: hostname, ceph_version, ceph_version_short, osd_objectstore ... */
  readonly osdMetadata: ReadonlyMap<number, ReadonlyMap<string, string>>;
  readonly monMetadata: ReadonlyMap<string, string>;
  readonly mgrMetadata: ReadonlyMap<string, string>;
  readonly poolRates: ReadonlyMap<number, IoRates>;
  readonly totalRates: IoRates;
  /** What goes on, the newest last. */
  readonly progress: readonly ProgressEvent[];
  /** Stored settings, in the order of `config dump`. */
  readonly config: readonly ConfigSetting[];
  readonly healthMutes: ReadonlyMap<string, HealthMute>;
  readonly serviceMap: { readonly epoch: number; readonly modifiedMs: number };
  readonly fsMapEpoch: number;
  /** The newest lines, oldest first; bounded. */
  readonly log: readonly ClusterLogEntry[];
  readonly sessions: readonly SessionInfo[];
  /** The effective value of an option for this monitor: set, or its default. */
  option(name: string): OptionValue;
  /** Older epochs, while they are kept. */
  osdmapAt(epoch: number): OSDMap | undefined;
  /** The stored encoding of an epoch's full map. */
  osdmapBytes(epoch: number): Uint8Array | undefined;
  /** Values of `ceph config-key`. */
  readonly configKeys: ConfigKeys;
}

/** Reads opaque values by key. */
export interface ConfigKeys {
  get(key: string): Uint8Array | undefined;
  /** Those whose key begins with `prefix`, in key order. */
  entries(prefix: string): { key: string; value: Uint8Array }[];
}
