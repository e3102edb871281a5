import type { KeyValue, Runtime } from '../runtime/index.ts';

export interface MonitorOptions {
  readonly runtime: Runtime;
  /** Holds a cluster (see `createMonStore`). Owned by the monitor from now on: closed with it. */
  readonly store: KeyValue;
  /** Address to listen on, 0 for a port of the system's choice. The monitor's map follows it. */
  readonly host: string;
  readonly port: number;
  /** Where the manager's part listens; 0: the system chooses. Left out: there is no manager in the map. */
  readonly mgrPort?: number;
  /** Default `x`. */
  readonly mgrName?: string;
  /** Name of this machine, shown in listings. */
  readonly hostname?: string;
  /** Options by name: the defaults of this kind of cluster. What is stored in the cluster comes on top. */
  readonly config?: ReadonlyMap<string, string>;
  /** What the configuration file says: comes before what is stored. */
  readonly conf?: ReadonlyMap<string, string>;
  /**
   * The store failed or an invariant broke: the monitor has stopped answering. Default: the error is thrown, which ends
   * the process.
   */
  readonly onFatal?: (error: unknown) => void;
}
