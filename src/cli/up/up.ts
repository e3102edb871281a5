import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { ClusterDir, SHARDS_MAX } from '../../cluster/index.ts';
import { CephError } from '../../errors/index.ts';
import { claim, runningDaemon, runningDaemons } from '../processes.ts';
import type { Command, Parsed } from '../usage.ts';
import { create, reopen } from './make.ts';
import { Supervisor } from './supervisor.ts';
import { type Wanted, wantedOf } from './wanted.ts';

export const upCommand: Command = {
  words: 'up DIR [--osds N] [--shards K] [--devices A,B,...] [--port P] [--detach]',
  about: 'Starts the cluster in DIR, made there first if DIR is missing or empty.',
  positionals: ['DIR'],
  options: {
    osds: { type: 'string' },
    shards: { type: 'string' },
    devices: { type: 'string' },
    wipe: { type: 'boolean' },
    'stripe-size': { type: 'string' },
    port: { type: 'string' },
    host: { type: 'string' },
    'public-addr': { type: 'string' },
    'public-network': { type: 'string' },
    'cluster-addr': { type: 'string' },
    'cluster-network': { type: 'string' },
    detach: { type: 'boolean' },
  },
  help: {
    osds: 'OSDs of a new cluster (1 to 64, default 3)',
    shards: `threads of each OSD of a new cluster, which share its PGs (1 to ${SHARDS_MAX}, default 1)`,
    devices: 'block devices for the data of the OSDs of a new cluster, one for each OSD',
    wipe: 'take these devices whatever they hold; it is gone then',
    'stripe-size':
      'where large writes of the OSDs of a new cluster begin: the stripe of what is below, a multiple of 4K (default: anywhere)',
    port: "monitor's port of a new cluster; the manager takes the next, OSD n takes P+10+n",
    host: 'address to listen on (default 127.0.0.1)',
    'public-addr': 'the same',
    'public-network': 'network in which to find that address',
    'cluster-addr':
      'address at which the OSDs of a new cluster listen for each other (default the same)',
    'cluster-network': 'network in which to find that one',
    detach: 'return when the cluster is healthy and leave it running',
  },
};

export async function up(args: Parsed): Promise<number> {
  const dir = new ClusterDir(args.positionals[0]!);
  refuseOthers(dir);
  const wanted = wantedOf(args); // what cannot be is refused before anything is made
  refuseRunning(dir);
  const made = missingFolders(dir.path);
  try {
    for (const path of made) makeFolder(path);
    const unclaim = claim(dir, 'up', `another 'sepiola up' is at work in ${dir.path}`);
    try {
      return await upClaimed(dir, wanted, args.flag('detach'));
    } finally {
      unclaim();
    }
  } finally {
    removeEmpty(made);
  }
}

function refuseOthers(dir: ClusterDir): void {
  if (dir.read()) return;
  try {
    dir.refuseOthers();
  } catch (e) {
    // What is there may be a cluster by now.
    if (e instanceof CephError && e.code === 'ENOTEMPTY') refuseRunning(dir);
    throw e;
  }
}

function refuseRunning(dir: ClusterDir): void {
  const all = [runningDaemon(dir, 'up') ?? [], runningDaemons(dir)].flat();
  const running = all.filter(({ pid }) => pid !== process.pid);
  if (running.length === 0) return;
  const who = running.map((d) => `${d.name} pid ${d.pid}`).join(', ');
  throw new CephError('EBUSY', `a cluster already runs in ${dir.path} (${who})`);
}

/** The directory and those above it that are not there, the outermost first. */
function missingFolders(path: string): string[] {
  const missing: string[] = [];
  for (let p = path; !existsSync(p); p = dirname(p)) missing.unshift(p);
  return missing;
}

// Not mkdirSync's `recursive`, which in Node.js 20 never returns where nothing can be made, as in /proc.
function makeFolder(path: string): void {
  try {
    mkdirSync(path);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'EEXIST') throw e; // another `up` was as quick
  }
}

/** Takes back directories that are empty. */
function removeEmpty(made: readonly string[]): void {
  for (const path of made.toReversed()) {
    try {
      rmdirSync(path);
    } catch {
      // In use, as it should be, or never made.
    }
  }
}

/** With no other `up` in this directory. */
async function upClaimed(dir: ClusterDir, wanted: Wanted, detach: boolean): Promise<number> {
  refuseRunning(dir); // one that came between may have left a cluster running
  const found = dir.read();
  const cluster = found ? await reopen(dir, found, wanted) : await create(dir, wanted);
  const supervisor = new Supervisor(dir, cluster, detach);
  try {
    await supervisor.start();
    const { banner } = await import('../banner.ts');
    process.stdout.write(await banner(dir, cluster, detach));
    if (detach) await supervisor.leave();
  } catch (e) {
    await supervisor.stop();
    if (!found) dir.discard();
    if (supervisor.interrupted) return 130;
    throw e;
  }
  return detach ? 0 : supervisor.untilStopped();
}
