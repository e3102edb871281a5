import {
  defaultText,
  OPTIONS,
  type OptionValue,
  optionValue,
  resolveConfig,
} from '../config/index.ts';
import type { ClusterLog } from './cluster-log.ts';
import type { ClusterMaps } from './cluster-maps.ts';
import type { ClusterIdentity, MonStore } from './mon-store.ts';
import { OldMaps } from './old-maps.ts';
import type { PgMap } from './pg-map.ts';
import type { MgrInfo, MonState, ProgressEvent, SessionInfo } from './state.ts';

/** What a running monitor has besides its maps, and how a {@link MonState} is made of both. */
export interface LiveParts {
  readonly identity: ClusterIdentity;
  readonly store: MonStore;
  readonly pgMap: PgMap;
  readonly log: ClusterLog;
  readonly startedMs: number;
  readonly electionEpoch: number;
  readonly mgr: MgrInfo;
  readonly monMetadata: ReadonlyMap<string, string>;
  readonly mgrMetadata: ReadonlyMap<string, string>;
  /** See MonitorOptions. */
  readonly config: ReadonlyMap<string, string>;
  readonly conf: ReadonlyMap<string, string>;
  readonly sessions: () => readonly SessionInfo[];
  readonly progress: () => readonly ProgressEvent[];
  readonly now: () => number;
}

const CACHED_MAPS = 16;

/** Makes the state that commands and services see, from one version of the maps and what was reported. */
export class LiveState {
  private readonly parts: LiveParts;
  private readonly oldMaps: OldMaps;
  /** Effective options by the configuration they come from. */
  private resolved: { from: ClusterMaps['config']; values: Map<string, OptionValue> } | undefined;

  constructor(parts: LiveParts) {
    this.parts = parts;
    this.oldMaps = new OldMaps(CACHED_MAPS, (epoch) => parts.store.fullMap(epoch));
  }

  of(maps: ClusterMaps): MonState {
    const { identity, store, pgMap, log } = this.parts;
    return {
      fsid: identity.fsid,
      createdMs: identity.createdMs,
      nowMs: this.parts.now(),
      name: identity.name,
      startedMs: this.parts.startedMs,
      electionEpoch: this.parts.electionEpoch,
      osdmap: maps.osdmap,
      monmap: maps.monmap,
      mgr: this.parts.mgr,
      commitVersion: maps.version,
      oldestEpoch: maps.oldestEpoch,
      pgStats: pgMap.pgStats,
      osdStats: pgMap.osdStats,
      slowOps: pgMap.slowOps,
      pgMapVersion: pgMap.version,
      pgMapStampMs: pgMap.stampMs,
      osdMetadata: maps.osdMetadata,
      monMetadata: this.parts.monMetadata,
      mgrMetadata: this.parts.mgrMetadata,
      poolRates: pgMap.poolRates,
      totalRates: pgMap.totalRates,
      progress: this.parts.progress(),
      config: maps.config,
      healthMutes: maps.healthMutes,
      serviceMap: { epoch: 1, modifiedMs: this.parts.startedMs },
      fsMapEpoch: 1,
      log: log.entries,
      sessions: this.parts.sessions(),
      configKeys: store,
      option: (name) => this.option(maps, name),
      osdmapAt: (epoch) => (epoch === maps.osdmap.epoch ? maps.osdmap : this.oldMaps.get(epoch)),
      osdmapBytes: (epoch) => store.fullMap(epoch),
    };
  }

  /** From the configuration file, else stored for this monitor, else the default: as with all daemons of Ceph. */
  option(maps: ClusterMaps, name: string): OptionValue {
    if (this.resolved?.from !== maps.config) {
      this.resolved = { from: maps.config, values: new Map() };
    }
    const { values } = this.resolved!;
    let value = values.get(name);
    if (value === undefined) {
      value = this.resolve(maps, name);
      values.set(name, value);
    }
    return value;
  }

  private resolve(maps: ClusterMaps, name: string): OptionValue {
    const settings = maps.config.filter((s) => s.name === name);
    // What the manager's part does is set for the manager, who is this process too.
    const services = OPTIONS.get(name)?.services ?? [];
    const subjects = [`mon.${this.parts.identity.name}`];
    if (services.includes('mgr')) subjects.unshift(`mgr.${this.parts.mgr.name}`);
    else if (services.length === 0) subjects.push(`mgr.${this.parts.mgr.name}`);
    const found = subjects.flatMap((who) => resolveConfig(settings, { name: who }).get(name) ?? []);
    const stored = (found.find((s) => s.section !== 'global') ?? found[0])?.value;
    const given = this.parts.conf.get(name) ?? stored ?? this.parts.config.get(name);
    if (given === undefined && name === 'osd_pool_default_size') {
      // A cluster of fewer OSDs than copies could never be clean.
      return Math.max(1, Math.min(Number(defaultText(name)), maps.osdmap.osds().length || 3));
    }
    return optionValue(name, given ?? BUILT_IN.get(name));
  }
}

/**
 * Where the default is another than Ceph's. A pool keeps the PGs that it was made with until somebody asks for others: most
 * pools here are small, and would else be split at once to the 32 PGs that the autoscaler gives at least.
 */
const BUILT_IN: ReadonlyMap<string, string> = new Map([
  ['osd_pool_default_pg_autoscale_mode', 'off'],
]);
