import { runningDaemon, stopDaemons } from '../processes.ts';
import type { Parsed, Subcommand } from '../usage.ts';
import { needOsd, osdIdOf } from './need-osd.ts';
import { clusterOf } from './standing.ts';

export const osdStop: Subcommand = {
  command: {
    words: 'osd stop DIR ID',
    about: 'Stops one OSD of the cluster in DIR until it is started, or the whole cluster is.',
    positionals: ['DIR', 'ID'],
    options: {},
    help: {},
  },
  async run(args: Parsed): Promise<number> {
    const id = osdIdOf(args);
    const { dir, cluster } = clusterOf(args);
    needOsd(dir, cluster, id);
    const running = runningDaemon(dir, `osd.${id}`);
    if (!running) {
      process.stdout.write(`osd.${id} is not running\n`);
      return 0;
    }
    const killed = await stopDaemons(dir, [running]);
    process.stdout.write(`stopped osd.${id}\n`);
    for (const name of killed) {
      process.stderr.write(`sepiola: ${name} did not stop by itself and was killed\n`);
    }
    return 0;
  },
};
