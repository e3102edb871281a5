import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runningDaemons } from '../src/cli/processes.ts';
import { ClusterDir } from '../src/cluster/index.ts';
import { tempFolder } from './support/temp-folder.ts';

test('a daemon is found by another name of its directory', async () => {
  const root = tempFolder('names');
  const [data, link] = [join(root, 'data'), join(root, 'link')];
  mkdirSync(data);
  symlinkSync(data, link);
  const daemon = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'mon', data]);
  try {
    await once(daemon, 'spawn');
    writeFileSync(join(data, 'mon.a.pid'), `${daemon.pid}\n`);
    const found = [{ name: 'mon.a', pid: daemon.pid }];
    expect(runningDaemons(new ClusterDir(data))).toEqual(found);
    expect(runningDaemons(new ClusterDir(link))).toEqual(found);
    expect(runningDaemons(new ClusterDir(root))).toEqual([]);
  } finally {
    daemon.kill();
    rmSync(root, { recursive: true, force: true });
  }
});
