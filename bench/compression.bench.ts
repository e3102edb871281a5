/**
 * What compression in the store costs and saves: durable writes of whole objects and reads of them, of data like text,
 * data that is mostly zeros, and data that does not shrink. The algorithms take turns in each round.
 * Run with `npm run bench:compression [-- rounds [directory]]`.
 */
import { randomFillSync } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { type BlockStore, COMPRESSION_DEFAULTS } from '../src/store/index.ts';
import { openNodeStore } from '../test/support/node-store.ts';
import { dice } from '../test/support/sim-disk.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { oidOf } from './support/store-load.ts';

const rounds = Number(process.argv[2] ?? 5);
const path = tempFolder('compression', process.argv[3]);
const ALGORITHMS = ['none', 'lz4', 'zstd', 'zlib'] as const;
type Algorithm = (typeof ALGORITHMS)[number];
const SIZES = [64 << 10, 4 << 20];
/** Bytes that one measurement moves, and what of them is there at once. */
const BYTES = 64 << 20;
const KEPT = 32 << 20;
const C = '1.0';

/** Words of a small vocabulary with numbers between them: about what logs and tables are. */
function textLike(length: number): Buffer {
  const roll = dice(9);
  const letters = () =>
    String.fromCharCode(...Array.from({ length: 3 + roll(7) }, () => 97 + roll(26)));
  const words = Array.from({ length: 2000 }, letters);
  let text = '';
  while (text.length < length) text += `${words[roll(1 + roll(2000))]} ${roll(6) ? '' : roll(1e5)}`;
  return Buffer.from(text.slice(0, length));
}

/** One block of eight holds something. */
function mostlyZeros(length: number): Buffer {
  const out = Buffer.alloc(length);
  for (let at = 0; at < length; at += 32_768) randomFillSync(out, at, 4096);
  return out;
}

const PAYLOADS = {
  text: textLike(4 << 20),
  zeros: mostlyZeros(4 << 20),
  random: randomFillSync(Buffer.alloc(4 << 20)),
};

interface Figures {
  /** MB/s, CPU in milliseconds per MB, and how long one call held the thread at most, in milliseconds. */
  rate: number;
  cpu: number;
  held: number;
}

async function measure(size: number, work: (i: number) => Promise<unknown> | unknown) {
  const count = BYTES / size;
  const cpu = process.cpuUsage();
  const start = performance.now();
  let held = 0;
  for (let i = 0; i < count; i++) {
    const before = performance.now();
    const done = work(i);
    held = Math.max(held, performance.now() - before);
    await done;
  }
  const used = process.cpuUsage(cpu);
  const rate = BYTES / 1000 / (performance.now() - start);
  return { rate, cpu: (used.user + used.system) / 1000 / (BYTES / 1e6), held };
}

async function round(store: BlockStore, size: number, payload: Buffer) {
  const objects = KEPT / size;
  const write = await measure(size, (i) => {
    const at = (i * size) % payload.length;
    const data = payload.subarray(at, at + size);
    return store.submit([{ op: 'write', c: C, oid: oidOf('', i % objects), offset: 0, data }]);
  });
  const read = await measure(size, (i) => store.read(C, oidOf('', (i * 7) % objects), 0, size));
  const share = store.usage().allocatedBytes / KEPT;
  await store.submit(
    Array.from({ length: objects }, (_, i) => ({ op: 'remove' as const, c: C, oid: oidOf('', i) })),
  );
  return { write, read, share };
}

const median = (all: readonly number[]) => [...all].sort((a, b) => a - b)[all.length >> 1]!;
const shown = (all: readonly Figures[]) =>
  [
    median(all.map((f) => f.rate)).toFixed(0),
    median(all.map((f) => f.cpu)).toFixed(2),
    median(all.map((f) => f.held)).toFixed(1),
  ].join(' | ');

const stores = new Map<Algorithm, BlockStore>();
for (const algorithm of ALGORITHMS) {
  const store = await openNodeStore(join(path, algorithm), { sizeBytes: 2 ** 29 });
  await store.submit([{ op: 'mkcoll', c: C }]);
  if (algorithm !== 'none') {
    store.setCompression(1, { ...COMPRESSION_DEFAULTS, mode: 'force', algorithm });
  }
  stores.set(algorithm, store);
}

console.log(`${cpus()[0]?.model}, ${cpus().length} processors, median of ${rounds} rounds`);
console.log(
  '| data | bytes | algorithm | space | write MB/s | CPU ms/MB | held ms | read MB/s | CPU ms/MB | held ms |',
);
console.log(`|${'---|'.repeat(10)}`);
for (const [name, payload] of Object.entries(PAYLOADS)) {
  for (const size of SIZES) {
    const runs = new Map(
      ALGORITHMS.map((a) => [a, [] as Awaited<ReturnType<typeof round>>[]] as const),
    );
    for (let i = 0; i < rounds; i++) {
      for (const [algorithm, store] of stores) {
        runs.get(algorithm)!.push(await round(store, size, payload));
      }
    }
    for (const [algorithm, all] of runs) {
      const space = `${(100 * all[0]!.share).toFixed(0)} %`;
      const write = shown(all.map((r) => r.write));
      const read = shown(all.map((r) => r.read));
      console.log(`| ${name} | ${size} | ${algorithm} | ${space} | ${write} | ${read} |`);
    }
  }
}
for (const store of stores.values()) await store.close();
await rm(path, { recursive: true });
