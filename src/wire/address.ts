import {
  type Codec,
  custom,
  type Decoder,
  type Encoder,
  type Gen,
  type ValueOf,
} from '../codec/index.ts';

// Layout: fact sheet §1.4; src/msg/msg_types.h of Ceph 16.2, always with feature MSG_ADDR2.

/** entity_addr_t types. */
export const ADDR = { none: 0, legacy: 1, msgr2: 2, any: 3 } as const;

/** entity_addr_t. `host` is an IP address in text, '' when the address is blank. */
export interface EntityAddr {
  type: number;
  nonce: number;
  host: string;
  port: number;
}
export const ADDR_BLANK: EntityAddr = { type: ADDR.none, nonce: 0, host: '', port: 0 };

const AF_INET = 2;
const AF_INET6 = 10;

function encodeAddr(o: Encoder, a: EntityAddr): void {
  o.u8(1);
  o.u8(1);
  o.u8(1);
  const at = o.reserve(4);
  o.u32(a.type);
  o.u32(a.nonce);
  if (a.host === '' && a.type === ADDR.none) {
    o.u32(0);
  } else if (a.host.includes(':')) {
    o.u32(28);
    o.u16(AF_INET6);
    o.u16(swap16(a.port));
    o.u32(0);
    o.raw(ipv6Bytes(a.host));
    o.u32(0);
  } else {
    o.u32(16);
    o.u16(a.host === '' ? 0 : AF_INET);
    o.u16(swap16(a.port));
    o.raw(a.host === '' ? new Uint8Array(4) : Uint8Array.from(a.host.split('.').map(Number)));
    o.raw(new Uint8Array(8));
  }
  o.patchU32(at, o.length - at - 4);
}

function decodeAddr(d: Decoder): EntityAddr {
  const marker = d.u8();
  if (marker === 0) return decodeLegacyAddr(d);
  if (marker !== 1) d.fail(`entity_addr_t marker ${marker}`);
  d.u8();
  const compat = d.u8();
  if (compat > 1) d.fail(`entity_addr_t compat ${compat}`);
  const end = d.length() + d.offset;
  const type = d.u32();
  const nonce = d.u32();
  const socket = d.view(d.length(1024));
  if (d.offset > end) d.fail('entity_addr_t longer than its length');
  d.offset = end;
  return { type, nonce, ...decodeSockaddr(socket, false) };
}

/** The form without MSG_ADDR2: padding, nonce, sockaddr_storage of 128 bytes with a big-endian family. */
function decodeLegacyAddr(d: Decoder): EntityAddr {
  d.take(3);
  const nonce = d.u32();
  const where = decodeSockaddr(d.view(128), true);
  return { type: where.host === '' ? ADDR.none : ADDR.legacy, nonce, ...where };
}

function decodeSockaddr(b: Buffer, bigEndianFamily: boolean): { host: string; port: number } {
  if (b.length < 8) return { host: '', port: 0 };
  const family = bigEndianFamily ? b.readUInt16BE(0) : b.readUInt16LE(0);
  const port = b.readUInt16BE(2);
  if (family === AF_INET) return { host: `${b[4]}.${b[5]}.${b[6]}.${b[7]}`, port };
  if (family === AF_INET6 && b.length >= 24) return { host: ipv6Text(b.subarray(8, 24)), port };
  return { host: '', port };
}

function swap16(v: number): number {
  return ((v & 0xff) << 8) | (v >>> 8);
}

function ipv6Bytes(host: string): Uint8Array {
  const out = new Uint8Array(16);
  const [head = '', tail] = host.split('::');
  const words = (s: string): number[] =>
    s === '' ? [] : s.split(':').map((w) => Number.parseInt(w, 16));
  const front = words(head);
  const back = tail === undefined ? [] : words(tail);
  front.forEach((w, i) => {
    out[2 * i] = w >>> 8;
    out[2 * i + 1] = w & 0xff;
  });
  back.forEach((w, i) => {
    const at = 16 - 2 * (back.length - i);
    out[at] = w >>> 8;
    out[at + 1] = w & 0xff;
  });
  return out;
}

/** RFC 5952: lower case, the longest run of two or more zero words as `::`. */
function ipv6Text(b: Uint8Array): string {
  const words = Array.from({ length: 8 }, (_, i) => (b[2 * i]! << 8) | b[2 * i + 1]!);
  let best = -1;
  let bestLength = 1;
  for (let i = 0; i < 8; i++) {
    let n = 0;
    while (i + n < 8 && words[i + n] === 0) n++;
    if (n > bestLength) {
      best = i;
      bestLength = n;
    }
  }
  const hex = (w: number[]): string => w.map((x) => x.toString(16)).join(':');
  if (best < 0) return hex(words);
  return `${hex(words.slice(0, best))}::${hex(words.slice(best + bestLength))}`;
}

export const EntityAddr: Codec<EntityAddr> = custom<EntityAddr>({
  name: 'entity_addr_t',
  encode: encodeAddr,
  decode: decodeAddr,
  generate: (g: Gen) => ({
    type: 1 + g.below(3),
    nonce: g.below(2 ** 32),
    host: g.below(4)
      ? [0, 0, 0, 0].map(() => g.below(256)).join('.')
      : ipv6Text(Uint8Array.from({ length: 16 }, () => (g.below(3) ? 0 : g.below(256)))),
    port: g.below(65536),
  }),
});

/** Addresses of one entity: two are usual. */
const ADDRS_MAX = 64;

/** entity_addrvec_t. A lone entity_addr_t is read as a list of one. */
export const EntityAddrVec: Codec<EntityAddr[]> = custom<EntityAddr[]>({
  name: 'entity_addrvec_t',
  encode: (o, v) => {
    o.u8(2);
    o.u32(v.length);
    for (const a of v) encodeAddr(o, a);
  },
  decode: (d) => {
    const marker = d.u8();
    if (marker !== 2) {
      d.offset -= 1;
      const single = decodeAddr(d);
      return single.type === ADDR.none ? [] : [single];
    }
    const n = d.length(ADDRS_MAX);
    const out: EntityAddr[] = [];
    for (let i = 0; i < n; i++) out.push(decodeAddr(d));
    return out;
  },
  generate: (g) => Array.from({ length: g.below(3) }, () => EntityAddr.generate(g)),
});
export type EntityAddrVec = ValueOf<typeof EntityAddrVec>;

/** Marker, version, compat, length, type, nonce, and the length of the socket address. */
const ADDR_HEAD_LENGTH = 19;

/**
 * Moves past an address vector. @returns whether it is well-formed and just as {@link EntityAddrVec} encodes it; when
 * not, the decoder may be anywhere
 */
export function skipEntityAddrVec(d: Decoder): boolean {
  const b = d.buffer;
  let at = d.offset;
  if (at + 5 > d.end || b[at] !== 2) return false;
  const count = b.readUInt32LE(at + 1);
  if (count > ADDRS_MAX) return false;
  at += 5;
  for (let i = 0; i < count; i++) {
    if (at + ADDR_HEAD_LENGTH > d.end) return false;
    if (b[at] !== 1 || b[at + 1] !== 1 || b[at + 2] !== 1) return false;
    const socketLength = b.readUInt32LE(at + 15);
    if (b.readUInt32LE(at + 3) !== 12 + socketLength) return false;
    const socket = at + ADDR_HEAD_LENGTH;
    at = socket + socketLength;
    if (at > d.end || !isUsualSocket(b, socket, socketLength)) return false;
  }
  d.offset = at;
  return true;
}

/** An IPv4 address with zeros behind it, or an IPv6 address without flow and scope. */
function isUsualSocket(b: Buffer, at: number, length: number): boolean {
  if (length < 16) return false;
  const family = b.readUInt16LE(at);
  if (length === 16 && family === AF_INET) {
    return b.readUInt32LE(at + 8) === 0 && b.readUInt32LE(at + 12) === 0;
  }
  if (length !== 28 || family !== AF_INET6) return false;
  return b.readUInt32LE(at + 4) === 0 && b.readUInt32LE(at + 24) === 0;
}

export function sameAddr(a: EntityAddr, b: EntityAddr): boolean {
  return a.type === b.type && a.nonce === b.nonce && a.host === b.host && a.port === b.port;
}

/** `v2:127.0.0.1:6800/123`, as Ceph prints an address; one of any type bare. */
export function formatAddr(a: EntityAddr): string {
  if (a.type === ADDR.none) return '-';
  const kind = a.type === ADDR.msgr2 ? 'v2:' : a.type === ADDR.legacy ? 'v1:' : '';
  return `${kind}${formatHostPort(a)}/${a.nonce}`;
}

/** `127.0.0.1:6800/123`, the legacy form that some outputs use; no type. */
export function formatLegacyAddr(a: EntityAddr): string {
  return a.type === ADDR.none && a.host === '' ? ':/0' : `${formatHostPort(a)}/${a.nonce}`;
}

/** One address bare, several in brackets: `[v2:...,v1:...]`. */
export function formatAddrVec(v: readonly EntityAddr[]): string {
  return v.length === 1 ? formatAddr(v[0]!) : `[${v.map(formatAddr).join(',')}]`;
}

function formatHostPort(a: EntityAddr): string {
  return a.host.includes(':') ? `[${a.host}]:${a.port}` : `${a.host}:${a.port}`;
}
