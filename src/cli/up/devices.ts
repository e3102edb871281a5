import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { CephError } from '../../errors/index.ts';
import type { Parsed } from '../usage.ts';

/** The block devices that the command line names, one for each OSD; undefined when it names none. */
export function devicesOf(args: Parsed): string[] | undefined {
  return args
    .string('devices')
    ?.split(',')
    .map((path) => resolve(path));
}

/**
 * Refuses devices that a new cluster cannot have. What is on them each OSD looks at by itself.
 * @throws CephError EINVAL
 */
export function checkDevices(devices: readonly string[], osds: number): void {
  const refuse = (text: string) => {
    throw new CephError('EINVAL', text);
  };
  if (devices.length !== osds) refuse(`${devices.length} devices for ${osds} OSDs`);
  if (new Set(devices).size < osds) refuse(`one device for two OSDs: ${devices.join(',')}`);
  for (const path of devices) {
    const isDevice = statSync(path, { throwIfNoEntry: false })?.isBlockDevice();
    if (!isDevice) refuse(`${path} is not a block device`);
  }
}

/** Makes devices anybody's. @throws CephError EBUSY for one that is in use */
export async function wipeDevices(devices: readonly string[]): Promise<void> {
  const { wipe } = await import('../../store/index.ts');
  const { nodeDisk } = await import('../../runtime-node/index.ts');
  for (const path of devices) await wipe(nodeDisk, path);
}
