/**
 * One engine in a process of its own, so that its memory is told apart. Started by key-value.bench.ts:
 * `fill|cold|load|victim|after ENGINE DIRECTORY ENTRIES SECONDS`; prints JSON, or the numbers of durable batches.
 */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { KeyValue, KeyValueOp } from '../../src/runtime/index.ts';
import { openLmdb } from '../../src/runtime-node/index.ts';
import {
  filling,
  flushBatch,
  LOG_VALUE,
  logKey,
  OBJECT_VALUE,
  objectKey,
  PGS,
  smallBatch,
  valueFor,
} from './key-value-mix.ts';
import { LevelKeyValue } from './level-key-value.ts';
import { memoryOf } from './processes.ts';

/** Figures by name, in the order of the table. */
export type Figures = Record<string, number>;

const [job, engine, dir, entriesWord, secondsWord] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string,
];
const entries = Number(entriesWord);
const seconds = Number(secondsWord);
const open = (): Promise<KeyValue> => (engine === 'LMDB' ? openLmdb(dir) : LevelKeyValue.open(dir));

/** How often in a second `depth` workers get through `work`, and the CPU for each. */
async function rate(
  depth: number,
  work: (i: number) => unknown,
): Promise<{ perSecond: number; cpuMicros: number }> {
  const cpu = process.cpuUsage();
  const started = performance.now();
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - started < seconds * 1000) {
      const result = work(next++);
      if (result instanceof Promise) await result;
      done++;
    }
  };
  await Promise.all(Array.from({ length: depth }, worker));
  const used = process.cpuUsage(cpu);
  const ms = performance.now() - started;
  return { perSecond: (done * 1000) / ms, cpuMicros: (used.user + used.system) / done };
}

const sizeOf = (path: string): number =>
  readdirSync(path).reduce((sum, f) => sum + statSync(join(path, f)).blocks * 512, 0);
const timed = async <T>(work: () => Promise<T>): Promise<[T, number]> => {
  const started = performance.now();
  return [await work(), performance.now() - started];
};
const scattered = (i: number, of: number): number => (Math.imul(i, 7_368_787) >>> 0) % of;

async function fill(): Promise<Figures> {
  const kv = await open();
  const [, ms] = await timed(async () => {
    for (const batch of filling(entries)) await kv.commit(batch);
  });
  await kv.close();
  return { 'entries filled in, batches of 400, 1/s': (entries * 1000) / ms };
}

/** In a store of so many entries. */
async function load(): Promise<Figures> {
  const kv = await open();
  const fresh = entries; // batches measured go behind what is there
  const one = await rate(1, (i) => kv.commit(smallBatch(fresh + i)));
  const sixteen = await rate(16, (i) => kv.commit(smallBatch(2 * fresh + i)));
  const flushes = await rate(1, (i) => kv.commit(flushBatch(i + Math.ceil(fresh / 50))));
  const half = Math.floor(entries / 2);
  const reads = await rate(1, (i) => kv.get(objectKey(scattered(i, half))));
  const misses = await rate(1, (i) => kv.get(`${objectKey(scattered(i, half))}?`));
  const ranges = await rate(1, (i) => {
    const from = objectKey(scattered(i, half));
    for (const _ of kv.range(from, 'P', { limit: 100 }));
  });
  const asynchronous =
    kv instanceof LevelKeyValue
      ? await rate(1, async (i) => {
          const gt = Buffer.from(objectKey(scattered(i, half)), 'latin1');
          for await (const _ of kv.db.iterator({ gt, limit: 100 }));
        })
      : undefined;
  const perPg = Math.floor(half / PGS);
  const step = Math.min(500, perPg);
  const [, trimMs] = await timed(async () => {
    for (let pg = 0; pg < PGS; pg++) {
      const from = logKey(pg);
      const to = logKey(pg + step * PGS);
      await kv.commit([{ op: 'delRange', from, to }]);
    }
  });
  await kv.close();
  return {
    'durable batches of a write, depth 1, 1/s': one.perSecond,
    'durable batches of a write, depth 16, 1/s': sixteen.perSecond,
    'CPU of one at depth 16, us': sixteen.cpuMicros,
    "a journal's batches of 400, 1/s": flushes.perSecond,
    'point reads, 1/s': reads.perSecond,
    'point reads of what is not there, 1/s': misses.perSecond,
    'ranges of 100 through the port, 1/s': ranges.perSecond,
    ...(asynchronous && { 'ranges of 100, asynchronous, 1/s': asynchronous.perSecond }),
    'keys removed by ranges of 500, 1/s': (PGS * step * 1000) / trimMs,
  };
}

/** A store of so many entries, opened in a new process. */
async function cold(): Promise<Figures> {
  const before = memoryOf(process.pid);
  const [kv, openMs] = await timed(open);
  const opened = memoryOf(process.pid);
  const half = Math.floor(entries / 2);
  for (let i = 0; i < 100_000; i++) kv.get(objectKey(scattered(i, half)));
  const read = memoryOf(process.pid);
  await kv.close();
  const bytes = (entries / 2) * (objectKey(0).length + logKey(0).length + OBJECT_VALUE + LOG_VALUE);
  return {
    'size on disk, MiB': sizeOf(dir) / 2 ** 20,
    'the same for a byte put': sizeOf(dir) / bytes,
    'opened in, ms': openMs,
    'opened without reading keys into memory, ms':
      kv instanceof LevelKeyValue ? kv.openedMs : openMs,
    'its own memory when open, MiB': opened.anonymous - before.anonymous,
    'the same after 100,000 reads, MiB': read.anonymous - before.anonymous,
    'pages of files after them, MiB': read.file - before.file,
  };
}

/** Writes until it is killed, and tells each batch once it is durable. */
async function victim(): Promise<void> {
  const kv = await open();
  let next = 0;
  const worker = async (): Promise<void> => {
    for (;;) {
      const i = next++;
      await kv.commit(smallBatch(i));
      process.stdout.write(`${i}\n`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** After that: every batch that was told must be there whole, and no other in part. */
async function after(): Promise<Figures> {
  const [kv, openMs] = await timed(open);
  const holds = (op: KeyValueOp, i: number): boolean =>
    op.op === 'put' && kv.get(op.key)?.equals(valueFor(i, op.value.length)) === true;
  let lost = 0;
  let torn = 0;
  for (let i = 0; i < entries + 1000; i++) {
    const found = smallBatch(i).filter((op) => holds(op, i)).length;
    if (i < entries && found < 2) lost++;
    if (found === 1) torn++;
  }
  await kv.close();
  return { 'opened after kill -9 in, ms': openMs, 'batches lost': lost, 'batches torn': torn };
}

if (job === 'victim') await victim();
else {
  const jobs: Readonly<Record<string, () => Promise<Figures>>> = { fill, cold, load, after };
  console.log(JSON.stringify(await jobs[job]!()));
}
