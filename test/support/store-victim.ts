/**
 * A process that writes to a store until it is killed. Each round submits many transactions; the number of each is
 * written to standard output once it is durable. Arguments: directory, first number.
 */
import { writeSync } from 'node:fs';
import { silent } from '../../src/runtime/index.ts';
import { nativeCrc32c, nodeDisk, openLmdb, systemClock } from '../../src/runtime-node/index.ts';
import { BlockStore } from '../../src/store/index.ts';
import { victimTransaction } from './victim-transaction.ts';

const store = await BlockStore.open({
  path: process.argv[2]!,
  disk: nodeDisk,
  openKeyValue: openLmdb,
  crc32c: nativeCrc32c,
  log: silent,
  clock: systemClock,
  sizeBytes: 2 ** 28,
});
if (!store.hasCollection('1.0')) await store.submit([{ op: 'mkcoll', c: '1.0' }]);
let next = Number(process.argv[3]);
const worker = async () => {
  for (;;) {
    const i = next++;
    await store.submit(victimTransaction(i));
    writeSync(1, `${i}\n`);
  }
};
await Promise.all(Array.from({ length: 16 }, worker));
