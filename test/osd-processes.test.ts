// OSDs of a standing cluster of processes: added, stopped, started, replaced, removed.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect, type Rados } from '../src/client/index.ts';
import { clusterFolders } from './support/cluster-folders.ts';
import { MAIN, sepiola } from './support/sepiola.ts';
import { until } from './support/until.ts';

const folder = clusterFolders();

const OBJECTS = 20;
async function fill(rados: Rados): Promise<void> {
  const pool = await rados.createPool('data', { pgNum: 8, application: 'test' });
  for (let i = 0; i < OBJECTS; i++) await pool.object(`o${i}`).writeFull(`is ${i}`);
}
async function check(rados: Rados): Promise<void> {
  const pool = await rados.pool('data');
  for (let i = 0; i < OBJECTS; i++) {
    expect((await pool.object(`o${i}`).read()).toString()).toBe(`is ${i}`);
  }
}
async function osdsUp(rados: Rados): Promise<number[]> {
  const { output } = await rados.command({ prefix: 'osd dump', format: 'json' });
  const { osds } = JSON.parse(output.toString()) as { osds: { osd: number; up: number }[] };
  return osds.filter((o) => o.up).map((o) => o.osd);
}

test('OSDs are added, drained and removed, and a cluster comes up as it was left', async () => {
  const { dir, conf } = folder();
  expect((await sepiola('up', dir, '--detach', '--osds', '2')).code).toBe(0);
  {
    await using rados = await connect({ conf });
    await fill(rados);
    expect(await sepiola('osd', 'add', dir)).toEqual({
      code: 0,
      stdout: 'added osd.2\n',
      stderr: '',
    });
    expect(await osdsUp(rados)).toEqual([0, 1, 2]);
    expect((await sepiola('osd', 'rm', dir, 'osd.0')).stdout).toBe('removed osd.0\n');
    expect(existsSync(join(dir, 'osd.0'))).toBe(false);
    expect((await sepiola('osd', 'rm', dir, '0')).stdout).toBe('there is no osd.0\n');
    await check(rados);
  }
  expect((await sepiola('down', dir)).code).toBe(0);
  expect((await sepiola('up', dir, '--detach')).code).toBe(0);
  await using rados = await connect({ conf });
  expect(await osdsUp(rados)).toEqual([1, 2]);
  expect((await sepiola('status', dir)).stdout).toMatch(
    /^mon.a +pid \d+\nosd.1 +pid \d+\nosd.2 +pid/,
  );
  await check(rados);
  // The lowest id that is free.
  expect((await sepiola('osd', 'add', dir)).stdout).toBe('added osd.0\n');
}, 90_000);

test('while one changes the OSDs, another may not', async () => {
  const { dir, conf } = folder();
  expect((await sepiola('up', dir, '--detach', '--osds', '1')).code).toBe(0);
  {
    await using rados = await connect({ conf });
    await fill(rados);
  }
  // There is nowhere to move its data to, so it waits to the end of its time.
  const rm = sepiola('osd', 'rm', dir, '0', '--timeout', '3');
  await until(() => existsSync(join(dir, 'change.pid')));
  const add = await sepiola('osd', 'add', dir);
  expect(add).toMatchObject({ code: 16, stdout: '' });
  expect(add.stderr).toMatch(/^sepiola: another 'sepiola osd' is at work in .* \(pid \d+\)\n$/);
  expect((await rm).code).toBe(110);
  expect((await sepiola('osd', 'add', dir)).code).toBe(0);
}, 60_000);

test('an OSD is stopped, started and replaced, and saying it twice does no harm', async () => {
  const { dir, conf } = folder();
  expect((await sepiola('up', dir, '--detach', '--osds', '2')).code).toBe(0);
  await using rados = await connect({ conf });
  await fill(rados);
  expect((await sepiola('osd', 'stop', dir, '1')).stdout).toBe('stopped osd.1\n');
  expect((await sepiola('osd', 'stop', dir, '1')).stdout).toBe('osd.1 is not running\n');
  expect(await osdsUp(rados)).toEqual([0]);
  const last = await sepiola('osd', 'replace', dir, '0', '--timeout', '0');
  expect([last.code, last.stdout]).toEqual([110, '']);
  expect(last.stderr).toMatch(/^sepiola: \d+ PGs, as \d+\.\d+, are whole nowhere but on osd\.0\n$/);
  expect(await osdsUp(rados)).toEqual([0]);
  expect((await sepiola('osd', 'start', dir, '1')).stdout).toBe('started osd.1\n');
  expect((await sepiola('osd', 'start', dir, '1')).stdout).toMatch(/^osd\.1 runs already/);
  expect((await sepiola('osd', 'replace', dir, '1')).code).toBe(0);
  expect(await osdsUp(rados)).toEqual([0, 1]);
  await check(rados);
}, 90_000);

test('who watches over the daemons takes new ones on and lets stopped ones be', async () => {
  const { dir, conf } = folder();
  const up = spawn(process.execPath, [MAIN, 'up', dir, '--osds', '1'], { stdio: 'ignore' });
  const ended = new Promise((done) => up.on('exit', done));
  try {
    await expect.poll(() => existsSync(conf), { timeout: 30_000 }).toBe(true);
    await using rados = await connect({ conf });
    await expect.poll(() => osdsUp(rados), { timeout: 30_000 }).toEqual([0]);
    expect((await sepiola('osd', 'add', dir)).stdout).toBe('added osd.1\n');
    expect((await sepiola('osd', 'stop', dir, '1')).stdout).toBe('stopped osd.1\n');
    expect(await osdsUp(rados)).toEqual([0]);
    expect((await sepiola('osd', 'start', dir, '1')).stdout).toBe('started osd.1\n');
  } finally {
    up.kill('SIGTERM');
    await ended;
  }
  expect((await sepiola('down', dir)).stdout).toMatch(/^no daemon/);
}, 90_000);

test('an OSD that has to be killed to stop stays down until it is started', async () => {
  const { dir, conf } = folder();
  const up = spawn(process.execPath, [MAIN, 'up', dir, '--osds', '2'], { stdio: 'ignore' });
  const ended = new Promise((done) => up.on('exit', done));
  try {
    await expect.poll(() => existsSync(conf), { timeout: 30_000 }).toBe(true);
    await using rados = await connect({ conf });
    await expect.poll(() => osdsUp(rados), { timeout: 30_000 }).toEqual([0, 1]);
    // It does not see that it is asked.
    process.kill(Number(readFileSync(join(dir, 'osd.1.pid'), 'utf8')), 'SIGSTOP');
    expect(await sepiola('osd', 'stop', dir, '1')).toEqual({
      code: 0,
      stdout: 'stopped osd.1\n',
      stderr: 'sepiola: osd.1 did not stop by itself and was killed\n',
    });
    // That another is started is no reason to start it.
    expect((await sepiola('osd', 'add', dir)).stdout).toBe('added osd.2\n');
    await new Promise((done) => setTimeout(done, 1000));
    expect((await sepiola('status', dir)).stdout).toMatch(/^osd\.1 +stopped$/m);
    expect((await sepiola('osd', 'start', dir, '1')).stdout).toBe('started osd.1\n');
    expect(existsSync(join(dir, 'osd.1.stopped'))).toBe(false);
  } finally {
    up.kill('SIGTERM');
    await ended;
  }
}, 90_000);

test('what cannot be done is said in one line', async () => {
  const { dir } = folder();
  expect((await sepiola('osd', 'add', dir)).code).toBe(2);
  expect((await sepiola('up', dir, '--detach', '--osds', '1')).code).toBe(0);
  const refused: [number, RegExp, ...string[]][] = [
    [2, /has no osd\.7/, 'stop', dir, '7'],
    [2, /has no osd\.7/, 'start', dir, '7'],
    [2, /has no osd\.7/, 'replace', dir, '7'],
    [22, /'x' is not an OSD's id; usage: sepiola osd start DIR ID/, 'start', dir, 'x'],
    [22, /missing DIR/, 'add'],
    [22, /is not a block device/, 'add', dir, '--device', '/dev/null'],
    [110, /osd\.0 is still needed by \d+ PGs; --force/, 'rm', dir, '0', '--timeout', '0'],
  ];
  {
    await using rados = await connect({ conf: join(dir, 'ceph.conf') });
    await rados.createPool('data', { pgNum: 8, application: 'test' });
    for (const [code, text, ...words] of refused) {
      const r = await sepiola('osd', ...words);
      expect([r.code, r.stdout]).toEqual([code, '']);
      expect(r.stderr).toMatch(/^sepiola: [^\n]+\n$/);
      expect(r.stderr).toMatch(text);
    }
  }
  expect((await sepiola('down', dir)).code).toBe(0);
  const down = await sepiola('osd', 'add', dir);
  expect(down.code).toBe(107);
  expect(down.stderr).toMatch(/^sepiola: mon\.a of .* is not running\n$/);
}, 90_000);
