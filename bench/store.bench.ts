/**
 * BlockStore on this machine's disk: durable writes and reads of several sizes at depth 1 and 16.
 * Run with `node --import tsx bench/store.bench.ts [seconds per line] [directory]`.
 */
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { openNodeStore } from '../test/support/node-store.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { COLLECTION, oidOf, writeOf } from './support/store-load.ts';

const seconds = Number(process.argv[2] ?? 3);
const path = tempFolder('bench', process.argv[3]);
const store = await openNodeStore(path, { sizeBytes: 2 ** 36 });
const C = COLLECTION;
await store.submit([{ op: 'mkcoll', c: C }]);

async function measure(
  label: string,
  bytes: number,
  depth: number,
  work: (i: number) => unknown,
): Promise<number> {
  let next = 0;
  let done = 0;
  const start = performance.now();
  const end = start + seconds * 1000;
  const cpu = process.cpuUsage();
  const worker = async () => {
    while (performance.now() < end) {
      const result = work(next++);
      if (result instanceof Promise) await result;
      done++;
    }
  };
  await Promise.all(Array.from({ length: depth }, worker));
  const took = (performance.now() - start) / 1000;
  const used = process.cpuUsage(cpu);
  console.log(
    [
      label.padEnd(24),
      String(depth).padStart(5),
      (done / took).toFixed(0).padStart(10),
      ((done * bytes) / took / 2 ** 20).toFixed(1).padStart(10),
      ((took * depth * 1e6) / done).toFixed(0).padStart(10),
      ((used.user + used.system) / done).toFixed(0).padStart(10),
    ].join(' '),
  );
  return done;
}

console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}, ${seconds} s each`);
console.log(`${'what'.padEnd(24)} depth      ops/s      MiB/s   us each   cpu us/op`);
for (const [name, bytes] of [
  ['4 KiB', 4096],
  ['64 KiB', 65_536],
  ['4 MiB', 2 ** 22],
] as const) {
  const data = Buffer.alloc(bytes, 7);
  let written = 0;
  for (const depth of [1, 16]) {
    const prefix = `${bytes}_${depth}`;
    written = await measure(`write ${name}`, bytes, depth, (i) =>
      store.submit(writeOf(prefix, i, data)),
    );
  }
  for (const depth of [1, 16]) {
    await measure(`read ${name}`, bytes, depth, (i) =>
      store.read(C, oidOf(`${bytes}_16`, (i * 7919) % written), 0, bytes),
    );
  }
  if (bytes === 4096) {
    await measure('overwrite 4 KiB of 4 MiB', bytes, 16, (i) =>
      store.submit([
        { op: 'write', c: C, oid: oidOf('big', 0), offset: ((i * 7919) % 1024) * 4096, data },
      ]),
    );
  }
}
console.log(`resident ${(process.memoryUsage().rss / 2 ** 20).toFixed(0)} MiB`);
await store.close();
await rm(path, { recursive: true });
