import { join } from 'node:path';
import type { Transaction } from '../../src/store/index.ts';
import type { HObject } from '../../src/wire/index.ts';
import { openNodeStore } from '../../test/support/node-store.ts';

/** The collection that the loads here write to. */
export const COLLECTION = '1.0';
const INFO = Buffer.alloc(250, 1);
const LOG_ENTRY = Buffer.alloc(180, 2);

/** An object as `rados bench` names them. */
export function oidOf(prefix: string, i: number): HObject {
  const hash = Math.imul(i + 1, 0x9e37_79b1) >>> 0;
  const name = `benchmark_data_${prefix}_object${i}`;
  return { key: '', name, snap: 0xffff_ffff_ffff_fffen, hash, max: false, namespace: '', pool: 1 };
}

/** What an OSD submits for a write: data, object info, a log entry. */
export function writeOf(prefix: string, i: number, data: Uint8Array): Transaction {
  const c = COLLECTION;
  const oid = oidOf(prefix, i);
  const log = { ...oidOf('', 0), name: '', hash: 0 };
  return [
    { op: 'write', c, oid, offset: 0, data },
    { op: 'setattrs', c, oid, attrs: new Map([['_', INFO]]) },
    { op: 'omapSet', c, oid: log, entries: new Map([[String(i).padStart(20, '0'), LOG_ENTRY]]) },
  ];
}

/** Durable 4 KiB writes of a block store by itself, in a directory of `dir`: writes/s. */
export async function storeWriteRate(dir: string, depth: number, seconds: number): Promise<number> {
  const store = await openNodeStore(join(dir, `store-${depth}`), { sizeBytes: 2 ** 34 });
  const data = Buffer.alloc(4096, 7);
  try {
    await store.submit([{ op: 'mkcoll', c: COLLECTION }]);
    let next = 0;
    const run = async (time: number): Promise<number> => {
      const started = performance.now();
      let done = 0;
      const worker = async (): Promise<void> => {
        while (performance.now() - started < time * 1000) {
          await store.submit(writeOf('limit', next++, data));
          done++;
        }
      };
      await Promise.all(Array.from({ length: depth }, worker));
      return (done * 1000) / (performance.now() - started);
    };
    await run(1); // warm-up
    return await run(seconds);
  } finally {
    await store.close();
  }
}
