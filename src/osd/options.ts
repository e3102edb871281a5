import type { Runtime, Shards } from '../runtime/index.ts';
import type { ObjectStore } from '../store/index.ts';
import type { EntityAddr } from '../wire/index.ts';

/** What an OSD needs to run. */
export interface OsdOptions {
  readonly runtime: Runtime;
  readonly id: number;
  readonly fsid: string;
  /** Names this OSD's data; the monitor binds it to the id at the first boot. */
  readonly uuid: string;
  /** Owned by the OSD from now on: closed with it. Memory of `runtime.pool` must be shared when there are shards. */
  readonly store: ObjectStore;
  /** Threads for the OSD's other shards; `store` is then that of shard 0. Default: one shard, with all PGs. */
  readonly shards?: Shards;
  readonly monAddrs: readonly EntityAddr[];
  /** Address for clients to listen on and to announce. */
  readonly host: string;
  /** For clients. 0, the default: one of `ports`. */
  readonly port?: number;
  /** Address for other OSDs; default `host`. */
  readonly clusterHost?: string;
  /** For other OSDs. 0, the default: one of `ports`. */
  readonly clusterPort?: number;
  /** Where ports are taken from that are not given, those of heartbeats too. Default: the system chooses. */
  readonly ports?: { readonly min: number; readonly max: number } | undefined;
  readonly hostname?: string;
  readonly deviceClass?: string;
  /** Of what the stores' metadata lie on; default: the same. */
  readonly metadataClass?: string;
  /** Options by name, in canonical text: what the configuration file says. It comes before the monitor's settings. */
  readonly config?: ReadonlyMap<string, string>;
  /** What the monitor has set, as far as that is known before it is asked. */
  readonly monConfig?: ReadonlyMap<string, string>;
  /**
   * The OSD cannot go on without risking data: the device failed or an invariant broke; or it should not (ESHUTDOWN): it
   * was told to stop, or was marked down too often. It has stopped answering.
   * Default: the error is logged and thrown, which ends the process.
   */
  readonly onFatal?: (error: unknown) => void;
}

/** A running OSD. */
export interface Osd {
  readonly id: number;
  /** Where clients and peers reach it. */
  readonly addr: EntityAddr;
  /** Resolves when the map first shows us up with our address. Rejects with ESHUTDOWN when we end before that. */
  readonly booted: Promise<void>;
  /** Tells the monitor that we go, waits briefly for the map that says so, closes the store. */
  close(): Promise<void>;
  /** Ends as a crash would: no goodbye. What is under way may or may not become durable. For tests. */
  kill(): Promise<void>;
}
