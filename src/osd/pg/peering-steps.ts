import type { EVersion } from '../../wire/index.ts';
import type { Logged } from '../log/logged.ts';
import type { Frontier } from '../recovery/import.ts';
import type { Others, PgView } from './intervals.ts';
import type { MissingSet } from './missing.ts';
import type { PgInfo } from './pg-info.ts';

// What goes into peering and what comes out, and where it stands: see Peering.

export type PeeringPhase =
  | { readonly name: 'idle' }
  | { readonly name: 'asking'; readonly waiting: ReadonlySet<number> }
  /** An interval that may hold writes has no member that is up. */
  | { readonly name: 'down'; readonly blockedBy: ReadonlySet<number> }
  /** Nobody who is up holds the whole history. */
  | { readonly name: 'incomplete' }
  | { readonly name: 'fetching'; readonly from: number }
  | { readonly name: 'merging' }
  | { readonly name: 'comparing'; readonly waiting: Set<number> }
  | { readonly name: 'activating'; readonly waiting: Set<number>; readonly writeable: boolean }
  /** All members are ready; the map does not show yet that this primary is alive in this interval. */
  | { readonly name: 'waitingForUpThru' }
  | { readonly name: 'active' }
  /** Members agree, but are too few for writes; objects are recovered meanwhile. */
  | { readonly name: 'peered' };

/** A log as a peer sends it: everything after `tail`. */
export interface RemoteLog {
  readonly tail: EVersion;
  /** See Dups; only with a whole log. */
  readonly dups: readonly Uint8Array[];
  readonly entries: readonly Logged[];
}

export type PeeringInput =
  /** @param known what holders outside the acting set have said by themselves */
  | {
      readonly kind: 'start';
      readonly view: PgView;
      readonly others: Others;
      readonly known: ReadonlyMap<number, PgInfo>;
    }
  | { readonly kind: 'stop' }
  | { readonly kind: 'info'; readonly from: number; readonly info: PgInfo }
  | { readonly kind: 'log'; readonly from: number; readonly log: RemoteLog }
  /** Our own log is now the authoritative one, durable. */
  | { readonly kind: 'merged' }
  /** The map shows us alive in this interval: others will ask for what is written in it. */
  | { readonly kind: 'vouchedFor' }
  | {
      readonly kind: 'activated';
      readonly from: number;
      readonly missing: MissingSet;
      /** How far it has listed; absent unless it imports. */
      readonly frontier: Frontier | undefined;
    };

/** How a member gets from its log to ours. */
export interface CatchUp {
  /** `log`: it goes on from `base`. `import`: it takes the whole log over, whose end `base` is, and imports. */
  readonly kind: 'log' | 'import';
  readonly base: EVersion;
  readonly entries: readonly Logged[];
  /** Whom an importing member asks for what it does not know, and for what it lacks. */
  readonly sources: readonly number[];
  /** For one that takes the whole log over: requests before the first entry, see Dups. */
  readonly dups: readonly Uint8Array[];
}

export type PeeringEffect =
  | { readonly kind: 'askInfo'; readonly to: number }
  /** `since`: enough if the peer's log reaches it; undefined asks for the whole log. */
  | { readonly kind: 'askLog'; readonly to: number; readonly since: EVersion | undefined }
  /** Make our own log the authoritative one, durably; then input `merged`. */
  | { readonly kind: 'adopt'; readonly from: number; readonly how: CatchUp }
  /** Also to ourselves. Durable there before the answer `activated`. */
  | {
      readonly kind: 'activate';
      readonly to: number;
      readonly how: CatchUp;
      readonly writeable: boolean;
    }
  /** Have the map show us alive in this interval; `vouchedFor` follows. */
  | { readonly kind: 'askUpThru' }
  | { readonly kind: 'serve'; readonly writeable: boolean };

/** Whom peering waits for in a phase. */
export function waitingFor(phase: PeeringPhase): number[] {
  switch (phase.name) {
    case 'asking':
    case 'comparing':
    case 'activating':
      return [...phase.waiting];
    case 'down':
      return [...phase.blockedBy];
    case 'fetching':
      return [phase.from];
    default:
      return [];
  }
}
