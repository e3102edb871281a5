// Debian's rados and ceph on a pool whose PGs are split and merged meanwhile.
import { spawn } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runTool } from '../support/differential.ts';
import { toolsMissing } from '../support/interop.ts';
import { OsdCluster } from '../support/osd-cluster.ts';
import { tempFolder } from '../support/temp-folder.ts';

const RADOS = 'rados';
const missing = toolsMissing('ceph', RADOS);

describe.skipIf(missing)('a pool under rados bench', () => {
  let cluster: OsdCluster;
  let dir: string;
  let conf: string;

  async function run(...words: string[]): Promise<string> {
    const r = await runTool(conf, words, { timeoutMs: 60_000 });
    if (r.code !== 0) throw new Error(`${words.join(' ')}: ${r.stderr}`);
    return r.stdout;
  }
  const pool = async () => {
    const pools = JSON.parse(await run('ceph', 'osd', 'pool', 'ls', 'detail', '-f', 'json'));
    return pools.find((p: { pool_name: string }) => p.pool_name === 'p');
  };
  async function settled(pgNum: number): Promise<void> {
    const end = Date.now() + 90_000;
    for (;;) {
      const p = await pool();
      const stat = await run('ceph', 'pg', 'stat');
      const isThere = p.pg_num === pgNum && p.pg_placement_num === pgNum;
      if (isThere && stat.startsWith(`${pgNum} pgs: ${pgNum} active+clean;`)) return;
      if (Date.now() > end) throw new Error(`not ${pgNum} PGs: ${JSON.stringify(p)} ${stat}`);
    }
  }

  beforeAll(async () => {
    const config = new Map([['mgr_debug_aggressive_pg_num_changes', 'true']]);
    cluster = await OsdCluster.start(3, undefined, 1, config);
    dir = tempFolder('pg-num');
    conf = join(dir, 'ceph.conf');
    writeFileSync(conf, cluster.conf);
    await run('ceph', 'osd', 'pool', 'create', 'p', '4');
    await run('ceph', 'osd', 'pool', 'application', 'enable', 'p', 'rados');
  }, 60_000);
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true, force: true });
  });

  test('loses and misreads nothing, and lists all, while pg_num goes up and down', async () => {
    const words = ['-p', 'p', 'bench', '600', 'write', '-b', '4096', '-t', '8', '--no-cleanup'];
    const bench = spawn(RADOS, ['-c', conf, ...words, '--run-name', 'b'], { stdio: 'pipe' });
    let said = '';
    for (const stream of [bench.stdout, bench.stderr]) stream.on('data', (d) => (said += d));
    const ended = new Promise<number | null>((done) => bench.once('close', done));
    await run('ceph', 'osd', 'pool', 'set', 'p', 'pg_num', '16');
    await settled(16);
    const midway = (await run('rados', '-p', 'p', 'ls')).trim().split('\n');
    expect(new Set(midway).size).toBe(midway.length);
    await run('ceph', 'osd', 'pool', 'set', 'p', 'pg_num', '14');
    await settled(14);
    bench.kill('SIGINT');
    await ended;
    expect(said).not.toMatch(/error/i);
    const names = (await run('rados', '-p', 'p', 'ls')).trim().split('\n');
    expect(new Set(names).size).toBe(names.length);
    const data = names.filter((name) => name.startsWith('benchmark_data')).length;
    expect(data).toBeGreaterThan(midway.length - 1);
    expect(cluster.fatal).toEqual([]);
    // What is counted is what is there, also of PGs that were split and counted anew.
    const end = Date.now() + 30_000;
    for (;;) {
      const { pools } = JSON.parse(await run('rados', 'df', '--format', 'json'));
      if (Number(pools[0].num_objects) === names.length) break;
      if (Date.now() > end) expect(pools[0].num_objects).toBe(names.length);
    }
    const file = join(dir, 'object');
    for (const name of names.filter((n) => n.startsWith('benchmark_data')).slice(-20)) {
      await run('rados', '-p', 'p', 'get', name, file);
    }
  }, 240_000);

  test('shows what the autoscaler would do as ceph expects it', async () => {
    await run('ceph', 'osd', 'pool', 'set', 'p', 'pg_autoscale_mode', 'warn');
    const table = await run('ceph', 'osd', 'pool', 'autoscale-status');
    expect(table).toMatch(/^POOL +SIZE +TARGET SIZE +RATE .* AUTOSCALE +BULK/);
    expect(table).toMatch(/^p .* 3\.0 .* 14 .* warn +False/m);
    const status = JSON.parse(await run('ceph', 'osd', 'pool', 'autoscale-status', '-f', 'json'));
    expect(status).toMatchObject([{ pool_name: 'p', pg_num_target: 14, pg_num_final: 32 }]);
    const r = await runTool(conf, ['ceph', 'osd', 'pool', 'set', 'noautoscale']);
    expect(r.stdout + r.stderr).toContain('noautoscale is set');
    expect((await pool()).pg_autoscale_mode).toBe('off');
  }, 60_000);
});
