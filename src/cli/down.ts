import { ClusterDir } from '../cluster/index.ts';
import { runningDaemon, runningDaemons, STOP_ALL_MS, stopDaemons } from './processes.ts';
import type { Command, Parsed } from './usage.ts';

export const downCommand: Command = {
  words: 'down DIR',
  about: 'Stops the cluster in DIR. Its data stays.',
  positionals: ['DIR'],
  options: {},
  help: {},
};

export async function down(args: Parsed): Promise<number> {
  const dir = new ClusterDir(args.positionals[0]!);
  dir.need();
  const running = runningDaemons(dir);
  const supervisor = runningDaemon(dir, 'up');
  if (!supervisor && running.length === 0) {
    process.stdout.write(`no daemon of ${dir.path} is running\n`);
    return 0;
  }
  // Who watches over the daemons would start them again: it stops them itself.
  const killed = supervisor ? await stopDaemons(dir, [supervisor], STOP_ALL_MS) : [];
  killed.push(...(await stopDaemons(dir, runningDaemons(dir))));
  process.stdout.write(`stopped ${running.map((d) => d.name).join(', ')}\n`);
  for (const name of killed) {
    process.stderr.write(`sepiola: ${name} did not stop by itself and was killed\n`);
  }
  return 0;
}
