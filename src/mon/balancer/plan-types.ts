import type { ErrnoName } from '../../errors/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import type { OsdMapPatch } from '../change.ts';

/** A change that makes a spread more even, not carried out yet. */
export interface Plan {
  readonly name: string;
  readonly mode: string;
  /** The map that it starts from. */
  readonly osdmap: OSDMap;
  /** Names; none: all pools. */
  readonly pools: readonly string[];
  /** What carries it out, and what the map is then. */
  readonly patch: OsdMapPatch;
  readonly after: OSDMap;
  /** The same as commands of `ceph`. */
  readonly commands: readonly string[];
}

/** What a way of balancing comes up with. */
export type Found = Pick<Plan, 'patch' | 'commands'>;

/** Why there is no plan. */
export interface NoPlan {
  readonly errno: ErrnoName;
  readonly detail: string;
}
