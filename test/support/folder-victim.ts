/**
 * A process that makes a folder below the one given, starts a daemon that has its pid file there, and stays until it is
 * ended. It says where the folder is and who the daemon is.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from './temp-folder.ts';

const folder = tempFolder('victim', process.argv[2]!);
const data = join(folder, 'data');
mkdirSync(data);
const env = { ...process.env, CEPH_CONF: join(data, 'ceph.conf') };
const daemon = spawn('sleep', ['600'], { detached: true, stdio: 'ignore', env });
daemon.unref();
writeFileSync(join(data, 'osd.0.pid'), `${daemon.pid}\n`);
// A number that another program has by now.
writeFileSync(join(data, 'osd.1.pid'), `${process.ppid}\n`);
console.log(JSON.stringify({ folder, daemon: daemon.pid }));
setInterval(() => {}, 1000);
