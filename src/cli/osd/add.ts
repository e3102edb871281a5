import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { type ClusterFile, osdIds, osdPort, withOsd, withoutOsd } from '../../cluster/index.ts';
import { CephError } from '../../errors/index.ts';
import { isFree } from '../ports.ts';
import { checkDevices, wipeDevices } from '../up/devices.ts';
import { type Parsed, type Subcommand, UsageError } from '../usage.ts';
import { type Standing, startOsdProcess, withStanding } from './standing.ts';

export const osdAdd: Subcommand = {
  command: {
    words: 'osd add DIR [--device PATH [--wipe]]',
    about: 'Adds an empty OSD to the running cluster in DIR; data move to it by themselves.',
    positionals: ['DIR'],
    options: { device: { type: 'string' }, wipe: { type: 'boolean' } },
    help: {
      device: 'block device for its data (default: a file in DIR)',
      wipe: 'take the device whatever it holds; it is gone then',
    },
  },
  async run(args: Parsed): Promise<number> {
    if (args.flag('wipe') && args.string('device') === undefined) {
      throw new UsageError('--wipe is for --device');
    }
    return withStanding(args, async (standing) => {
      const id = freeId(standing.cluster);
      await addOsd(standing, id, args);
      process.stdout.write(`added osd.${id}\n`);
    });
  },
};

function freeId(cluster: ClusterFile): number {
  const taken = new Set(osdIds(cluster));
  let id = 0;
  while (taken.has(id)) id++;
  return id;
}

async function addOsd(standing: Standing, id: number, args: Parsed): Promise<void> {
  const { dir, cluster } = standing;
  const device = args.string('device') === undefined ? null : resolve(args.string('device')!);
  if (device !== null) {
    const others = (cluster.osdDevices ?? []).filter((d) => d !== null);
    if (others.includes(device)) throw new CephError('EBUSY', `${device} is an OSD's already`);
    checkDevices([device], 1);
  }
  const port = osdPort(cluster, id);
  if (!(await isFree(cluster.host, port))) {
    throw new CephError('EADDRINUSE', `port ${port} on ${cluster.host} is in use`);
  }
  if (device !== null && args.flag('wipe')) await wipeDevices([device]);
  // What an attempt that was cut short has left in the map and in the directory is nobody's.
  await forgetOsd(standing, id);
  rmSync(dir.data(`osd.${id}`), { recursive: true, force: true });
  const uuid = randomUUID();
  await standing.command({ prefix: 'osd new', uuid, id });
  dir.write(withOsd(cluster, id, uuid, device));
  try {
    await startOsdProcess(standing, id);
  } catch (e) {
    dir.write(withoutOsd(cluster, id));
    await forgetOsd(standing, id);
    throw e;
  }
}

/** Takes an OSD that does not run out of the map. Nothing happens when it is not there. */
export async function forgetOsd({ command }: Standing, id: number): Promise<void> {
  await command({ prefix: 'osd down', ids: [String(id)] });
  await command({ prefix: 'osd purge', id, yes_i_really_mean_it: true });
}
