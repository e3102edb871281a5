import type { ConfigTarget } from '../config/index.ts';
import type { Incremental } from '../maps/index.ts';
import { type EntityAddr, LOG_PRIORITY } from '../wire/index.ts';
import type { ClusterLogEntry, HealthMute } from './state.ts';

/** The parts of an OSDMap change; epoch, time and what stays the same are added when it is numbered. */
export type OsdMapPatch = Partial<Incremental>;

/** A line for the cluster log; without a writer it is this monitor's own. */
export type LogLine = Pick<ClusterLogEntry, 'priority' | 'channel' | 'text'> &
  Partial<Pick<ClusterLogEntry, 'who' | 'entity' | 'addrs'>>;

/** A line of this monitor's in the channel that everybody reads. */
export function clusterLine(priority: keyof typeof LOG_PRIORITY, text: string): LogLine {
  return { priority: LOG_PRIORITY[priority], channel: 'cluster', text };
}

/** What one decision changes. All of it becomes durable in one numbered commit, or none. */
export interface Change {
  readonly osdmap?: OsdMapPatch;
  /** Where this monitor listens, when that is not what its map says. */
  readonly monAddr?: EntityAddr;
  /** Settings to store, or to remove where the value is undefined. */
  readonly config?: readonly (ConfigTarget & {
    readonly name: string;
    readonly value: string | undefined;
  })[];
  /** Likewise for `ceph config-key`; values are opaque bytes. */
  readonly configKey?: readonly { readonly key: string; readonly value: Uint8Array | undefined }[];
  /** Likewise by code. */
  readonly healthMutes?: readonly {
    readonly code: string;
    readonly mute: HealthMute | undefined;
  }[];
  /** What an OSD said of itself at boot; undefined forgets it. */
  readonly osdMetadata?: ReadonlyMap<number, ReadonlyMap<string, string> | undefined>;
  /** Lines for the cluster log. */
  readonly log?: readonly LogLine[];
}
