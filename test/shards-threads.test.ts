// Real threads behind the Shards port.
import { rmSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { startCluster } from '../src/cluster/index.ts';
import {
  alignedMemory,
  BufferPool,
  isPageStart,
  isShared,
  type ShardThread,
  sharedMemory,
} from '../src/runtime/index.ts';
import { nodeShards, systemClock } from '../src/runtime-node/index.ts';
import { tempFolder } from './support/temp-folder.ts';

/** A thread that echoes, what it said so far, and a wait for more. */
function echo() {
  const shards = nodeShards(3, {
    module: new URL('./support/echo-thread.ts', import.meta.url),
    data: (index) => ({ index }),
  });
  const said: { head: unknown; bytes: readonly Buffer[] }[] = [];
  let wake = (): void => {};
  let end: (e: Error | undefined) => void;
  const ended = new Promise<Error | undefined>((resolve) => {
    end = resolve;
  });
  const thread: ShardThread = shards.start(2, {
    onPost: (head, bytes) => {
      said.push({ head, bytes });
      wake();
    },
    onEnd: (e) => end(e),
  });
  onTestFinished(() => thread.end());
  const until = async (count: number) => {
    while (said.length < count) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return said;
  };
  return { thread, until, ended };
}

it('posts arrive in order with their bytes, over turns and within one', async () => {
  const { thread, until } = echo();
  for (let turn = 0; turn < 5; turn++) {
    for (let i = 0; i < 4; i++) {
      const bytes = [Buffer.alloc(0), Buffer.from(`${turn}.${i}`), Buffer.alloc(5000, i)];
      thread.post({ turn, i, big: 2n ** 63n }, bytes.slice(0, i));
    }
    if (turn % 2 === 0) await new Promise((done) => setImmediate(done));
  }
  const said = await until(20);
  said.forEach(({ head, bytes }, n) => {
    const [turn, i] = [Math.floor(n / 4), n % 4];
    expect(head).toMatchObject({ head: { turn, i, big: 2n ** 63n }, posts: n + 1 });
    expect(bytes.map((b) => b.length)).toEqual([0, `${turn}.${i}`.length, 5000].slice(0, i));
    if (i > 1) expect(bytes[1]!.toString()).toBe(`${turn}.${i}`);
    if (i > 2) expect(bytes[2]!.equals(Buffer.alloc(5000, i))).toBe(true);
  });
});

it('copies of small bytes are taken when the turn ends, and each lies at a multiple of 8', async () => {
  const { thread, until } = echo();
  const mine = Buffer.alloc(5, 1);
  thread.post({}, [mine, Buffer.alloc(3), mine]);
  mine.fill(2);
  await new Promise((done) => setImmediate(done));
  mine.fill(3);
  const [{ head, bytes }] = (await until(1)) as [{ head: { seen: unknown[] }; bytes: Buffer[] }];
  expect(bytes[0]!.equals(Buffer.alloc(5, 2))).toBe(true);
  expect(head.seen).toEqual(Array(3).fill([false, false, 0]));
});

it('shared memory crosses as it lies, and keeps what is known of its alignment', async () => {
  const { thread, until } = echo();
  const pool = BufferPool.shared();
  const large = pool.take(4 << 20);
  const medium = pool.take(64 << 10);
  const plain = sharedMemory(100);
  for (const b of [large, medium, plain]) expect(isShared(b)).toBe(true);
  expect(isPageStart(large.buffer)).toBe(true);
  expect(isShared(alignedMemory(1 << 20))).toBe(false);
  thread.post({}, [large, plain.subarray(8, 16), medium]);
  const [{ head, bytes }] = (await until(1)) as [{ head: { seen: unknown[] }; bytes: Buffer[] }];
  expect(head.seen).toEqual([
    [true, true, 0],
    [true, false, 0],
    [true, false, 0],
  ]);
  expect([large[0], plain[8], plain[0], medium[0]]).toEqual([42, 42, 0, 42]);
  large[1] = 7;
  expect(bytes[0]![1]).toBe(7);
});

it('shared memory is used again, however much of it there is', () => {
  const pool = BufferPool.shared();
  pool.keepAtMost(1 << 20);
  const taken = Array.from({ length: 30 }, () => pool.take(4 << 20));
  for (const b of taken) pool.give(b);
  const again = new Set(Array.from({ length: 30 }, () => pool.take(4 << 20)));
  expect([...again].every((b) => taken.includes(b))).toBe(true);
  for (const b of again) pool.give(b);
  // What nobody needed for a while goes.
  for (const ms of [0, 20_000, 40_000]) pool.age(ms);
  expect(pool.held.bytes).toBe(0);
});

it('a thread has its data and the clock of the main one', async () => {
  const { thread, until } = echo();
  const before = systemClock.monotonicMs();
  thread.post({ ask: 'time' });
  const [{ head }] = (await until(1)) as unknown as [{ head: { ms: number; data: unknown } }];
  expect(head.data).toEqual({ index: 2 });
  expect(head.ms).toBeGreaterThanOrEqual(before - 1);
  expect(head.ms).toBeLessThanOrEqual(systemClock.monotonicMs() + 1);
});

it('the end of a thread is heard, whatever it was', async () => {
  const thrown = echo();
  thrown.thread.post({ ask: 'throw' });
  expect(await thrown.ended).toMatchObject({ message: 'a bug' });
  const left = echo();
  left.thread.post({ ask: 'exit' });
  expect(await left.ended).toMatchObject({ message: 'thread ended with status 3' });
});

it('a thread is ended even when it is busy, which is no surprise', async () => {
  const { thread, until, ended } = echo();
  thread.post({});
  await until(1);
  thread.post({ ask: 'loop' });
  await thread.end();
  thread.post({});
  expect(await Promise.race([ended, Promise.resolve('quiet')])).toBe('quiet');
});

it('a cluster in one call has them, in memory and on disk', async () => {
  const dir = tempFolder('threads');
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  await expect(startCluster({ osds: 1, shards: 0 })).rejects.toMatchObject({ code: 'EINVAL' });
  const large = Buffer.from(Array.from({ length: 3 << 20 }, (_, i) => (i * 7919) & 255));
  for (const where of [{}, { dir }]) {
    await using c = await startCluster({ osds: 1, shards: 2, pools: ['p'], ...where });
    const pool = await (await c.connect()).pool('p');
    for (let i = 0; i < 10; i++) await pool.object(`o${i}`).writeFull(large.subarray(i));
    for (let i = 0; i < 10; i++) {
      expect((await pool.object(`o${i}`).read()).equals(large.subarray(i))).toBe(true);
    }
  }
  await expect(startCluster({ osds: 1, shards: 3, dir })).rejects.toMatchObject({
    code: 'EINVAL',
    message: expect.stringContaining('is of shard 0 of 2, not of shard 0 of 3'),
  });
});
