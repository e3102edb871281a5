// OSDs on block devices: what `up --devices` refuses before anything is made.
import { expect, it } from 'vitest';
import { checkDevices } from '../src/cli/up/devices.ts';

it.each([
  [['/dev/null'], 2, /1 devices for 2 OSDs/],
  [['/dev/a', '/dev/a'], 2, /one device for two OSDs/],
  [['/dev/null'], 1, /is not a block device/],
  [['/dev/there-is-no-such-device'], 1, /is not a block device/],
  [[import.meta.filename], 1, /is not a block device/],
])('devices %j for %i OSDs are refused', (devices, osds, why) => {
  expect(() => checkDevices(devices, osds)).toThrow(why);
});
