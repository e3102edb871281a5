import { CephError } from '../../errors/index.ts';
import type { MapMessage } from '../../maps/index.ts';
import type { LogLevel } from '../../runtime/index.ts';
import type { EntityAddr, EntityName, PgId } from '../../wire/index.ts';
import type { MapSharing } from '../map-follower.ts';
import type { Lease } from '../peer-messages.ts';
import type { ScrubAnswer, ScrubAsk } from '../scrub/scrub-places.ts';
import type { Settings } from '../settings.ts';
import type { Ack } from '../shard/acks.ts';
import type { ShardAnswers, ShardCalls, ShardFront } from '../shard-front.ts';
import type { InHead, OutHead, Returned } from './message-posts.ts';
import type { PostedCall } from './posted-calls.ts';
import type { RecoveryAnswer, RecoveryAsk } from './recovery-posts.ts';

// ShardCalls and ShardFront as posts between threads. Bytes stand beside a post: those of its message, see
// message-posts.ts, or what is said here.

/** What crosses just as it is called. */
type CallToShard = PostedCall<
  ShardCalls,
  'peerReset' | 'granted' | 'promised' | 'orderScrub' | 'force' | 'apply'
>;
type CallToFront = PostedCall<ShardFront, 'wantMap' | 'askMon' | 'clusterLog' | 'statsChanged'>;

export type ToShard =
  | { readonly kind: 'open'; readonly settings: Settings }
  /** Bytes: the map that the shard's PGs have seen last, if it is kept. */
  | { readonly kind: 'begin'; readonly addr: EntityAddr; readonly sharing: MapSharing }
  | {
      readonly kind: 'session';
      readonly session: number;
      readonly peer: EntityName;
      readonly peerAddrs: readonly EntityAddr[];
    }
  | { readonly kind: 'request'; readonly session: number; readonly m: InHead }
  | { readonly kind: 'forget'; readonly session: number }
  | { readonly kind: 'peerMessage'; readonly from: number; readonly m: InHead }
  | { readonly kind: 'acked'; readonly from: number; readonly acks: readonly Ack[] }
  | { readonly kind: 'copyReply'; readonly m: InHead }
  | CallToShard
  | { readonly kind: 'stoodBy'; readonly question: number; readonly leaseMs: number }
  | { readonly kind: 'recovery'; readonly answer: RecoveryAnswer }
  | { readonly kind: 'scrubPlace'; readonly answer: ScrubAnswer }
  | { readonly kind: 'map'; readonly from: number; readonly message: MapMessage }
  | {
      readonly kind: 'ask';
      readonly question: number;
      readonly what: keyof ShardAnswers | 'stop' | 'close';
      readonly pgid: PgId | undefined;
    }
  | Returned;

export type ToFront =
  | { readonly kind: 'state'; readonly state: ShardState }
  | { readonly kind: 'reply'; readonly session: number; readonly m: OutHead }
  /** The client's bytes make no sense. */
  | { readonly kind: 'cut'; readonly session: number }
  | { readonly kind: 'send'; readonly osd: number; readonly m: OutHead }
  | CallToFront
  | { readonly kind: 'shareMaps'; readonly session: number; readonly epoch: number }
  | {
      readonly kind: 'standBy';
      readonly question: number;
      readonly osd: number;
      readonly lease: Lease;
    }
  | { readonly kind: 'recovery'; readonly ask: RecoveryAsk }
  | { readonly kind: 'scrubPlace'; readonly ask: ScrubAsk }
  | { readonly kind: 'map'; readonly to: number; readonly message: MapMessage }
  | { readonly kind: 'answer'; readonly question: number; readonly value: unknown }
  | {
      readonly kind: 'log';
      readonly level: LogLevel;
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>> | undefined;
    }
  | { readonly kind: 'fatal'; readonly error: PostedError }
  | Returned;

/** What the front knows of a shard without asking. */
export interface ShardState {
  readonly durableEpoch: number;
  readonly pgCount: number;
  readonly neighbours: ReadonlySet<number>;
}

/** An error that crosses threads, which lets its class fall. */
export interface PostedError {
  readonly errno: number | undefined;
  readonly message: string;
  readonly stack: string | undefined;
}

export function postedError(e: unknown): PostedError {
  if (!(e instanceof Error)) return { errno: undefined, message: String(e), stack: undefined };
  const errno = e instanceof CephError ? e.errno : undefined;
  return { errno, message: e.message, stack: e.stack };
}

export function errorOf({ errno, message, stack }: PostedError): Error {
  const e = errno === undefined ? new Error(message) : new CephError(errno, message);
  if (stack !== undefined) e.stack = stack;
  return e;
}
