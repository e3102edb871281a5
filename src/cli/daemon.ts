import { ClusterDir, type ClusterFile, type Daemon, runMon, runOsd } from '../cluster/index.ts';
import { CephError } from '../errors/index.ts';
import { needOsd, osdIdOf } from './osd/need-osd.ts';
import { claim } from './processes.ts';
import { mayRun, wasStopped } from './stopped.ts';
import type { Command, Parsed } from './usage.ts';

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
  const id = osdIdOf(args);
  const name = `osd.${id}`;
  return run(args, name, async (dir, cluster) => {
    needOsd(dir, cluster, id);
    if (!args.flag('supervised')) mayRun(dir, name);
    // Since it was launched. Whoever stopped it may not have seen it, and take its data away.
    if (wasStopped(dir, name)) throw new CephError('ECANCELED', `${name} was stopped`);
    return runOsd(dir, cluster, id);
  });
}

type Start = (dir: ClusterDir, cluster: ClusterFile) => Promise<Daemon>;

async function run(args: Parsed, name: string, start: Start): Promise<number> {
  const dir = new ClusterDir(args.positionals[0]!);
  const cluster = dir.need();
  const unlock = claim(dir, name, `${name} of ${dir.path} already runs`);
  try {
    const stopped = stopRequest(args.flag('supervised'));
    const daemon = await Promise.race([start(dir, cluster), stopped]);
    // Whoever is asked to end while it starts just ends: no instant is a bad one to be killed in.
    if (!daemon) {
      unlock();
      process.exit(0);
    }
    if (process.connected) process.send!('ready', () => {});
    await stopped;
    await daemon.close();
  } finally {
    unlock();
  }
  if (process.connected) process.disconnect();
  return 0;
}

/** Word of a parent that goes away and leaves its daemons running. */
export const STAY = 'stay';

/**
 * Resolves when this process is asked to end. A supervised one also ends when its parent does, unless told to stay, and
 * until then leaves the terminal's signals to it.
 */
function stopRequest(startsSupervised: boolean): Promise<void> {
  return new Promise((done) => {
    let isSupervised = startsSupervised;
    const unlessSupervised = (): void => {
      if (!isSupervised) done();
    };
    process.on('SIGTERM', () => done());
    process.on('SIGINT', unlessSupervised);
    process.on('SIGHUP', unlessSupervised);
    if (!isSupervised) return;
    process.on('message', (word) => {
      if (word === STAY) isSupervised = false;
    });
    process.on('disconnect', () => {
      if (isSupervised) done();
    });
    if (!process.connected) done();
  });
}
