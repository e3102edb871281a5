import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { ClusterDir, type Daemon, runMon, runOsd } from '../cluster/index.ts';
import { CephError } from '../errors/index.ts';
import { runningDaemon } from './processes.ts';
import { type Command, type Parsed, UsageError } from './usage.ts';

const supervised = { supervised: { type: 'boolean' } } as const;
const help = { supervised: 'stop when the parent process goes away; leave Ctrl-C to it' };

export const monCommand: Command = {
  words: 'mon DIR',
  about: 'Runs the monitor of the cluster in DIR as this process.',
  positionals: ['DIR'],
  options: supervised,
  help,
};
export const osdCommand: Command = {
  words: 'osd DIR ID',
  about: 'Runs one OSD of the cluster in DIR as this process.',
  positionals: ['DIR', 'ID'],
  options: supervised,
  help,
};

export function mon(args: Parsed): Promise<number> {
  return run(args, 'mon.a', (dir, cluster) => runMon(dir, cluster));
}

export function osd(args: Parsed): Promise<number> {
  const id = Number(args.positionals[1]);
  if (!/^\d+$/.test(args.positionals[1]!))
    throw new UsageError(`'${args.positionals[1]}' is not an OSD's id`);
  return run(args, `osd.${id}`, (dir, cluster) => {
    if (id >= cluster.osds) {
      throw new CephError('ENOENT', `the cluster in ${dir.path} has no osd.${id}`);
    }
    return runOsd(dir, cluster, id);
  });
}

type Start = (
  dir: ClusterDir,
  cluster: NonNullable<ReturnType<ClusterDir['read']>>,
) => Promise<Daemon>;

async function run(args: Parsed, name: string, start: Start): Promise<number> {
  const dir = new ClusterDir(args.positionals[0]!);
  const cluster = dir.read();
  if (!cluster) throw new CephError('ENOENT', `${dir.path} holds no Sepiola cluster`);
  const unlock = claim(dir, name);
  try {
    const stopped = stopRequest(args.flag('supervised'));
    const daemon = await start(dir, cluster);
    process.send?.({ ready: true });
    await stopped;
    await daemon.close();
  } finally {
    unlock();
  }
  return 0;
}

/** Resolves when this process is asked to end. */
function stopRequest(isSupervised: boolean): Promise<void> {
  return new Promise((done) => {
    process.on('SIGTERM', () => done());
    process.on('SIGINT', () => {
      if (!isSupervised) done();
    });
    process.on('SIGHUP', () => {
      if (!isSupervised) done();
    });
    if (isSupervised) process.on('disconnect', () => done());
  });
}

/** Takes the daemon's pid file, so that its data has one owner. @throws CephError EBUSY */
function claim(dir: ClusterDir, name: string): () => void {
  const file = dir.pid(name);
  const other = runningDaemon(dir, name);
  if (other && other.pid !== process.pid) {
    throw new CephError('EBUSY', `${name} of ${dir.path} already runs (pid ${other.pid})`);
  }
  rmSync(file, { force: true });
  let fd: number;
  try {
    fd = openSync(file, 'wx');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new CephError('EBUSY', `${name} of ${dir.path} is being started elsewhere`, { cause });
  }
  writeSync(fd, `${process.pid}\n`);
  closeSync(fd);
  return () => {
    if (readFileSync(file, 'utf8').trim() === String(process.pid)) rmSync(file, { force: true });
  };
}
