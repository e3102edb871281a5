import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  openSync,
  write,
  writeSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { alignedMemory } from '../../src/runtime/index.ts';
import { openLmdb } from '../../src/runtime-node/index.ts';
import { median, quantile } from './figures.ts';

const BLOCK = 4096;
const FILE_BYTES = 64 << 20;
const { O_CREAT, O_DIRECT, O_DSYNC, O_RDWR } = constants;

export interface SyncTimes {
  readonly medianMs: number;
  readonly p99Ms: number;
}

/** Durable writes of 4 KiB one after another over a file that is all there, so that no metadata changes. */
export function syncTimes(dir: string, how: 'fdatasync' | 'O_DSYNC', seconds: number): SyncTimes {
  const path = join(dir, 'sync');
  const filled = openSync(path, O_RDWR | O_CREAT, 0o600);
  writeSync(filled, Buffer.alloc(FILE_BYTES, 1));
  fsyncSync(filled);
  closeSync(filled);
  const fd = openSync(path, how === 'O_DSYNC' ? O_RDWR | O_DSYNC : O_RDWR);
  const block = Buffer.alloc(BLOCK, 2);
  const times: number[] = [];
  const end = performance.now() + seconds * 1000;
  for (let at = 0; performance.now() < end; at = (at + BLOCK) % FILE_BYTES) {
    const started = performance.now();
    writeSync(fd, block, 0, BLOCK, at);
    if (how === 'fdatasync') fdatasyncSync(fd);
    times.push(performance.now() - started);
  }
  closeSync(fd);
  return { medianMs: median(times), p99Ms: quantile(times, 0.99) };
}

/** Pieces under way at once. */
const QUEUE = 4;
const PIECE = 4 << 20;
const SEQUENTIAL_MAX = 1 << 30;

/** A new file written from its start past the page cache, and synced: bytes/s. */
export async function sequentialRate(dir: string, seconds: number): Promise<number> {
  const path = join(dir, 'sequential');
  const fd = openSync(path, O_RDWR | O_CREAT | O_DIRECT, 0o600);
  const put = promisify(write);
  const started = performance.now();
  let at = 0;
  const worker = async (): Promise<void> => {
    const piece = alignedMemory(PIECE).fill(3);
    while (performance.now() - started < seconds * 1000 && at < SEQUENTIAL_MAX) {
      const offset = at;
      at += PIECE;
      await put(fd, piece, 0, PIECE, offset);
    }
  };
  await Promise.all(Array.from({ length: QUEUE }, worker));
  fdatasyncSync(fd);
  const rate = (at * 1000) / (performance.now() - started);
  closeSync(fd);
  await rm(path);
  return rate;
}

/** Durable batches of LMDB, each of one value of 400 bytes, so many of them waiting at once: batches/s. */
export async function lmdbRate(dir: string, depth: number, seconds: number): Promise<number> {
  const kv = await openLmdb(join(dir, 'lmdb'));
  const value = Buffer.alloc(400, 4);
  const started = performance.now();
  let next = 0;
  let done = 0;
  const worker = async (): Promise<void> => {
    while (performance.now() - started < seconds * 1000) {
      const key = `object ${String((next++ * 7919) % 100_000).padStart(8, '0')}`;
      await kv.commit([{ op: 'put', key, value }]);
      done++;
    }
  };
  await Promise.all(Array.from({ length: depth }, worker));
  const rate = (done * 1000) / (performance.now() - started);
  await kv.close();
  return rate;
}
