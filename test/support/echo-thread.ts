/** A thread that answers each post with what came of it, for tests of nodeShards. */
import { isPageStart, isShared } from '../../src/runtime/index.ts';
import { threadClock, threadData, threadLink } from '../../src/runtime-node/index.ts';

const clock = threadClock();
let posts = 0;
const link = threadLink({
  onPost: (head, bytes) => {
    const { ask } = head as { ask?: string };
    posts++;
    if (ask === 'throw') throw new Error('a bug');
    if (ask === 'exit') process.exit(3);
    if (ask === 'loop') for (;;);
    if (ask === 'time') {
      link.post({ ms: clock.monotonicMs(), data: threadData() });
      return;
    }
    // Whoever shares the memory sees this.
    for (const b of bytes) if (isShared(b)) b[0] = 42;
    const seen = bytes.map((b) => [isShared(b), isPageStart(b.buffer), b.byteOffset % 8]);
    link.post({ head, posts, seen }, bytes);
  },
  onEnd: () => {},
});
