// A cluster whose OSDs fill up: what is stored stays, writes wait, removals go through, and service comes back.
import { expect, test } from 'vitest';
import type { Rados } from '../src/client/index.ts';
import { startCluster } from '../src/cluster/index.ts';
import { until } from './support/until.ts';

const MIB = 2 ** 20;

async function checks(rados: Rados): Promise<string[]> {
  const { output } = await rados.command({ prefix: 'health', format: 'json' });
  return Object.keys((JSON.parse(output.toString()) as { checks: object }).checks);
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
  await until(async () => {
    const told = await checks(rados);
    return told.includes('OSD_FULL') && told.includes('POOL_FULL');
  });

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
  await until(async () => (await checks(rados)).length === 0);
  for (const name of stored) expect((await pool.object(name).read()).equals(data)).toBe(true);
  expect((await pool.object('held').read()).equals(data)).toBe(true);
});
