// LMDB has no checksums of its own: what a changed bit in its file does to a store.
import { spawn } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNodeStore } from './support/node-store.ts';
import { firstPgs, making, randomTransaction } from './support/random-transactions.ts';
import { dice } from './support/sim-disk.ts';
import { tempFolder } from './support/temp-folder.ts';

const FLIPS = Number(process.env.LMDB_FLIPS ?? 60);

async function make(path: string): Promise<void> {
  const store = await openNodeStore(path, { sizeBytes: 2 ** 22, journalBytes: 65_536 });
  const pgs = firstPgs();
  await store.submit(making(pgs));
  const roll = dice(5);
  for (let i = 0; i < 60; i++) await store.submit(randomTransaction(roll, 8, pgs));
  await store.close();
}

/** What the process said of the changes from `first` on, until it ended or died. */
function flips(path: string, first: number): Promise<{ lines: string[]; isDead: boolean }> {
  return new Promise((resolve, reject) => {
    const script = join(import.meta.dirname, 'support/flip-victim.ts');
    const words = [join(path, 'store'), join(path, 'copies'), `${first}`, `${FLIPS}`];
    const child = spawn(process.execPath, ['--import', 'tsx', script, ...words], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', (code) => resolve({ lines: text.trim().split('\n'), isDead: code !== 0 }));
  });
}

it("a bit changed in LMDB's file is found, or ends the process: nothing wrong is taken for right", async () => {
  const path = tempFolder('flips');
  await make(join(path, 'store'));
  await mkdir(join(path, 'copies'));
  const counts = new Map<string, number>();
  let next = 1;
  while (next <= FLIPS) {
    const { lines, isDead } = await flips(path, next);
    for (const line of lines) {
      const [number, ...said] = line.split(' ');
      expect(Number(number)).toBe(next++);
      // A line that ends early is of a process that died of it.
      const how =
        said.length < 2 || said[1] === '' ? [...said, 'died'].join(' ').trim() : said.join(' ');
      counts.set(how, (counts.get(how) ?? 0) + 1);
    }
    if (!isDead) break;
  }
  console.info(Object.fromEntries([...counts].sort()));
  expect(next).toBe(FLIPS + 1);
  expect([...counts.keys()].filter((how) => how === 'other sound')).toEqual([]);
  expect([...counts.keys()].length).toBeGreaterThan(1);
  await rm(path, { recursive: true });
}, 300_000);
