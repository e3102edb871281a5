import { connect, type Rados } from '../../client/index.ts';
import { ClusterDir, type ClusterFile } from '../../cluster/index.ts';
import { CephError } from '../../errors/index.ts';
import { upOsds } from '../health.ts';
import { lastWords, launchAndLeave } from '../launch.ts';
import { ADOPT_SIGNAL, CHANGE, claim, runningDaemon } from '../processes.ts';
import { mayRun } from '../stopped.ts';
import type { Parsed } from '../usage.ts';
import { waitUntil } from '../wait-until.ts';

const UP_MS = 60_000;
const CONNECT_MS = 10_000;

/** A cluster that runs, and what may be done to its OSDs. */
export interface Standing {
  readonly dir: ClusterDir;
  readonly cluster: ClusterFile;
  readonly rados: Rados;
  command(words: Parameters<Rados['command']>[0]): Promise<string>;
}

/** @throws CephError ENOENT */
export function clusterOf(args: Parsed): { dir: ClusterDir; cluster: ClusterFile } {
  const dir = new ClusterDir(args.positionals[0]!);
  return { dir, cluster: dir.need() };
}

/**
 * Does something to the OSDs of a cluster that runs, with nobody else at it.
 * @throws CephError ENOENT no cluster; ENOTCONN its monitor does not run; EBUSY somebody is at it
 */
export async function withStanding(
  args: Parsed,
  what: (s: Standing) => Promise<void>,
): Promise<number> {
  const { dir } = clusterOf(args);
  if (!runningDaemon(dir, 'mon.a')) {
    throw new CephError('ENOTCONN', `mon.a of ${dir.path} is not running`);
  }
  const unclaim = claim(dir, CHANGE, `another 'sepiola osd' is at work in ${dir.path}`);
  try {
    await using rados = await connect({ conf: dir.conf, timeoutMs: CONNECT_MS });
    const command: Standing['command'] = async (words) =>
      (await rados.command(words)).output.toString();
    const { cluster } = clusterOf(args); // what it is now that nobody else changes it
    await what({ dir, cluster, rados, command });
  } finally {
    unclaim();
  }
  return 0;
}

/** Starts an OSD of a cluster that runs, and waits until the map shows it up. @throws CephError EIO, ETIMEDOUT */
export async function startOsdProcess({ dir, rados }: Standing, id: number): Promise<void> {
  mayRun(dir, `osd.${id}`);
  const supervisor = runningDaemon(dir, 'up');
  if (!supervisor) return launchAndLeave(dir, `osd.${id}`);
  process.kill(supervisor.pid, ADOPT_SIGNAL);
  const name = `osd.${id}`;
  let hasRun = false;
  const isUp = async (): Promise<boolean> => {
    if (runningDaemon(dir, name)) hasRun = true;
    else if (!hasRun) return false;
    else throw new CephError('EIO', `${name} did not start: ${lastWords(dir, name)}`);
    return (await upOsds(rados)).has(id);
  };
  if (await waitUntil(isUp, 50, UP_MS)) return;
  throw new CephError(
    'ETIMEDOUT',
    `${name} is not up after ${UP_MS / 1000} s; see ${dir.log(name)}`,
  );
}
