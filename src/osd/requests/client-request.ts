import {
  type AckLevel,
  EVERSION_ZERO,
  type EVersion,
  type HObject,
  type ReqId,
} from '../../wire/index.ts';
import type { CopyContent, OpOutcome, OpRequest } from '../ops/index.ts';
import type { OpMemory } from './op-memory.ts';

/** What a client is answered. */
export interface OpAnswer {
  readonly result: number;
  /** Absent: each op's result is 0 and nothing is put out. */
  readonly outcome: OpOutcome | undefined;
  readonly version: EVersion;
  readonly userVersion: bigint;
  /** Refused before it was looked at: the reply does not acknowledge. */
  readonly isEarly: boolean;
}

/** A client's request on its way through a PG. */
export interface ClientOp {
  readonly request: OpRequest;
  /** Its message and what its reads were lent, if that is large or may become so. */
  readonly memory: OpMemory;
  readonly oid: HObject;
  /** oidKey(oid) */
  readonly key: string;
  readonly reqid: ReqId;
  readonly reqidKey: string;
  readonly mayWrite: boolean;
  /** What a write must have reached when it is answered. */
  readonly ack: AckLevel;
  /** Lists the PG rather than touching an object. */
  readonly isPgOp: boolean;
  /** Bytes of input, for the check of free space; 0 for what only removes. */
  readonly growth: number;
  readonly startedMs: number;
  /** The source of a COPY_FROM, fetched already; a rejection is the errno that the op gets. */
  copy: Promise<CopyContent> | undefined;
  answer(a: OpAnswer): void;
  /** By a map that came after the request: its client may be taken for dead by others, who act on that. */
  isFenced(): boolean;
  /** Forgotten without an answer: the client sends it again elsewhere. */
  drop(): void;
}

/** A reply with what came of the request. */
export function answerOf(outcome: OpOutcome, version: EVersion): OpAnswer {
  const { result, userVersion } = outcome;
  return { result, outcome, version, userVersion, isEarly: outcome.kind === 'early' };
}

/** A reply to a request that is refused before it is looked at. */
export function refusal(result: number): OpAnswer {
  return { result, outcome: undefined, version: EVERSION_ZERO, userVersion: 0n, isEarly: true };
}
