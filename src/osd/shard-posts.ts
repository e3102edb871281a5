import { CephError } from '../errors/index.ts';
import type { MapMessage } from '../maps/index.ts';
import type { IncomingMessage, OutgoingMessage } from '../msgr/index.ts';
import type { LogLevel } from '../runtime/index.ts';
import type { EntityAddr, EntityName, PgId } from '../wire/index.ts';
import type { Ack } from './acks.ts';
import type { MapSharing } from './map-follower.ts';
import type { Lease } from './peer-messages.ts';
import type { PostedCall } from './posted-calls.ts';
import type { RecoveryAnswer, RecoveryAsk } from './recovery-posts.ts';
import type { ScrubAnswer, ScrubAsk } from './scrub/scrub-places.ts';
import type { Settings } from './settings.ts';
import type { ShardAnswers, ShardCalls, ShardFront } from './shard-front.ts';

// ShardCalls and ShardFront as posts between threads. Bytes stand beside a post, in the order named here.

/** Numbers that count what was lent to the other thread, see Lent; 0: nothing. */
type Loan = number;

/** Bytes: front, middle, data, and `crcs` if there are any. */
export interface InHead {
  readonly type: number;
  readonly version: number;
  readonly compat: number;
  readonly tid: number;
  readonly hasCrcs: boolean;
  /** Until then it counts against its connection's throttle. */
  readonly held: Loan;
  /** Its memory, to be used again. */
  readonly memory: Loan;
}

/** Bytes: front, each part of the data, then the crcs of those parts that have any. */
export interface OutHead {
  readonly type: number;
  readonly version: number;
  readonly compat: number;
  readonly tid: number | undefined;
  readonly priority: number | undefined;
  readonly parts: number;
  /** Which parts have crcs, ascending. */
  readonly crcs: readonly number[] | undefined;
  readonly memory: Loan;
}

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

/** Something lent is given back, or was lost. */
interface Returned {
  readonly kind: 'returned';
  readonly loan: Loan;
  readonly isLost: boolean;
}

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

export function inHead(m: IncomingMessage, held: Loan, memory: Loan): InHead {
  const hasCrcs = m.dataCrcs !== undefined;
  const { type, version, compatVersion: compat, tid } = m;
  return { type, version, compat, tid, hasCrcs, held, memory };
}

export function inBytes({ front, middle, data, dataCrcs }: IncomingMessage): Uint8Array[] {
  return dataCrcs ? [front, middle, data, bytesOf(dataCrcs)] : [front, middle, data];
}

/** @param done gives back the memory of the message, which the messenger is then done with */
export function incomingOf(
  head: InHead,
  bytes: readonly Buffer[],
  back: { release(): void; recycle(): void },
): IncomingMessage {
  const [front, middle, data, crcs] = bytes;
  return {
    type: head.type,
    version: head.version,
    compatVersion: head.compat,
    tid: head.tid,
    seq: 0,
    priority: 0,
    front: front!,
    middle: middle!,
    data: data!,
    dataCrcs: head.hasCrcs ? wordsOf(crcs!) : undefined,
    isLarge: head.memory !== 0,
    // Whoever takes it in on its thread keeps it.
    hold: () => {},
    release: back.release,
    recycle: back.recycle,
  };
}

export function outHead(m: OutgoingMessage, memory: Loan): OutHead {
  const { type, version, compatVersion: compat, tid, priority } = m;
  const crcs = m.dataCrcs?.flatMap((c, i) => (c ? [i] : []));
  return { type, version, compat, tid, priority, parts: m.data?.length ?? 0, crcs, memory };
}

export function outBytes({ front, data, dataCrcs }: OutgoingMessage): Uint8Array[] {
  const bytes = [front];
  if (data) bytes.push(...data);
  for (const crcs of dataCrcs ?? []) if (crcs) bytes.push(bytesOf(crcs));
  return bytes;
}

export function outgoingOf(head: OutHead, bytes: readonly Buffer[]): OutgoingMessage {
  const { type, version, compat: compatVersion, tid, priority, parts } = head;
  const data = bytes.slice(1, 1 + parts);
  let dataCrcs: (Uint32Array | undefined)[] | undefined;
  if (head.crcs) {
    dataCrcs = data.map(() => undefined);
    head.crcs.forEach((part, i) => {
      dataCrcs![part] = wordsOf(bytes[1 + parts + i]!);
    });
  }
  return { type, version, compatVersion, tid, priority, front: bytes[0]!, data, dataCrcs };
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

/** Small: a copy spares every thought of how they lie. */
function wordsOf(bytes: Buffer): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}
