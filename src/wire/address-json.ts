import type { Json } from '../codec/index.ts';
import { ADDR, type EntityAddr, formatLegacyAddr } from './address.ts';

/** An address list as Ceph dumps it. */
export function addrVecJson(addrs: readonly EntityAddr[]): Json {
  return {
    addrvec: addrs.map((a) => ({
      type:
        a.type === ADDR.msgr2
          ? 'v2'
          : a.type === ADDR.legacy
            ? 'v1'
            : a.type === ADDR.any
              ? 'any'
              : 'none',
      addr: hostPort(a),
      nonce: a.nonce,
    })),
  };
}

function hostPort(a: EntityAddr): string {
  return a.host.includes(':') ? `[${a.host}]:${a.port}` : `${a.host}:${a.port}`;
}

/** The one address that fields from before address lists show: the v1 one if there is one. */
export function legacyAddr(addrs: readonly EntityAddr[]): string {
  const legacy = addrs.find((a) => a.type === ADDR.legacy) ?? addrs[0];
  return legacy ? formatLegacyAddr(legacy) : '(unrecognized address family 0)/0';
}
