import { ENTITY } from '../wire/index.ts';
import type { Policy } from './messenger.ts';

/** No bounds. */
export const UNTHROTTLED = { throttleBytes: 0, throttleMessages: 0, paceBytes: 0 } as const;
const LOSSY: Policy = { lossy: true, server: false, ...UNTHROTTLED };
/** What one client may have in flight here: thirty-two of the largest usual writes, four of them while they are being done. */
const LOSSY_SERVER: Policy = {
  lossy: true,
  server: true,
  throttleBytes: 128 << 20,
  throttleMessages: 0,
  paceBytes: 16 << 20,
};
const LOSSLESS_PEER: Policy = { lossy: false, server: false, ...UNTHROTTLED };

/**
 * How sessions between two types of entities behave, as Ceph's daemons set it (ceph_mon.cc, ceph_osd.cc, 16.2): equals
 * are lossless peers, everything else is lossy with the one that serves as the server.
 */
export function defaultPolicy(ownType: number, peerType: number): Policy {
  switch (ownType) {
    case ENTITY.osd:
      if (peerType === ENTITY.osd) return LOSSLESS_PEER;
      return peerType === ENTITY.client ? LOSSY_SERVER : LOSSY;
    case ENTITY.mon:
      return peerType === ENTITY.mon ? LOSSLESS_PEER : LOSSY_SERVER;
    default:
      return LOSSY;
  }
}
