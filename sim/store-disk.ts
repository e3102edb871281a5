import type { ObjectStore } from '../src/store/index.ts';
import type { HObject } from '../src/wire/index.ts';
import type { SimProcess } from './process.ts';

/** How long the device of a store takes. */
export interface Pace {
  /** A commit, of everything that waits for one. */
  readonly commitMinMs: number;
  readonly commitMaxMs: number;
  /** A read of data; 0: it is there at once. */
  readonly readMaxMs: number;
}

/** The disk of an OSD's machine with the store on it; outlives the OSD's processes. */
export interface StoreDisk {
  /** What every operation takes longer: a slow disk. */
  extraMs: number;
  /** The store for a new life of its daemon. */
  open(process: SimProcess): Promise<ObjectStore>;
  /** The daemon died. @param isPowerLost what was not synced may be lost or torn */
  crash(isPowerLost: boolean): void;
  /** A new, empty disk in its place; nobody uses it at the moment. */
  replace(): void;
  /** Turns over a bit of an object's data. @returns whether there was anything to turn over */
  damage(store: ObjectStore, c: string, oid: HObject): boolean;
}
