import { alignedMemory, BufferPool, sharedMemory } from '../../src/runtime/index.ts';

/** Memory that was given back holds something else at once: whoever still looks at it sees wrong bytes. */
export class PoisonPool extends BufferPool {
  given = 0;

  /** @param shared its memory is the same for all threads */
  constructor(shared = false) {
    if (shared) super(sharedMemory, sharedMemory);
    else super(alignedMemory);
  }

  override give(buffer: Buffer): void {
    this.given++;
    buffer.fill(0xdb);
    super.give(buffer);
  }
}
