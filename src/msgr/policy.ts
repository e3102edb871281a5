import { ENTITY } from '../wire/index.ts';
import type { Policy } from './messenger.ts';

const LOSSY: Policy = { lossy: true, server: false, throttleBytes: 0, throttleMessages: 0 };
/** What one client may have in flight here before its socket is paused: thirty-two of the largest usual writes. */
const LOSSY_SERVER: Policy = {
  lossy: true,
  server: true,
  throttleBytes: 128 << 20,
  throttleMessages: 0,
};
const LOSSLESS_PEER: Policy = {
  lossy: false,
  server: false,
  throttleBytes: 0,
  throttleMessages: 0,
};

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
