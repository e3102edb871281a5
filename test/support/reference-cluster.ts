import { execFile, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tempFolder } from './temp-folder.ts';
import { pause } from './until.ts';

/** A real Ceph 16.2 on loopback from Debian's packages (ceph-mon, ceph-osd, ceph-common): the oracle of interop tests. */
export interface ReferenceCluster {
  readonly conf: string;
  /** An empty OSD that runs and is up. */
  addOsd(): Promise<void>;
  stop(): Promise<void>;
}

/** Why there can be no reference cluster here; undefined when there can. */
export function referenceMissing(): string | undefined {
  const missing = ['ceph-mon', 'ceph-osd', 'ceph', 'monmaptool'].filter(
    (tool) => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined,
  );
  return missing.length > 0 ? `not installed: ${missing.join(', ')}` : undefined;
}

const run = promisify(execFile);

/** A port from a range below the ephemeral one that is free together with the next. */
async function freePort(from: number, to: number): Promise<number> {
  const isFree = (port: number): Promise<boolean> =>
    new Promise((done) => {
      const server = createServer();
      server.once('error', () => done(false));
      server.listen(port, '127.0.0.1', () => server.close(() => done(true)));
    });
  for (;;) {
    const port = from + 2 * Math.floor((Math.random() * (to - from)) / 2);
    if ((await isFree(port)) && (await isFree(port + 1))) return port;
  }
}

/**
 * Starts one monitor, `osds` BlueStore OSDs of 10 GiB sparse files and, if asked, a manager (without it `df` and `pg`
 * commands have no figures). Takes some seconds.
 */
export async function startReference(
  osds: number,
  options: { mgr?: boolean } = {},
): Promise<ReferenceCluster> {
  const dir = tempFolder('reference');
  const port = await freePort(21_000, 25_000);
  const conf = join(dir, 'ceph.conf');
  const fsid = randomUUID();
  const addr = `[v2:127.0.0.1:${port},v1:127.0.0.1:${port + 1}]`;
  writeFileSync(
    conf,
    `[global]
fsid = ${fsid}
mon host = ${addr}
mon initial members = a
auth cluster required = none
auth service required = none
auth client required = none
public addr = 127.0.0.1
cluster addr = 127.0.0.1
ms bind port min = 25100
ms bind port max = 29999
osd crush chooseleaf type = 0
osd pool default size = ${Math.min(osds, 3)}
osd pool default pg autoscale mode = off
auth allow insecure global id reclaim = false
mon allow pool delete = true
mon allow pool size one = true
mon data avail warn = 1
mon data avail crit = 1
bluestore block size = 10737418240
bluestore block create = true
osd memory target = 939524096
run dir = ${dir}
log file = ${dir}/$name.log
admin socket = ${dir}/$name.asok
pid file = ${dir}/$name.pid
mon data = ${dir}/mon.$id
osd data = ${dir}/osd.$id
mgr data = ${dir}/mgr.$id
`,
  );
  const env = { ...process.env, CEPH_CONF: conf, CEPH_ARGS: '' };
  const daemons: string[] = [];
  const stop = async (): Promise<void> => {
    for (const name of daemons) await stopByPidFile(join(dir, `${name}.pid`));
    rmSync(dir, { recursive: true, force: true });
  };
  const call = (tool: string, ...args: string[]): Promise<unknown> =>
    run(tool, args, { env, timeout: 60_000 });
  let count = 0;
  const startOsd = async (): Promise<number> => {
    const number = count++;
    const id = String(number);
    const uuid = randomUUID();
    mkdirSync(join(dir, `osd.${id}`));
    await call('ceph', 'osd', 'new', uuid, id);
    await call('ceph-osd', '-i', id, '--mkfs', '--osd-uuid', uuid);
    daemons.unshift(`osd.${id}`);
    await call('ceph-osd', '-i', id);
    return number;
  };
  const allUp = async (of: readonly number[]): Promise<void> => {
    for (;;) {
      const { stdout } = await run('ceph', ['osd', 'dump', '--format', 'json'], {
        env,
        timeout: 60_000,
      });
      const { osds } = JSON.parse(stdout) as { osds: { osd: number; up: number }[] };
      if (of.every((id) => osds.some((o) => o.osd === id && o.up === 1))) return;
      await pause(100);
    }
  };
  try {
    const monmap = join(dir, 'monmap');
    await call(
      'monmaptool',
      '--create',
      '--fsid',
      fsid,
      '--addv',
      'a',
      addr,
      monmap,
      '--enable-all-features',
    );
    await call('ceph-mon', '--mkfs', '-i', 'a', '--monmap', monmap);
    daemons.push('mon.a');
    await call('ceph-mon', '-i', 'a');
    if (options.mgr) {
      mkdirSync(join(dir, 'mgr.x'));
      daemons.unshift('mgr.x');
      await call('ceph-mgr', '-i', 'x');
    }
    const started: number[] = [];
    for (let i = 0; i < osds; i++) started.push(await startOsd());
    await allUp(started);
  } catch (e) {
    await stop();
    throw e;
  }
  const addOsd = async (): Promise<void> => allUp([await startOsd()]);
  return { conf, addOsd, stop };
}

async function stopByPidFile(file: string): Promise<void> {
  let pid: number;
  try {
    pid = Number(readFileSync(file, 'utf8'));
    process.kill(pid, 'SIGTERM');
  } catch {
    return; // it never started, or has ended
  }
  for (let waited = 0; waited < 20_000; waited += 50) {
    await pause(50);
    try {
      process.kill(pid, 0);
    } catch {
      return;
    }
  }
  process.kill(pid, 'SIGKILL');
}
