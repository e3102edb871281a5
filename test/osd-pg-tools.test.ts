import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it, onTestFinished } from 'vitest';
import { toolsMissing } from './support/interop.ts';
import { OsdCluster } from './support/osd-cluster.ts';
import { tempFolder } from './support/temp-folder.ts';

const missing = toolsMissing('ceph');

describe.skipIf(missing)(`one PG with Debian's ceph${missing ? ` (${missing})` : ''}`, () => {
  it('is queried, has its unfound objects listed and given up, and is refused where it is not', async () => {
    await using c = await OsdCluster.start(2);
    const rados = await c.client();
    const pool = await rados.createPool('p', { pgNum: 2 });
    await pool.object('a').writeFull('x');
    const dir = tempFolder('pg-tools');
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const conf = join(dir, 'ceph.conf');
    writeFileSync(conf, c.conf);
    const run = async (...words: string[]): Promise<{ stdout: string; stderr: string }> =>
      promisify(execFile)('ceph', ['-c', conf, ...words]);
    const pgid = `${pool.id}.0`;

    for (const words of [
      ['pg', pgid, 'query'],
      ['tell', pgid, 'query'],
    ]) {
      const query = JSON.parse((await run(...words)).stdout);
      expect(query).toMatchObject({ state: expect.stringContaining('active'), info: { pgid } });
      expect(query.recovery_state[0].name).toBe('Started/Primary/Active');
    }
    const unfound = JSON.parse((await run('pg', pgid, 'list_unfound')).stdout);
    expect(unfound).toMatchObject({ num_missing: 0, num_unfound: 0, objects: [], more: false });
    const lost = await run('pg', pgid, 'mark_unfound_lost', 'revert');
    expect(lost.stderr).toContain('pg has no unfound objects');
    await expect(run('pg', pgid, 'mark_unfound_lost', 'never')).rejects.toMatchObject({ code: 22 });
    await expect(run('pg', `${pool.id}.77`, 'query')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining(`i don't have pgid ${pool.id}.77`),
    });
  });
});
