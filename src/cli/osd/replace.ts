import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { withOsd } from '../../cluster/index.ts';
import { runningDaemon, stopDaemons } from '../processes.ts';
import { wipeDevices } from '../up-devices.ts';
import type { Parsed, Subcommand } from '../usage.ts';
import { needOsd, osdIdOf } from './need-osd.ts';
import { startOsdProcess, withStanding } from './standing.ts';

export const osdReplace: Subcommand = {
  command: {
    words: 'osd replace DIR ID',
    about: 'Gives an OSD an empty store under its old id: for one whose disk is lost or damaged.',
    positionals: ['DIR', 'ID'],
    options: {},
    help: {},
  },
  run(args: Parsed): Promise<number> {
    const id = osdIdOf(args);
    return withStanding(args, async (standing) => {
      const { dir, cluster, command } = standing;
      needOsd(dir, cluster, id);
      const running = runningDaemon(dir, `osd.${id}`);
      if (running) await stopDaemons(dir, [running]);
      await command({ prefix: 'osd down', ids: [String(id)] });
      await command({ prefix: 'osd destroy', id, yes_i_really_mean_it: true });
      const device = cluster.osdDevices?.[id] ?? null;
      if (device !== null) await wipeDevices([device]);
      rmSync(dir.data(`osd.${id}`), { recursive: true, force: true });
      const uuid = randomUUID();
      await command({ prefix: 'osd new', uuid, id });
      dir.write(withOsd(cluster, id, uuid, device));
      await startOsdProcess(standing, id);
      process.stdout.write(`osd.${id} is empty and gets its data from the others\n`);
    });
  },
};
