import { ClusterDir, osdIds } from '../cluster/index.ts';
import { CephError } from '../errors/index.ts';
import { statusText } from './health.ts';
import { runningDaemons } from './processes.ts';
import type { Command, Parsed } from './usage.ts';

export const statusCommand: Command = {
  words: 'status DIR',
  about: 'Shows what runs in DIR and the health of the cluster.',
  positionals: ['DIR'],
  options: {},
  help: {},
};

const STATUS_MS = 5_000;

/** Exit status 107 (ENOTCONN) when no daemon runs. */
export async function status(args: Parsed): Promise<number> {
  const dir = new ClusterDir(args.positionals[0]!);
  const cluster = dir.need();
  const running = new Map(runningDaemons(dir).map((d) => [d.name, d.pid]));
  const names = ['mon.a', ...osdIds(cluster).map((id) => `osd.${id}`)];
  for (const name of names) {
    const pid = running.get(name);
    process.stdout.write(`${name.padEnd(8)} ${pid === undefined ? 'stopped' : `pid ${pid}`}\n`);
  }
  if (running.size === 0) throw new CephError('ENOTCONN', `no daemon of ${dir.path} is running`);
  if (!running.has('mon.a')) throw new CephError('ENOTCONN', `mon.a of ${dir.path} is not running`);
  process.stdout.write(`\n${await statusText(dir, STATUS_MS)}`);
  return 0;
}
