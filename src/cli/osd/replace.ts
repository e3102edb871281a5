import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { awaitSpareCopies, SPARE_COPIES_MS, withOsd } from '../../cluster/index.ts';
import { stopOsd } from '../stopped.ts';
import { wipeDevices } from '../up/devices.ts';
import type { Parsed, Subcommand } from '../usage.ts';
import { needOsd, osdIdOf } from './need-osd.ts';
import { startOsdProcess, withStanding } from './standing.ts';

export const osdReplace: Subcommand = {
  command: {
    words: 'osd replace DIR ID [--timeout S] [--force]',
    about: 'Gives an OSD an empty store under its old id: for one whose disk is lost or damaged.',
    positionals: ['DIR', 'ID'],
    options: { timeout: { type: 'string' }, force: { type: 'boolean' } },
    help: {
      timeout: `seconds to wait until others have all that it has (default ${SPARE_COPIES_MS / 1000})`,
      force: 'empty it at once, whatever only it holds',
    },
  },
  run(args: Parsed): Promise<number> {
    const id = osdIdOf(args);
    const timeoutMs = 1000 * (args.integer('timeout', 0, 10 ** 6) ?? SPARE_COPIES_MS / 1000);
    return withStanding(args, async (standing) => {
      const { dir, cluster, command } = standing;
      needOsd(dir, cluster, id);
      if (!args.flag('force')) await awaitSpareCopies(command, id, timeoutMs);
      await stopOsd(dir, `osd.${id}`);
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
