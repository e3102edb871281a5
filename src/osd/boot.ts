import {
  CEPH_RELEASE,
  type EntityAddr,
  MOSDBoot,
  type Outgoing,
  outgoing,
  VERSION_TEXT,
} from '../wire/index.ts';
import type { OsdOptions } from './options.ts';

/** Asks the monitor to mark us up. */
export function bootMessage(
  options: OsdOptions,
  now: { addr: EntityAddr; epoch: number; totalBytes: number },
): Outgoing {
  const { fsid, uuid, id: osd, hostname, deviceClass } = options;
  const addrs = [now.addr];
  return outgoing(MOSDBoot, {
    fsid,
    osd,
    uuid,
    epoch: now.epoch,
    publicAddrs: addrs,
    clusterAddrs: addrs,
    hbBackAddrs: addrs,
    hbFrontAddrs: addrs,
    totalBytes: now.totalBytes,
    deviceClass: deviceClass ?? 'ssd',
    metadata: new Map([
      ['hostname', hostname ?? 'localhost'],
      ['ceph_version', VERSION_TEXT],
      ['ceph_version_short', CEPH_RELEASE],
      ['ceph_release', 'pacific'],
      ['osd_objectstore', 'sepiola'],
    ]),
  });
}
