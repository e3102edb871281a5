// OSDs on block devices: what `up --devices` refuses before anything is made.
import { expect, it } from 'vitest';
import { checkDevices } from '../src/cli/up/devices.ts';
import { openOsdStore } from '../src/cluster/osd-store.ts';
import { systemClock } from '../src/runtime-node/index.ts';

it.each([
  [['/dev/null'], 2, 1, /1 devices for 2 OSDs/],
  [['/dev/a', '/dev/a'], 2, 1, /one device for two OSDs/],
  [['/dev/a'], 1, 4, /have one shard each/],
  [['/dev/null'], 1, 1, /is not a block device/],
  [['/dev/there-is-no-such-device'], 1, 1, /is not a block device/],
  [[import.meta.filename], 1, 1, /is not a block device/],
])('devices %j for %i OSDs of %i shards are refused', (devices, osds, shards, why) => {
  expect(() => checkDevices(devices, osds, shards)).toThrow(why);
});

it('a device is not parted among shards', async () => {
  const place = { path: '/nowhere', uuid: 'u', sizeBytes: 2 ** 26, device: '/dev/a' };
  const opened = openOsdStore(place, { index: 0, count: 2 }, systemClock, () => {});
  await expect(opened).rejects.toThrow(/cannot be parted among 2 shards/);
});
