// A `ceph-osd` of Debian beside our OSDs, under our monitor: it boots, sends and answers heartbeats, accuses and is accused.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cluster, confText, startCluster } from '../../src/cluster/index.ts';
import { toolsMissing } from '../support/interop.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { pause, until } from '../support/until.ts';

const run = promisify(execFile);
/** Seconds. */
const GRACE = 6;

describe.skipIf(toolsMissing('ceph', 'ceph-osd'))('an OSD of Ceph', () => {
  let cluster: Cluster;
  let dir: string;
  let real: ChildProcess;

  beforeAll(async () => {
    dir = tempFolder('real-osd');
    mkdirSync(join(dir, 'osd.2'));
    cluster = await startCluster({ osds: 2 });
    const rados = await cluster.connect();
    for (const [name, value] of [
      ['osd_heartbeat_grace', String(GRACE)],
      ['osd_heartbeat_interval', '1'],
    ]) {
      await rados.command({ prefix: 'config set', who: 'global', name, value });
    }
    const uuid = randomUUID();
    await rados.command({ prefix: 'osd new', uuid });
    const { host, port } = cluster.monitor.addr;
    const conf = join(dir, 'ceph.conf');
    writeFileSync(
      conf,
      `${confText({ fsid: cluster.fsid, host, port })}public addr = 127.0.0.1
cluster addr = 127.0.0.1
osd objectstore = memstore
memstore device bytes = 1073741824
osd data = ${dir}/osd.$id
log file = ${dir}/$name.log
admin socket = ${dir}/$name.asok
run dir = ${dir}
osd uuid = ${uuid}
osd crush update on start = false
`,
    );
    const env = { PATH: process.env.PATH, CEPH_CONF: conf };
    await run('ceph-osd', ['-i', '2', '--mkfs', '--osd-uuid', uuid], { env });
    real = spawn('ceph-osd', ['-f', '-i', '2'], { env, stdio: 'ignore' });
  }, 60_000);

  afterAll(async () => {
    real?.kill('SIGKILL');
    await cluster?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const map = () => cluster.monitor.state().osdmap;
  const log = (): string[] => cluster.monitor.state().log.map(({ text }) => text);

  it('boots, and nobody accuses anybody for longer than the grace', async () => {
    await until(() => map().isUp(2));
    expect(map().hbFrontAddrs(2)).toHaveLength(2); // one for each protocol
    const meta = cluster.monitor.state().osdMetadata.get(2);
    expect(meta?.get('osd_objectstore')).toBe('memstore');
    await pause(2500 * GRACE);
    expect(log().filter((text) => text.includes('failed ('))).toEqual([]);
    expect([0, 1, 2].every((osd) => map().isUp(osd))).toBe(true);
  }, 120_000);

  it('is found dead by our OSDs when it is stopped, and comes back', async () => {
    real.kill('SIGSTOP');
    await until(() => !map().isUp(2));
    expect(log().join('\n')).toMatch(
      /osd\.2 failed \(.*\) \(2 reporters from different osd after \d+\.\d+ >= grace \d/,
    );
    real.kill('SIGCONT');
    await until(() => map().isUp(2));
    // It says that it lived all the time.
    expect(map().data.osdXInfo.at(2)!.laggyProbability).toBeGreaterThan(0);
  }, 120_000);

  it('tells that one of ours is gone', async () => {
    await cluster.osds[1]!.kill();
    await until(() => !map().isUp(1));
    expect(log().join('\n')).toMatch(/osd\.1 failed \(.*connection refused reported by osd\.[02]/);
  }, 60_000);

  it('is known to be dead when it has ended, by its own word or because nobody listens there', async () => {
    const { upFrom } = map().data.osdInfo.at(2)!;
    real.kill('SIGTERM');
    await until(() => !map().isUp(2));
    expect(map().data.osdXInfo.at(2)!.deadEpoch).toBeGreaterThan(upFrom);
    const last = log()
      .filter((text) => text.startsWith('osd.2 '))
      .at(-1);
    expect(last).toMatch(/marked itself down and dead|connection refused reported by osd\.0/);
  }, 60_000);
});
