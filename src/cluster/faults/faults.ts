/** Whom a fault is about: a daemon by its name, or `client` for everybody who is none. */
export type FaultTarget = OsdName | 'mon.a' | 'client';
/** An OSD by its name, as `ceph` writes it. */
export type OsdName = `osd.${number}`;

/** A bit that was turned over on a disk. */
export interface FlippedBit {
  readonly osd: OsdName;
  /** The object that it is part of, and its PG. */
  readonly object: string;
  readonly pgid: string;
  /** The byte within the object's data. */
  readonly offset: number;
}

/**
 * What may happen to a cluster, in words that real and simulated clusters share. Nothing here is undone by itself:
 * `heal` ends what can end; a daemon that was killed is dead until `restart`, a bit that was flipped stays so until
 * somebody writes there.
 */
export interface Faults {
  /**
   * No byte passes from any of `from` to any of `to`, nor back unless `oneWay`. What is sent meanwhile waits, as in TCP:
   * connections notice only by their timeouts. New ones are not made.
   */
  partition(
    from: readonly FaultTarget[],
    to: readonly FaultTarget[],
    options?: { readonly oneWay?: boolean },
  ): void;
  /** Bytes from `from` to `to` and back arrive that much later, in order; 0 makes the link fast again. */
  slowLink(from: FaultTarget, to: FaultTarget, ms: number): void;
  /** Breaks the connections that are there between the two, at once. New ones may be made. */
  breakLinks(from: FaultTarget, to: FaultTarget): void;
  /** Each read, write and sync of the OSD's disk takes that much longer; 0 makes it fast again. */
  slowDisk(osd: OsdName, ms: number): void;
  /** The OSD's disk has no room left: it takes no more data, and the cluster is told that it is full. */
  fill(osd: OsdName): void;
  /**
   * Turns over a bit of the object's data where the OSD keeps them; of any object of a client when none is named.
   * @throws CephError ENOENT when the OSD holds no data of such an object
   */
  flipBit(osd: OsdName, object?: string): Promise<FlippedBit>;
  /**
   * Ends the daemon as SIGKILL would: no goodbye, and writes that the system was not given yet are lost. Nothing happens
   * to one that is dead.
   */
  kill(daemon: OsdName | 'mon.a'): Promise<void>;
  /** Starts a daemon that was killed on what its disk holds. Resolves when the cluster's map shows it up. */
  restart(daemon: OsdName | 'mon.a'): Promise<void>;
  /** Ends partitions, slow links, slow and full disks. */
  heal(): void;
}
