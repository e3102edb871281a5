/**
 * Writes and reads past the page cache (O_DIRECT) beside those through it, in the store's own way: durable writes of
 * whole objects at depth 4, reads of random ones into memory that is used again. The modes take turns in each round.
 * Run with `npm run bench:direct [-- rounds [directory]]`.
 */
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { alignedMemory, BufferPool, type DirectMode } from '../src/runtime/index.ts';
import type { BlockStore } from '../src/store/index.ts';
import { openNodeStore } from '../test/support/node-store.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { oidOf } from './support/store-load.ts';

const rounds = Number(process.argv[2] ?? 5);
const path = tempFolder('direct', process.argv[3]);
const MODES: readonly DirectMode[] = ['auto', 'on', 'off'];
const SIZES = [64 << 10, 1 << 20, 4 << 20];
/** Bytes that one measurement moves. */
const BYTES = 128 << 20;
const DEPTH = 4;
const C = '1.0';

/** Microseconds of wall and CPU time for each of `count` pieces of work, `DEPTH` at a time. */
async function measure(count: number, work: (i: number) => unknown) {
  let next = 0;
  const cpu = process.cpuUsage();
  const start = performance.now();
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: DEPTH }, worker));
  const used = process.cpuUsage(cpu);
  return {
    wall: ((performance.now() - start) * 1000) / count,
    cpu: (used.user + used.system) / count,
  };
}

const stores = new Map<DirectMode, BlockStore>();
for (const direct of MODES) {
  const store = await openNodeStore(join(path, direct), { direct, sizeBytes: 2 ** 30 });
  await store.submit([{ op: 'mkcoll', c: C }]);
  stores.set(direct, store);
}
const pool = new BufferPool(alignedMemory);

async function round(store: BlockStore, size: number) {
  const count = BYTES / size;
  const data = alignedMemory(size).fill(7);
  const write = await measure(count, (i) =>
    store.submit([{ op: 'write', c: C, oid: oidOf(String(size), i), offset: 0, data }]),
  );
  const read = await measure(count, async (i) => {
    const lent: Buffer[] = [];
    const take = (bytes: number) => {
      const memory = pool.take(bytes);
      lent.push(memory);
      return memory;
    };
    await store.read(C, oidOf(String(size), (i * 7919) % count), 0, size, {
      take,
      crcs: undefined,
    });
    for (const memory of lent) pool.give(memory);
  });
  return { write, read };
}

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1]!;
console.log(
  `${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${rounds} rounds, medians`,
);
console.log('what         mode     MiB/s   us each  CPU us/op');
for (const size of SIZES) {
  const results = new Map<string, { wall: number[]; cpu: number[] }>();
  for (let i = 0; i < rounds; i++) {
    for (const mode of MODES) {
      const done = await round(stores.get(mode)!, size);
      for (const what of ['write', 'read'] as const) {
        const key = `${what} ${mode}`;
        const sums = results.get(key) ?? { wall: [], cpu: [] };
        sums.wall.push(done[what].wall);
        sums.cpu.push(done[what].cpu);
        results.set(key, sums);
      }
    }
  }
  for (const what of ['write', 'read']) {
    for (const mode of MODES) {
      const { wall, cpu } = results.get(`${what} ${mode}`)!;
      const us = median(wall);
      console.log(
        [
          `${what} ${size >> 10} KiB`.padEnd(14),
          mode.padEnd(5),
          (size / us / 1.048_576).toFixed(0).padStart(7),
          us.toFixed(0).padStart(9),
          median(cpu).toFixed(0).padStart(10),
        ].join(' '),
      );
    }
  }
}
for (const store of stores.values()) await store.close();
await rm(path, { recursive: true });
