// OSDs on block devices: what `up --devices` refuses before anything is made, and what an OSD that is made.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { checkDevices } from '../src/cli/up/devices.ts';
import { openOsdStore } from '../src/cluster/osd-store.ts';
import { silent } from '../src/runtime/index.ts';
import { systemClock } from '../src/runtime-node/index.ts';
import { tempFolder } from './support/temp-folder.ts';

it.each([
  [['/dev/null'], 2, /1 devices for 2 OSDs/],
  [['/dev/a', '/dev/a'], 2, /one device for two OSDs/],
  [['/dev/null'], 1, /is not a block device/],
  [['/dev/there-is-no-such-device'], 1, /is not a block device/],
  [[import.meta.filename], 1, /is not a block device/],
])('devices %j for %i OSDs are refused', (devices, osds, why) => {
  expect(() => checkDevices(devices, osds)).toThrow(why);
});

it('an OSD whose device is not there has no file in its place', async () => {
  const folder = tempFolder('device');
  const device = join(folder, 'sdz');
  const place = { path: join(folder, 'osd.0'), uuid: 'u', sizeBytes: 2 ** 26, device };
  for (let tries = 0; tries < 2; tries++) {
    const opened = openOsdStore(place, { index: 0, count: 1 }, systemClock, silent);
    await expect(opened).rejects.toThrow(/sdz is not a block device/);
    expect(existsSync(device)).toBe(false);
  }
});
