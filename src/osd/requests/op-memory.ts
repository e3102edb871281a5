import type { IncomingMessage } from '../../msgr/index.ts';
import type { BufferPool } from '../../runtime/index.ts';
import type { RequestMemory } from '../ops/index.ts';

/** What those need of it who pass a change on. */
export type ChangeMemory = Pick<OpMemory, 'isLarge' | 'use'>;

/** Of a change that came with no message. */
export const NO_MEMORY: ChangeMemory = { isLarge: false, use: () => () => {} };

/**
 * The memory of one request: the message it came in, and what was lent to its reads. It is used again when the request
 * is at its end and nobody else looks at it any more: the local store, messages to other members, the reply. Who forgets
 * to say so only leaves it to the collector of garbage.
 */
export class OpMemory implements RequestMemory {
  private users = 1;
  private readonly message: IncomingMessage;
  private readonly pool: BufferPool;
  /** Made when something is lent: most requests are small. */
  private lent: Buffer[] | undefined = undefined;

  constructor(message: IncomingMessage, pool: BufferPool) {
    this.message = message;
    this.pool = pool;
  }

  get isLarge(): boolean {
    return this.message.isLarge || this.lent !== undefined;
  }

  take(length: number): Buffer {
    const memory = this.pool.take(length);
    this.lent ??= [];
    this.lent.push(memory);
    return memory;
  }

  use(): () => void {
    this.users++;
    let isOpen = true;
    return () => {
      if (isOpen) this.end();
      isOpen = false;
    };
  }

  /** One of those who look at it is done; for the request itself, once. */
  end(): void {
    if (--this.users > 0 || !this.isLarge) return;
    this.message.recycle();
    const { lent } = this;
    this.lent = undefined;
    if (lent) for (const memory of lent) this.pool.give(memory);
  }
}
