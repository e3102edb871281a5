import { spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openNodeStore } from './support/node-store.ts';
import { tempFolder } from './support/temp-folder.ts';
import { VICTIM_OBJECTS, victimData, victimObject } from './support/victim-transaction.ts';

/** Runs the writer until it acknowledged `count` transactions, and kills it. @returns the highest acknowledged */
function killAfter(path: string, first: number, count: number): Promise<Set<number>> {
  return new Promise((resolve, reject) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', join(import.meta.dirname, 'support/store-victim.ts'), path, `${first}`],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const acked = new Set<number>();
    let rest = '';
    child.stdout.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop()!;
      for (const line of lines) acked.add(Number(line));
      if (acked.size >= count) child.kill('SIGKILL');
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal === 'SIGKILL') resolve(acked);
      else reject(new Error(`the writer ended by itself with ${code}`));
    });
  });
}

it('BlockStore keeps what it acknowledged when its process is killed under load', async () => {
  const path = tempFolder('kill');
  let first = 0;
  for (const count of [1, 300, 900]) {
    const acked = await killAfter(path, first, count);
    const store = await openNodeStore(path);
    const newest = Array.from({ length: VICTIM_OBJECTS }, () => -1);
    for (const i of acked) newest[i % VICTIM_OBJECTS] = Math.max(newest[i % VICTIM_OBJECTS]!, i);
    for (let o = 0; o < VICTIM_OBJECTS; o++) {
      const oid = victimObject(o);
      const size = store.stat('1.0', oid)?.size;
      if (size === undefined) {
        expect(newest[o]).toBe(-1);
        continue;
      }
      const n = Number(Buffer.from(store.getattr('1.0', oid, 'n')!));
      expect(n).toBeGreaterThanOrEqual(newest[o]!);
      expect(Buffer.from(await store.read('1.0', oid, 0, size)).equals(victimData(n))).toBe(true);
      const log = store.omapGet('1.0', victimObject(-1), [`last${o}`]).get(`last${o}`)!;
      expect(Number(Buffer.from(log))).toBe(n);
      first = Math.max(first, n + 1);
    }
    expect(acked.size).toBeGreaterThanOrEqual(count);
    await store.close();
  }
  await rm(path, { recursive: true });
});
