import { isIPv4, isIPv6 } from 'node:net';
import { ADDR, type EntityAddr } from '../../wire/index.ts';

/** Ports of a monitor that is given none. Source: msg/msg_types.h, release 16.2. */
const PORT = { msgr2: 3300, legacy: 6789 } as const;
const KINDS = { v1: ADDR.legacy, v2: ADDR.msgr2, any: ADDR.any } as const;

/**
 * Reads `[v1:|v2:|any:]HOST[:PORT][/NONCE]`; an IPv6 address stands in brackets when a port follows.
 * Source: entity_addr_t::parse, release 16.2.
 * @param defaultType of an address without a prefix
 * @returns port 0 when there is none; undefined when the text is no address
 */
export function parseAddr(text: string, defaultType: number = ADDR.msgr2): EntityAddr | undefined {
  const m = /^(?:(v1|v2|any):)?(?:\[([^\]]*)\]|(.+?))(?::(\d+))?(?:\/(\d+))?$/.exec(text);
  if (!m) return undefined;
  const [, kind, bracketed, bare, port, nonce] = m;
  const whole = bare !== undefined && port !== undefined ? `${bare}:${port}` : '';
  const host = isIPv6(whole) ? whole : (bracketed ?? bare!);
  if (!isIPv6(host) && (bracketed !== undefined || !isIPv4(host))) return undefined;
  const type = kind === undefined ? defaultType : KINDS[kind as keyof typeof KINDS];
  return {
    type,
    host,
    port: host === whole ? 0 : Number(port ?? 0) & 0xffff,
    nonce: Number(nonce ?? 0),
  };
}

/** Reads one address, or several in brackets. */
export function parseAddrVec(text: string, defaultType?: number): EntityAddr[] | undefined {
  const inner = /^\[((?:v1|v2|any):.*)\]$/.exec(text)?.[1];
  const addrs = (inner ?? text).split(',').map((word) => parseAddr(word, defaultType));
  if (inner === undefined && addrs.length > 1) return undefined;
  return addrs.every((addr) => addr !== undefined) ? addrs : undefined;
}

/**
 * The addresses of a monitor of which one is known: the port tells the protocol, and without a port it is both.
 * @param both whether the map has room for two; else the old one alone
 */
export function monAddrsOf(addr: EntityAddr, both: boolean): EntityAddr[] {
  const legacy = { ...addr, type: ADDR.legacy, port: addr.port || PORT.legacy };
  if (addr.port === PORT.legacy) return [legacy];
  if (addr.port !== 0) return [addr];
  return both ? [{ ...addr, type: ADDR.msgr2, port: PORT.msgr2 }, legacy] : [legacy];
}

/** The addresses of a monitor named in a configuration; a prefix is kept to, and its port filled in. */
export function ambiguousAddrs(addr: EntityAddr): EntityAddr[] {
  if (addr.type === ADDR.any) {
    return monAddrsOf({ ...addr, type: ADDR.msgr2 }, true);
  }
  const usual = addr.type === ADDR.legacy ? PORT.legacy : PORT.msgr2;
  return [{ ...addr, port: addr.port || usual }];
}
