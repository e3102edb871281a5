// OSDs with several shards as real processes with real threads: Debian's tools, kill -9, the offline tools, refusals.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { connect } from '../src/client/index.ts';
import { clusterFolders } from './support/cluster-folders.ts';
import { runTool } from './support/differential.ts';
import { toolsMissing } from './support/interop.ts';
import { namesIn } from './support/pool-content.ts';
import { sepiola } from './support/sepiola.ts';
import { pause } from './support/until.ts';

const OSDS = ['osd.0', 'osd.1', 'osd.2'];

const folder = clusterFolders();

const missing = toolsMissing('rados', 'ceph');
describe.skipIf(missing)(`Debian's tools${missing ? ` (${missing})` : ''}`, () => {
  test('put, get, ls and bench on three OSDs with two shards', async () => {
    const { dir, conf } = folder();
    const up = await sepiola('up', dir, '--detach', '--shards', '2');
    expect(up).toMatchObject({ code: 0, stderr: '' });
    const rados = async (...words: string[]) => {
      const r = await runTool('', ['rados', '-c', conf, '-p', 'p', ...words]);
      expect({ words, code: r.code, stderr: r.stderr }).toMatchObject({ code: 0 });
      return r.stdout;
    };
    for (const words of ['create p 16', 'application enable p rados']) {
      await runTool('', ['ceph', '-c', conf, 'osd', 'pool', ...words.split(' ')]);
    }
    const bytes = Buffer.from(Array.from({ length: 5_000_000 }, (_, i) => (i * 7919) & 255));
    const file = join(dir, '..', 'file');
    writeFileSync(file, bytes);
    const objects = Array.from({ length: 6 }, (_, i) => `o${i}`);
    for (const name of objects) await rados('put', name, file);
    for (const name of objects) {
      await rados('get', name, `${file}.back`);
      expect(readFileSync(`${file}.back`).equals(bytes)).toBe(true);
    }
    expect((await rados('ls')).trim().split('\n').sort()).toEqual(objects);
    const bench = await rados('bench', '1', 'write', '-b', '4096', '-t', '16', '--no-cleanup');
    const made = Number(/Total writes made: +(\d+)/.exec(bench)?.[1]);
    expect(made).toBeGreaterThan(0);
    const read = await rados('bench', '1', 'rand', '-t', '16');
    expect(Number(/Total reads made: +(\d+)/.exec(read)?.[1])).toBeGreaterThan(0);
    await rados('cleanup');
    const ceph = await runTool('', ['ceph', '-c', conf, 'health']);
    expect(ceph.stdout).toMatch(/^HEALTH_OK/);
    const logs = OSDS.map((osd) => readFileSync(join(dir, 'log', `${osd}.log`), 'utf8')).join('');
    expect(logs.match(/.* error .*/g) ?? []).toEqual([]);
  });
});

test('kill -9 of OSDs with three shards under load loses nothing, and every store is sound', async () => {
  const f = folder();
  const { dir, conf } = f;
  expect((await sepiola('up', dir, '--detach', '--shards', '3')).code).toBe(0);
  const acked = new Map<string, string>();
  const tried = new Map<string, string>();
  {
    await using rados = await connect({ conf });
    const pool = await rados.createPool('p', { pgNum: 16, application: 'test' });
    let isOver = false;
    const writers = Array.from({ length: 12 }, async (_, w) => {
      for (let i = 0; !isOver; i++) {
        const name = `w${w}.${i % 25}`;
        const content = `${name} ${i} `.repeat(i % 9 === 0 ? 8000 : 30);
        tried.set(name, content);
        await pool.object(name).writeFull(content, { signal: AbortSignal.timeout(10_000) });
        acked.set(name, content);
      }
    });
    const all = Promise.allSettled(writers);
    while (acked.size < 150) await pause(10);
    f.kill();
    isOver = true;
    await all;
  }
  expect((await sepiola('up', dir, '--detach')).code).toBe(0);
  await using rados = await connect({ conf });
  const pool = await rados.pool('p');
  const found = await namesIn(pool);
  for (const [name, content] of acked) {
    expect(found).toContain(name);
    const text = (await pool.object(name).read()).toString();
    // The last write of each was under way when all was killed: it may be there or not.
    expect(text === content || text === tried.get(name)).toBe(true);
  }
  expect((await sepiola('down', dir)).code).toBe(0);
  for (const osd of OSDS) {
    const fsck = await sepiola('store', 'fsck', '--deep', '--data-path', join(dir, osd));
    expect(fsck).toMatchObject({ code: 0 });
    expect(fsck.stdout.match(/^fsck success/gm)?.length).toBe(3);
  }
});

test('the offline tools find the shard of a PG; other counts of shards are refused in one line', async () => {
  const { dir, conf } = folder();
  for (const k of ['0', '17']) {
    expect(await sepiola('up', dir, '--shards', k)).toMatchObject({ code: 22 });
    expect(existsSync(dir)).toBe(false);
  }
  expect((await sepiola('up', dir, '--detach', '--osds', '1', '--shards', '2')).code).toBe(0);
  {
    await using rados = await connect({ conf });
    const pool = await rados.createPool('p', { pgNum: 4, application: 'test' });
    for (let i = 0; i < 20; i++) await pool.object(`o${i}`).writeFull(`content ${i}`);
  }
  expect((await sepiola('down', dir)).code).toBe(0);
  const other = await sepiola('up', dir, '--detach', '--shards', '3');
  expect(other.code).toBe(22);
  expect(other.stderr).toMatch(
    /^sepiola: .* holds a cluster whose OSDs have 2 shard\(s\), not 3\n$/,
  );

  const osd = join(dir, 'osd.0');
  expect(readdirSync(osd).sort()).toEqual(['shard.0', 'shard.0.made', 'shard.1', 'shard.1.made']);
  const store = (...words: string[]) => sepiola('store', ...words, '--data-path', osd);
  const pgs = (await store('list-pgs')).stdout.trim().split('\n');
  expect(pgs.sort()).toEqual(['1.0', '1.1', '1.2', '1.3']);
  expect((await store('list')).stdout.trim().split('\n').length).toBe(20);
  const file = join(dir, '..', 'pg');
  for (const pgid of pgs.slice(0, 2)) {
    expect(await store('info', '--pgid', pgid)).toMatchObject({ code: 0 });
    const one = (await store('list', '--pgid', pgid)).stdout;
    expect(await store('export-remove', '--pgid', pgid, '--file', file + pgid)).toMatchObject({
      code: 0,
    });
    expect((await store('list-pgs')).stdout.trim().split('\n')).not.toContain(pgid);
    const wrong = join(osd, `shard.${Number(pgid.slice(2)) % 2}`);
    const refused = await sepiola('store', 'import', '--file', file + pgid, '--data-path', wrong);
    expect(refused.code).toBe(22);
    expect(refused.stderr).toContain(`pgid ${pgid} belongs into the store of shard`);
    expect(await store('import', '--pgid', pgid, '--file', file + pgid)).toMatchObject({ code: 0 });
    expect((await store('list', '--pgid', pgid)).stdout).toBe(one);
  }
  const vague = await store('import', '--file', `${file}1.0`);
  expect(vague.code).toBe(22);
  expect(vague.stderr).toMatch(/^sepiola: .* has the stores of 2 shards; give --pgid, or .*\n$/);

  expect((await sepiola('up', dir, '--detach')).code).toBe(0);
  await using rados = await connect({ conf });
  const pool = await rados.pool('p');
  for (let i = 0; i < 20; i++) {
    expect((await pool.object(`o${i}`).read()).toString()).toBe(`content ${i}`);
  }
});
