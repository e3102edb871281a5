// The `sepiola` command with real processes: start, stop, refusals, kill -9.
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { connect, type Pool } from '../src/client/index.ts';
import { ClusterDir, withoutOsd } from '../src/cluster/index.ts';
import { clusterFolders } from './support/cluster-folders.ts';
import { collect } from './support/collect.ts';
import { runTool } from './support/differential.ts';
import { MAIN, sepiola } from './support/sepiola.ts';
import { pause, until } from './support/until.ts';

const folder = clusterFolders();

test('up, status, down, up again: the data is there', async () => {
  const { dir, conf } = folder();
  const up = await sepiola('up', dir, '--detach', '--osds', '3');
  expect(up).toMatchObject({ code: 0, stderr: '' });
  expect(up.stdout).toContain('HEALTH_OK');
  expect(up.stdout).toContain('3 osds: 3 up');
  {
    await using rados = await connect({ conf });
    const pool = await rados.createPool('kept', { pgNum: 8, application: 'test' });
    await pool.object('a').writeFull('alpha');
  }
  const status = await sepiola('status', dir);
  expect(status.code).toBe(0);
  expect(status.stdout).toMatch(/^mon\.a +pid \d+\nosd\.0 +pid \d+\n/);
  const twice = await sepiola('up', dir, '--detach');
  expect(twice.code).toBe(16);
  expect(twice.stderr).toMatch(/^sepiola: a cluster already runs in .*\n$/);
  expect((await sepiola('down', dir)).code).toBe(0);
  expect(readdirSync(dir).filter((f) => f.endsWith('.pid'))).toEqual([]);
  expect((await sepiola('status', dir)).code).toBe(107);
  expect((await sepiola('up', dir, '--detach')).code).toBe(0);
  await using rados = await connect({ conf });
  const pool = await rados.pool('kept');
  expect((await pool.object('a').read()).toString()).toBe('alpha');
});

test('of several first starts at once one wins, also where one has died', async () => {
  const { dir, conf } = folder();
  mkdirSync(dir);
  writeFileSync(join(dir, 'up.pid'), `${2 ** 22}\n`); // no system has so many processes
  const all = await Promise.all(
    [0, 0, 100, 900].map(async (laterMs) => {
      await pause(laterMs);
      return sepiola('up', dir, '--detach', '--osds', '1');
    }),
  );
  expect(all.map(({ code }) => code).sort(), JSON.stringify(all)).toEqual([0, 16, 16, 16]);
  for (const { code, stderr } of all) if (code !== 0) expect(stderr).toMatch(/^sepiola: [^\n]+\n$/);
  await using rados = await connect({ conf });
  expect(rados.fsid).toBeDefined();
});

test('two clusters live side by side', async () => {
  const [a, b] = [folder(), folder()];
  for (const f of [a, b])
    expect((await sepiola('up', f.dir, '--detach', '--osds', '1')).code).toBe(0);
  await using one = await connect({ conf: a.conf });
  await using two = await connect({ conf: b.conf });
  expect(one.fsid).not.toBe(two.fsid);
});

test('bad words are refused in one line', async () => {
  const { dir } = folder();
  for (const words of [
    ['up'],
    ['up', dir, '--osds', 'many'],
    ['up', dir, '--osds', '0'],
    ['up', dir, '--nonsense'],
    ['up', dir, 'extra'],
    ['nonsense'],
  ]) {
    const r = await sepiola(...words);
    expect(r.code).toBe(22);
    expect(r.stderr).toMatch(/^sepiola: [^\n]+\n$/);
    expect(existsSync(dir)).toBe(false);
  }
  expect((await sepiola('down', dir)).code).toBe(2);
  expect((await sepiola('status', dir)).code).toBe(2);
  expect((await sepiola('osd', dir, '0')).code).toBe(2);
});

test('a port or a directory in use is refused, and nothing is left behind', async () => {
  const { dir } = folder();
  const server = await new Promise<Server>((done) => {
    const s = createServer();
    s.listen(0, '127.0.0.1', () => done(s));
  });
  const { port } = server.address() as { port: number };
  const used = await sepiola('up', dir, '--detach', '--port', String(port));
  server.close();
  expect(used).toMatchObject({ code: 98, stdout: '' });
  expect(used.stderr).toBe(`sepiola: port ${port} on 127.0.0.1 is in use\n`);
  expect(existsSync(dir)).toBe(false);
  mkdirSync(dir);
  writeFileSync(join(dir, 'precious'), 'x');
  const full = await sepiola('up', dir, '--detach');
  expect(full.code).toBe(39);
  expect(full.stderr).toMatch(/^sepiola: .* is not empty and holds no Sepiola cluster\n$/);
  expect(readdirSync(dir)).toEqual(['precious']);
});

test('of two first starts at once one wins and the other touches nothing', async () => {
  const { dir, conf } = folder();
  const both = await Promise.all([0, 1].map(() => sepiola('up', dir, '--detach', '--osds', '1')));
  expect(both.map((r) => r.code).sort()).toEqual([0, 16]);
  const loser = both.find((r) => r.code === 16);
  expect(loser?.stderr).toMatch(/^sepiola: [^\n]+\n$/);
  await using rados = await connect({ conf });
  expect((await rados.command({ prefix: 'health' })).output.toString()).toContain('HEALTH_OK');
});

test('a first start killed at any moment leaves no daemon, and the next start works', async () => {
  const f = folder();
  for (const ms of [100, 300, 600]) {
    const up = start(f.dir, '--osds', '1');
    await pause(ms);
    up.child.kill('SIGKILL');
    await up.ended;
    await until(() => f.pids().size === 0 || [...f.pids().values()].every((pid) => !runs(pid)));
  }
  expect(await sepiola('up', f.dir, '--detach', '--osds', '1')).toMatchObject({ code: 0 });
});

test('what dies in the foreground is started again, until down stops it all', async () => {
  const f = folder();
  const up = start(f.dir, '--osds', '1');
  await until(() => up.text().includes('Ctrl-C'));
  const before = f.pids();
  f.kill('osd.0', 'mon.a');
  const isNew = (name: string): boolean =>
    (f.pids().get(name) ?? before.get(name)) !== before.get(name);
  await until(() => isNew('osd.0') && isNew('mon.a'));
  await using rados = await connect({ conf: f.conf });
  await rados.createPool('again', { pgNum: 1 });
  expect(await sepiola('down', f.dir)).toMatchObject({ code: 0, stderr: '' });
  expect(await up.ended).toBe(0);
  expect(f.pids().size).toBe(0);
});

test('what dies while it is started again is started once more', async () => {
  const f = folder();
  const up = start(f.dir, '--osds', '1');
  await until(() => up.text().includes('Ctrl-C'));
  for (let death = 0; death < 3; death++) {
    const pid = f.pids().get('osd.0');
    f.kill('osd.0');
    await until(() => up.child.exitCode !== null || (f.pids().get('osd.0') ?? pid) !== pid);
  }
  await using rados = await connect({ conf: f.conf, timeoutMs: 10_000 });
  const pool = await rados.createPool('again', { pgNum: 1 });
  await pool.object('a').writeFull('alpha');
  expect(up.child.exitCode).toBeNull();
});

test('an OSD that is no more is not started again, and its end is not that of the others', async () => {
  const f = folder();
  const up = start(f.dir, '--osds', '2');
  await until(() => up.text().includes('Ctrl-C'));
  const dir = new ClusterDir(f.dir);
  dir.write(withoutOsd(dir.need(), 1));
  f.kill('osd.1');
  await pause(1500);
  expect([...f.pids()].filter(([, pid]) => runs(pid)).map(([name]) => name)).toEqual([
    'mon.a',
    'osd.0',
  ]);
  expect(up.child.exitCode).toBeNull();
});

test('a half-dead cluster tells what is missing and goes down', async () => {
  const f = folder();
  expect((await sepiola('up', f.dir, '--detach', '--osds', '2')).code).toBe(0);
  f.kill('mon.a', 'osd.1');
  const status = await sepiola('status', f.dir);
  expect(status.stdout).toMatch(/^mon\.a +stopped\nosd\.0 +pid \d+\nosd\.1 +stopped\n$/);
  expect(status).toMatchObject({
    code: 107,
    stderr: `sepiola: mon.a of ${f.dir} is not running\n`,
  });
  expect(await sepiola('down', f.dir)).toMatchObject({ code: 0, stdout: 'stopped osd.0\n' });
});

test("a pid file that names somebody else's process is stale", async () => {
  const f = folder();
  expect((await sepiola('up', f.dir, '--detach', '--osds', '1')).code).toBe(0);
  await sepiola('down', f.dir);
  for (const name of ['up', 'mon.a', 'osd.0']) {
    writeFileSync(join(f.dir, `${name}.pid`), `${process.pid}\n`);
  }
  expect((await sepiola('status', f.dir)).code).toBe(107);
  expect(await sepiola('up', f.dir, '--detach')).toMatchObject({ code: 0, stderr: '' });
});

test('sepiola/rados connects, and waits for a monitor as long as it is told', async () => {
  const script = `import { connect } from 'sepiola/rados';
    await connect({ monHost: 'v2:127.0.0.1:1', timeoutMs: 300 }).catch((e) => console.log(e.code));`;
  const words = [process.execPath, '--input-type=module', '-e', script];
  const cwd = join(import.meta.dirname, '..');
  expect(await runTool('', words, { cwd })).toEqual({ code: 0, stdout: 'ETIMEDOUT\n', stderr: '' });
});

function runs(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
/** `sepiola up` in the foreground. */
function start(dir: string, ...words: string[]) {
  const child = spawn(process.execPath, [MAIN, 'up', dir, ...words], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let text = '';
  child.stdout.on('data', (chunk) => {
    text += chunk;
  });
  const ended = new Promise<number | null>((done) => child.on('exit', done));
  return { child, ended, text: () => text };
}

test('Ctrl-C stops a cluster in the foreground cleanly', async () => {
  const { dir } = folder();
  const up = start(dir, '--osds', '2');
  await until(() => up.text().includes('Ctrl-C'));
  expect(up.text()).toContain('export CEPH_CONF=');
  up.child.kill('SIGINT');
  expect(await up.ended).toBe(0);
  expect(readdirSync(dir).filter((f) => f.endsWith('.pid'))).toEqual([]);
});

/** Writes objects one after another from several writers until the cluster is killed. @returns what was acknowledged */
async function writeUntilDead(pool: Pool, killAfter: number, kill: () => void): Promise<string[]> {
  const acknowledged: string[] = [];
  let next = 0;
  let dead = false;
  const writer = async (): Promise<void> => {
    while (!dead) {
      const name = `object-${next++}`;
      try {
        await pool.object(name).writeFull(`content of ${name}`.repeat(40), { timeoutMs: 3_000 });
        acknowledged.push(name);
      } catch {
        return; // never answered: may or may not have been applied
      }
      if (acknowledged.length === killAfter) {
        dead = true;
        kill();
      }
    }
  };
  await Promise.all(Array.from({ length: 16 }, writer));
  return acknowledged;
}

test('after kill -9 of every process, all acknowledged objects are there once', async () => {
  const f = folder();
  expect((await sepiola('up', f.dir, '--detach')).code).toBe(0);
  let rados = await connect({ conf: f.conf });
  const names: string[] = [];
  let pool = await rados.createPool('crash', { pgNum: 8, application: 'test' });
  for (let round = 0; round < 3; round++) {
    names.push(
      ...(await writeUntilDead(pool.in(`round${round}`), 200, () => f.kill())).map(
        (n) => `round${round}/${n}`,
      ),
    );
    await rados.close();
    expect(await sepiola('up', f.dir, '--detach')).toMatchObject({ code: 0, stderr: '' });
    rados = await connect({ conf: f.conf });
    pool = await rados.pool('crash');
  }
  const listed = (await collect(pool.objects({ namespace: '\x01' }))).map(
    (o) => `${o.namespace}/${o.name}`,
  );
  expect(new Set(listed).size).toBe(listed.length);
  for (const name of names) {
    const [namespace, object] = name.split('/') as [string, string];
    expect(listed).toContain(name);
    const data = await pool.in(namespace).object(object).read();
    expect(data.toString()).toBe(`content of ${object}`.repeat(40));
  }
  await rados.close();
});

test('one OSD killed and started again while clients write loses nothing', async () => {
  const f = folder();
  expect((await sepiola('up', f.dir, '--detach')).code).toBe(0);
  await using rados = await connect({ conf: f.conf });
  const pool = await rados.createPool('one', { pgNum: 8, application: 'test' });
  const write = async (from: number, to: number): Promise<void> => {
    for (let i = from; i < to; i++) await pool.object(`o${i % 50}`).writeFull(`v${i}`);
  };
  await write(0, 100);
  f.kill('osd.1');
  await write(100, 200);
  const again = spawn(process.execPath, [MAIN, 'osd', f.dir, '1'], { stdio: 'ignore' });
  await write(200, 300);
  f.kill('osd.2');
  const other = spawn(process.execPath, [MAIN, 'osd', f.dir, '2'], { stdio: 'ignore' });
  await write(300, 350);
  for (let i = 0; i < 50; i++)
    expect((await pool.object(`o${i}`).read()).toString()).toBe(`v${300 + i}`);
  expect((await collect(pool.objects())).length).toBe(50);
  for (const child of [again, other]) child.kill('SIGTERM');
}, 120_000);
