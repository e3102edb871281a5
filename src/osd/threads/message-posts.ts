import type { IncomingMessage, OutgoingMessage } from '../../msgr/index.ts';
import { Borrowed, Lent } from './lending.ts';

// Messages as posts between threads. Bytes stand beside a post, in the order named here.

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

/** Something lent is given back, or was lost. */
export interface Returned {
  readonly kind: 'returned';
  readonly loan: Loan;
  readonly isLost: boolean;
}

/**
 * One end of a link over which messages cross with their memory, which is only lent: whoever took it says when it is done
 * with it.
 */
export class MessagePosts {
  private readonly lent = new Lent();
  private readonly borrowed: Borrowed;
  private readonly post: (returned: Returned) => void;

  constructor(post: (returned: Returned) => void) {
    this.post = post;
    this.borrowed = new Borrowed((loan, isLost) => post({ kind: 'returned', loan, isLost }));
  }

  /** @param isHeld it counts against its connection's throttle until the other end lets it go */
  inHead(m: IncomingMessage, isHeld: boolean): InHead {
    if (isHeld) m.hold();
    const held = isHeld ? this.lent.lend(() => m.release()) : 0;
    return inHead(m, held, m.isLarge ? this.lent.lend(() => m.recycle()) : 0);
  }

  /** The message that the other end tells of. */
  incoming(head: InHead, bytes: readonly Buffer[]): IncomingMessage {
    let recycle = (): void => {};
    let isHeld = head.held !== 0;
    const release = (): void => {
      if (isHeld) this.post({ kind: 'returned', loan: head.held, isLost: false });
      isHeld = false;
    };
    const m = incomingOf(head, bytes, { release, recycle: () => recycle() });
    if (head.memory !== 0) recycle = this.borrowed.take(head.memory, m);
    return m;
  }

  outHead(m: OutgoingMessage): OutHead {
    return outHead(m, m.done ? this.lent.lend(m.done) : 0);
  }

  /** Sends the message that the other end tells of. @param send says whether it goes anywhere */
  sendOut(head: OutHead, bytes: readonly Buffer[], send: (m: OutgoingMessage) => boolean): void {
    let message = outgoingOf(head, bytes);
    let done: (() => void) | undefined;
    if (head.memory !== 0) {
      message = { ...message, done: () => done?.() };
      done = this.borrowed.take(head.memory, message);
    }
    if (!send(message)) done?.();
  }

  /** The other end gives something back, or has lost sight of it. */
  returned({ loan, isLost }: Returned): void {
    if (isLost) this.lent.lost(loan);
    else this.lent.giveBack(loan);
  }
}

function inHead(m: IncomingMessage, held: Loan, memory: Loan): InHead {
  const hasCrcs = m.dataCrcs !== undefined;
  const { type, version, compatVersion: compat, tid } = m;
  return { type, version, compat, tid, hasCrcs, held, memory };
}

/** The bytes of what {@link MessagePosts.inHead} tells of. */
export function inBytes({ front, middle, data, dataCrcs }: IncomingMessage): Uint8Array[] {
  return dataCrcs ? [front, middle, data, bytesOf(dataCrcs)] : [front, middle, data];
}

/** @param done gives back the memory of the message, which the messenger is then done with */
function incomingOf(
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

function outHead(m: OutgoingMessage, memory: Loan): OutHead {
  const { type, version, compatVersion: compat, tid, priority } = m;
  const crcs = m.dataCrcs?.flatMap((c, i) => (c ? [i] : []));
  return { type, version, compat, tid, priority, parts: m.data?.length ?? 0, crcs, memory };
}

/** The bytes of what {@link MessagePosts.outHead} tells of. */
export function outBytes({ front, data, dataCrcs }: OutgoingMessage): Uint8Array[] {
  const bytes = [front];
  if (data) bytes.push(...data);
  for (const crcs of dataCrcs ?? []) if (crcs) bytes.push(bytesOf(crcs));
  return bytes;
}

function outgoingOf(head: OutHead, bytes: readonly Buffer[]): OutgoingMessage {
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
