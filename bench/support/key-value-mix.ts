import type { KeyValueOp } from '../../src/runtime/index.ts';

/**
 * What the block store commits for each 4 KiB write, as recorded from it: an object's record at a place that its hash
 * chooses (keys of 55 bytes, values of 335) and an entry of a PG's log (29 and 184), older ones of which are trimmed.
 */
export const OBJECT_VALUE = 335;
export const LOG_VALUE = 184;
/** Small writes that wait for their place lie in the metadata store for a while. */
const DEFERRED_VALUE = 4100;
/** Ops that the store's journal hands on in one batch. */
const FLUSH_OPS = 400;

export const PGS = 64;

export function objectKey(i: number): string {
  const hash = (Math.imul(i + 1, 0x9e37_79b1) >>> 0).toString(16).padStart(8, '0');
  return `O${hash}benchmark_data_host_4711_object${String(i).padStart(15, '0')}`;
}

export function logKey(i: number): string {
  return `M${String(i % PGS).padStart(8, '0')}${String(Math.floor(i / PGS)).padStart(20, '0')}`;
}

const deferredKey = (i: number): string => `D${String(i).padStart(63, '0')}`;

/** The bytes differ from one to the next, and cannot be compressed away. */
const NOISE = Buffer.alloc(1 << 20);
for (let i = 0, x = 1; i < NOISE.length; i++) {
  x = (Math.imul(x, 1_103_515_245) + 12_345) >>> 0;
  NOISE[i] = x >>> 16;
}
export function valueFor(i: number, bytes: number): Buffer {
  const at = Math.imul(i, 4099) & 0x7ffff;
  return NOISE.subarray(at, at + bytes);
}

/** One write of the store. */
export function smallBatch(i: number): KeyValueOp[] {
  return [
    { op: 'put', key: objectKey(i), value: valueFor(i, OBJECT_VALUE) },
    { op: 'put', key: logKey(i), value: valueFor(i, LOG_VALUE) },
  ];
}

/** What the journal hands on: records, log entries, deferred writes that came and those that went. */
export function flushBatch(n: number): KeyValueOp[] {
  const ops: KeyValueOp[] = [];
  const writes = Math.floor(FLUSH_OPS / 2.5);
  for (let k = 0; k < writes; k++) {
    const i = n * writes + k;
    ops.push(...smallBatch(i));
    if (k % 4 === 0) {
      ops.push({ op: 'put', key: deferredKey(i), value: valueFor(i, DEFERRED_VALUE) });
      if (n > 0) ops.push({ op: 'del', key: deferredKey(i - writes) });
    }
  }
  return ops;
}

/** Batches that fill a new store with so many entries, objects and log entries alike. */
export function* filling(entries: number): Generator<KeyValueOp[]> {
  for (let i = 0; i < entries / 2; i += FLUSH_OPS / 2) {
    const count = Math.min(FLUSH_OPS / 2, entries / 2 - i);
    yield Array.from({ length: count }, (_, k) => smallBatch(i + k)).flat();
  }
}
