// A cluster whose OSDs fill up: what is stored stays, writes wait, removals go through, and service comes back.
import { expect, test } from 'vitest';
import type { Rados } from '../src/client/index.ts';
import { startCluster } from '../src/cluster/index.ts';

const MIB = 2 ** 20;

async function checks(rados: Rados): Promise<string[]> {
  const { output } = await rados.command({ prefix: 'health', format: 'json' });
  return Object.keys((JSON.parse(output.toString()) as { checks: object }).checks);
}
async function until(rados: Rados, what: (checks: string[]) => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!what(await checks(rados))) {
    expect(performance.now()).toBeLessThan(deadline);
    await new Promise((done) => setTimeout(done, 100));
  }
}

test('full OSDs are told, hold writes, take removals, and serve again', async () => {
  await using cluster = await startCluster({ osds: 2, osdBytes: 64 * MIB });
  await using rados = await cluster.connect();
  const pool = await rados.createPool('p', { pgNum: 8, application: 'test' });
  const data = Buffer.alloc(MIB, 7);
  const stored: string[] = [];
  let refusal: unknown;
  for (let i = 0; i < 70 && refusal === undefined; i++) {
    try {
      await pool.object(`o${i}`).writeFull(data, { timeoutMs: 2_000 });
      stored.push(`o${i}`);
    } catch (e) {
      refusal = e;
    }
  }
  // The store's own limit, or the map's flag if it came sooner.
  expect(['ENOSPC', 'ETIMEDOUT']).toContain((refusal as { code: string }).code);
  expect(stored.length).toBeGreaterThan(50);
  await until(rados, (c) => c.includes('OSD_FULL') && c.includes('POOL_FULL'));

  let isHeld = true;
  const held = pool
    .object('held')
    .writeFull(data)
    .then(() => {
      isHeld = false;
    });
  for (const name of stored) expect((await pool.object(name).read()).equals(data)).toBe(true);
  expect(isHeld).toBe(true);
  for (const name of stored.splice(0, 30)) await pool.object(name).remove({ timeoutMs: 10_000 });
  await held;
  await until(rados, (c) => c.length === 0);
  for (const name of stored) expect((await pool.object(name).read()).equals(data)).toBe(true);
  expect((await pool.object('held').read()).equals(data)).toBe(true);
});
