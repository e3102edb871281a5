/**
 * How long it takes to open a store, by the number of its objects, closed in good order and left by `kill -9` under
 * load. A process of its own fills it and is killed.
 * Run with `npm run bench:open [-- objects ...]`.
 */
import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Transaction } from '../src/store/index.ts';
import { openNodeStore } from '../test/support/node-store.ts';
import { tempFolder } from '../test/support/temp-folder.ts';
import { oidOf } from './support/store-load.ts';

const C = '1.0';
const [first, ...rest] = process.argv.slice(2);

/** Objects with what an OSD keeps of each: a record, 4 KiB of data. */
async function fill(path: string, count: number): Promise<void> {
  const store = await openNodeStore(path, { sizeBytes: 64 * 2 ** 30 });
  await store.submit([{ op: 'mkcoll', c: C }]);
  const info = Buffer.alloc(250, 1);
  const data = Buffer.alloc(4096, 2);
  for (let i = 0; i < count; ) {
    const txn: Transaction[number][] = [];
    for (let n = 0; n < 100; n++, i++) {
      txn.push({ op: 'write', c: C, oid: oidOf('', i), offset: 0, data });
      txn.push({ op: 'setattrs', c: C, oid: oidOf('', i), attrs: new Map([['_', info]]) });
    }
    await store.submit(txn);
  }
  console.log('filled');
  for (let i = 0; ; i++) {
    await store.submit([{ op: 'write', c: C, oid: oidOf('', i % count), offset: 0, data }]);
  }
}

function fillAndKill(path: string, count: number): Promise<void> {
  const words = ['--import', 'tsx', fileURLToPath(import.meta.url), 'fill', path, String(count)];
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.once('data', () => setTimeout(() => child.kill('SIGKILL'), 500));
  return new Promise((resolve) => child.once('exit', () => resolve()));
}

async function opening(path: string): Promise<string> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const store = await openNodeStore(path);
  const wall = performance.now() - start;
  const { user, system } = process.cpuUsage(cpu);
  await store.close();
  return `${wall.toFixed(0).padStart(8)} ${((user + system) / 1000).toFixed(0).padStart(8)}`;
}

if (first === 'fill') await fill(rest[0]!, Number(rest[1]));
const counts = first === undefined ? [1000, 100_000, 400_000] : [first, ...rest].map(Number);
console.log(`${cpus().length} x ${cpus()[0]?.model}, Node ${process.version}`);
console.log('objects  after            wall ms   CPU ms');
for (const count of counts) {
  const path = tempFolder('open');
  await fillAndKill(path, count);
  console.log(`${String(count).padEnd(8)} kill -9        ${await opening(path)}`);
  console.log(`${String(count).padEnd(8)} close          ${await opening(path)}`);
  await rm(path, { recursive: true });
}
