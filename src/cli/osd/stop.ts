import { stopOsd } from '../stopped.ts';
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
    const { hasRun, wasKilled } = await stopOsd(dir, `osd.${id}`);
    process.stdout.write(hasRun ? `stopped osd.${id}\n` : `osd.${id} is not running\n`);
    if (wasKilled) {
      process.stderr.write(`sepiola: osd.${id} did not stop by itself and was killed\n`);
    }
    return 0;
  },
};
