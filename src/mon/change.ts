import type { Incremental } from '../maps/index.ts';
import type { ClusterLogEntry, ConfigEntry, HealthMute } from './state.ts';

/** The parts of an OSDMap change; the store adds fsid, epoch, time and what stays the same. */
export type OsdMapPatch = Partial<Incremental>;

/** What one decision changes. All of it becomes durable in one numbered commit, or none. */
export interface Change {
  readonly osdmap?: OsdMapPatch;
  /** Entries to set, and to remove when the value is undefined. */
  readonly config?: readonly (Omit<ConfigEntry, 'value'> & {
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
  readonly log?: readonly Pick<ClusterLogEntry, 'priority' | 'channel' | 'text'>[];
}
