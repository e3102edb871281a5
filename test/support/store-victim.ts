/**
 * A process that writes to a store until it is killed. Each round submits many transactions; the number of each is
 * written to standard output once it is durable. Arguments: directory, first number.
 */
import { writeSync } from 'node:fs';
import { openNodeStore } from './node-store.ts';
import { victimTransaction } from './victim-transaction.ts';

const store = await openNodeStore(process.argv[2]!, { sizeBytes: 2 ** 28 });
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
