import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodeNoneRequest, SIGNATURE_NONE } from '../src/auth/index.ts';
import { crc32c } from '../src/codec/index.ts';
import { type ControlFrame, encodeControl } from '../src/msgr/control.ts';
import { CRC_SEED, TAG } from '../src/msgr/format.ts';
import { FrameWriter } from '../src/msgr/frame-writer.ts';
import { createMessenger, type Messenger } from '../src/msgr/index.ts';
import { nativeCrc32c, systemClock, systemRandom, tcpNetwork } from '../src/runtime-node/index.ts';
import { ENTITY, type EntityAddr } from '../src/wire/index.ts';
import { pause, until } from './support/until.ts';

// Long enough for forty handshakes at once on a machine that is busy.
const HANDSHAKE_MS = 1000;
const CONNECTIONS_MAX = 60;

const writer = new FrameWriter(crc32c);
const frame = (f: ControlFrame): Buffer => {
  writer.control(TAG[f.kind], encodeControl(f));
  return Buffer.concat(writer.take());
};
const banner = (supported = 1n, required = 0n): Buffer => {
  const b = Buffer.alloc(26);
  b.write('ceph v2\n\x10\0', 'latin1');
  b.writeBigUInt64LE(supported, 10);
  b.writeBigUInt64LE(required, 18);
  return b;
};
const message = (n = 1, data = Buffer.alloc(0)): Buffer => {
  const m = { type: 1, version: 1, compatVersion: 1, front: Buffer.from('hello'), data: [data] };
  writer.message(m, n, 0);
  return Buffer.concat(writer.take());
};
/** A preamble with a right crc around whatever it claims. */
function preamble(tag: number, segments: number, lengths: readonly number[]): Buffer {
  const b = Buffer.alloc(32);
  b[0] = tag;
  b[1] = segments;
  for (const [i, n] of lengths.entries()) b.writeUInt32LE(n, 2 + 6 * i);
  b.writeUInt32LE(crc32c(0, b.subarray(0, 28)), 28);
  return b;
}
const flip = (b: Buffer, at: number): Buffer => {
  const bad = Buffer.from(b);
  bad[at < 0 ? b.length + at : at]! ^= 1;
  return bad;
};

const blank = { type: 3, nonce: 99, host: '127.0.0.1', port: 0 };
const hello = frame({ kind: 'hello', type: ENTITY.client, peerAddr: blank });
const authRequest = (method = 1, modes = [1]): Buffer =>
  frame({
    kind: 'authRequest',
    method,
    modes,
    payload: encodeNoneRequest({ mode: 1, name: { type: 8, id: 'admin' }, globalId: 9 }),
  });
const signature = frame({ kind: 'authSignature', signature: SIGNATURE_NONE });
const ident = (target: EntityAddr, nonce = 99, supported = 1n << 59n): Buffer =>
  frame({
    kind: 'clientIdent',
    addrs: [{ ...blank, nonce }],
    target,
    gid: 9,
    globalSeq: 1,
    supported,
    required: 0n,
    flags: 1n,
    cookie: 0n,
  });

describe('a daemon on TCP', () => {
  let server: Messenger;
  let addr: EntityAddr;
  let lines: string[] = [];
  let received = 0;
  let resets = 0;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    lines = [];
    received = 0;
    resets = 0;
    server = createMessenger(
      {
        clock: systemClock,
        random: systemRandom,
        network: tcpNetwork,
        crc32c: nativeCrc32c,
        log: (level, text, fields) => {
          if (level !== 'debug') lines.push(`${level} ${text}: ${fields?.reason ?? ''}`);
        },
      },
      {
        name: { type: ENTITY.osd, num: 0 },
        authName: { type: ENTITY.osd, id: '0' },
        times: { handshakeMs: HANDSHAKE_MS },
        bounds: { connectionsMax: CONNECTIONS_MAX },
        dispatcher: { onMessage: () => received++, onReset: () => resets++ },
      },
    );
    addr = await server.listen({ host: '127.0.0.1', port: 0, nonce: 5 });
  });
  afterEach(async () => {
    for (const s of sockets.splice(0)) s.destroy();
    await server.shutdown();
  });

  interface Raw {
    readonly socket: Socket;
    bytes: Buffer;
    closed: boolean;
  }
  function raw(...parts: Buffer[]): Raw {
    const socket = connect({ host: '127.0.0.1', port: addr.port });
    sockets.push(socket);
    const r: Raw = { socket, bytes: Buffer.alloc(0), closed: false };
    socket.on('data', (d) => {
      r.bytes = Buffer.concat([r.bytes, d]);
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      r.closed = true;
    });
    for (const p of parts) socket.write(p);
    return r;
  }
  const session = (nonce = 99): Buffer[] => [
    banner(),
    hello,
    authRequest(),
    signature,
    ident(addr, nonce),
  ];
  /** The daemon still serves. */
  async function serves(): Promise<void> {
    const before = received;
    raw(...session(12345), message());
    await until(() => received === before + 1);
  }

  const head = [banner(), hello, authRequest(), signature];
  const cases: [string, () => Buffer[]][] = [
    ['garbage', () => [Buffer.from('GET / HTTP/1.0\r\n\r\n')]],
    ['the banner of msgr1', () => [Buffer.from('ceph v027')]],
    ['a banner that goes wrong late', () => [Buffer.from('ceph v2\n\x11\0', 'latin1')]],
    ['a banner that requires what we do not know', () => [banner(3n, 2n)]],
    ['a banner of msgr2.0', () => [banner(0n)]],
    ['random bytes after the banner', () => [banner(), Buffer.alloc(64, 0xa5)]],
    ['a wrong preamble crc', () => [banner(), flip(hello, 3)]],
    ['a wrong payload crc', () => [banner(), flip(hello, 40)]],
    ['an unknown tag', () => [banner(), preamble(21, 1, [4])]],
    ['no segment', () => [banner(), preamble(TAG.hello, 0, [])]],
    ['five segments', () => [banner(), preamble(TAG.message, 5, [41, 1, 1, 1])]],
    ['an absurd length in the handshake', () => [banner(), preamble(TAG.hello, 1, [0x7fffffff])]],
    ['a message in the handshake', () => [banner(), hello, message()]],
    ['frames out of turn', () => [banner(), signature]],
    ['a truncated payload', () => [banner(), truncatedHello()]],
    [
      'a forged signature',
      () => [...head.slice(0, 3), frame({ kind: 'authSignature', signature: Buffer.alloc(32, 1) })],
    ],
    ['an ident for someone else', () => [...head, ident({ ...addr, nonce: 6 })]],
    ['an absurd front', () => [...session(), preamble(TAG.message, 2, [41, 0xffffffff])]],
    [
      'an absurd data segment',
      () => [...session(), preamble(TAG.message, 4, [41, 1, 1, 129 << 20])],
    ],
    ['a short message header', () => [...session(), preamble(TAG.message, 2, [40, 5])]],
    ['an empty last segment', () => [...session(), preamble(TAG.message, 2, [41, 0])]],
    ['a wrong header crc', () => [...session(), flip(message(), 40)]],
    ['a wrong front crc', () => [...session(), flip(message(), -14)]],
    ['a wrong data crc', () => [...session(), flip(message(1, Buffer.alloc(70_000)), -20)]],
    ['a wrong late status', () => [...session(), flip(message(), -13)]],
    ['an ident on an open session', () => [...session(), ident(addr)]],
    [
      'auth requests without end',
      () => [banner(), hello, ...Array.from({ length: 20 }, () => authRequest(2))],
    ],
  ];
  it.each(cases)('cuts off a peer that sends %s, with one line', async (_name, parts) => {
    const r = raw(...parts());
    await until(() => r.closed);
    await pause(10);
    expect(lines.length).toBe(1);
    expect(lines[0]).toMatch(/^warn peer cut off: ./);
    await serves();
    expect(lines.length).toBe(1);
  });

  it.each<[string, () => Buffer[]]>([
    ['nothing', () => []],
    ['half a banner', () => [banner().subarray(0, 13)]],
    ['half a preamble', () => [banner(), hello.subarray(0, 20)]],
    ['everything but its ident', () => head],
  ])('cuts off a peer that sends %s and then stalls for ever', async (_name, parts) => {
    const r = raw(...parts());
    await until(() => r.closed);
    expect(lines).toEqual(['warn peer cut off: handshake timed out']);
    await serves();
  });

  it('notes a peer that leaves half a banner behind, and not one that only looks in', async () => {
    raw().socket.end();
    await pause(20);
    expect(lines).toEqual([]);
    raw(banner().subarray(0, 5)).socket.end();
    await until(() => lines.length === 1);
    expect(lines).toEqual(['warn peer cut off: closed during the handshake']);
    await serves();
  });

  it('answers what it cannot do instead of cutting: cephx, secure mode, missing features', async () => {
    const refused = raw(banner(), hello, authRequest(2, [2, 1]), authRequest(1, [2]));
    const expected = (method: number): Buffer =>
      frame({ kind: 'authBadMethod', method, result: -95, methods: [1], modes: [1] });
    await until(() => refused.bytes.includes(expected(1)));
    expect(refused.bytes.includes(expected(2))).toBe(true);
    const old = raw(...head, ident(addr, 99, 1n));
    await until(() =>
      old.bytes.includes(frame({ kind: 'identMissingFeatures', missing: 1n << 59n })),
    );
    const unknown = frame({
      kind: 'sessionReconnect',
      addrs: [blank],
      clientCookie: 1n,
      serverCookie: 2n,
      globalSeq: 3,
      connectSeq: 1,
      messageSeq: 0,
    });
    const stale = raw(...head, unknown);
    await until(() => stale.bytes.includes(frame({ kind: 'sessionReset', full: 1 })));
    expect([refused.closed, old.closed, stale.closed]).toEqual([false, false, false]);
    expect(lines).toEqual([]);
  });

  it('answers a keepalive at once', async () => {
    const stamp = { sec: 1234, nsec: 5678 };
    const r = raw(...session(), frame({ kind: 'keepalive', stamp }));
    await until(() => r.bytes.includes(frame({ kind: 'keepaliveAck', stamp })));
  });

  it('takes no memory for what was only announced', async () => {
    const before = process.memoryUsage.rss();
    // 40 times 128 MiB announced, a few bytes sent.
    const all = Array.from({ length: 40 }, (_, i) =>
      raw(...session(i), preamble(TAG.message, 4, [41, 1, 0, 128 << 20]), Buffer.alloc(1000)),
    );
    await until(() => all.every((r) => r.bytes.length > 300));
    await pause(50);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 << 20);
    expect(lines).toEqual([]);
    await serves();
  });

  it('accepts so many connections and no more, and again when some are gone', async () => {
    const all = Array.from({ length: CONNECTIONS_MAX }, (_, i) => raw(...session(i)));
    await until(() => all.every((r) => r.bytes.length > 300));
    const more = Array.from({ length: 5 }, () => raw(...session(1000)));
    await until(() => more.every((r) => r.closed));
    expect(lines.length).toBe(1);
    expect(all.some((r) => r.closed)).toBe(false);
    for (const r of all.slice(0, 10)) r.socket.destroy();
    await pause(30);
    await serves();
  });

  it('forgets the oldest session at rest when peers without end leave one behind', async () => {
    const peer = (nonce: number): Buffer[] => {
      const asOsd = frame({ kind: 'hello', type: ENTITY.osd, peerAddr: blank });
      const lossless = frame({
        kind: 'clientIdent',
        addrs: [{ type: 2, host: '127.0.0.1', port: 1, nonce }],
        target: addr,
        gid: 9,
        globalSeq: 1,
        supported: 1n << 59n,
        required: 0n,
        flags: 0n,
        cookie: 5n,
      });
      return [banner(), asOsd, authRequest(), signature, lossless];
    };
    for (let n = 0; n < CONNECTIONS_MAX + 20; n += 10) {
      const ten = Array.from({ length: 10 }, (_, i) => raw(...peer(n + i)));
      await until(() => ten.every((r) => r.bytes.length > 300));
      for (const r of ten) r.socket.destroy();
      await pause(20);
    }
    expect(resets).toBe(20);
    await serves();
    expect(lines).toEqual([]);
  });

  function truncatedHello(): Buffer {
    const body = Buffer.from([8, 1, 1]);
    const crc = Buffer.alloc(4);
    crc.writeUInt32LE(crc32c(CRC_SEED, body));
    return Buffer.concat([preamble(TAG.hello, 1, [body.length]), body, crc]);
  }
});
