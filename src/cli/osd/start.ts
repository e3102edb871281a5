import { runningDaemon } from '../processes.ts';
import { mayRun } from '../stopped.ts';
import type { Parsed, Subcommand } from '../usage.ts';
import { needOsd, osdIdOf } from './need-osd.ts';
import { startOsdProcess, withStanding } from './standing.ts';

export const osdStart: Subcommand = {
  command: {
    words: 'osd start DIR ID',
    about: 'Starts an OSD that was stopped or died, in the running cluster in DIR.',
    positionals: ['DIR', 'ID'],
    options: {},
    help: {},
  },
  run(args: Parsed): Promise<number> {
    const id = osdIdOf(args);
    return withStanding(args, async (standing) => {
      const { dir, cluster } = standing;
      needOsd(dir, cluster, id);
      mayRun(dir, `osd.${id}`); // said as well of one that runs: it may have been asked to stop, and not have done it
      const running = runningDaemon(dir, `osd.${id}`);
      if (running) {
        process.stdout.write(`osd.${id} runs already (pid ${running.pid})\n`);
        return;
      }
      await startOsdProcess(standing, id);
      process.stdout.write(`started osd.${id}\n`);
    });
  },
};
