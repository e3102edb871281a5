import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Codec, decodeAll, encodeToBytes } from '../src/codec/index.ts';
import {
  decodeFront,
  MESSAGES,
  MMonSubscribe,
  MOSDOp,
  MOSDOpReply,
  messageName,
  NotifyAckInput,
  NotifyInput,
  OSD_FLAG,
  OSD_OP,
  osdOpName,
  PgnlsOutput,
  readArgs,
  readExtent,
  readOSDOp,
  readOSDOpReply,
  SNAP_HEAD,
  SnapListOutput,
  SparseReadOutput,
  StatOutput,
  tryReadOSDOp,
  tryReadOSDOpReply,
  WatcherList,
  writeOSDOp,
  writeOSDOpReply,
} from '../src/wire/index.ts';

// Messages of real programs: see test/golden/wire/README.md.
interface Line {
  stream: string;
  type: number;
  version: number;
  compatVersion: number;
  front: Buffer;
  data: Buffer;
}
const lines: Line[] = readFileSync(new URL('golden/wire/messages.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((text) => {
    const m = JSON.parse(text);
    return {
      ...m,
      front: Buffer.from(m.front, 'base64'),
      data: Buffer.from(m.data ?? '', 'base64'),
    };
  });
const requests = lines.filter((m) => m.type === MOSDOp.type);
const replies = lines.filter((m) => m.type === MOSDOpReply.type);

test('33 kinds of message are there, each with the versions we declare', () => {
  expect(new Set(lines.map((m) => m.type)).size).toBeGreaterThanOrEqual(33);
  for (const m of lines) {
    const def = MESSAGES.get(m.type)!;
    expect([messageName(m.type), m.version, m.compatVersion]).toEqual([
      def.name,
      def.version,
      def.compat,
    ]);
  }
});

describe.each([...new Set(lines.map((m) => m.type))])('message %i', (type) => {
  test('every front decodes and re-encodes byte for byte', () => {
    const def = MESSAGES.get(type)!;
    for (const m of lines.filter((line) => line.type === type)) {
      const value = decodeFront(def, m);
      expect(encodeToBytes(def.front, value).toString('hex')).toBe(m.front.toString('hex'));
    }
  });
});

test('the hand-written readers and writers take every request and reply', () => {
  for (const m of requests) {
    expect(tryReadOSDOp(m.front)).toBeDefined();
    expect(writeOSDOp(readOSDOp(m)).equals(m.front)).toBe(true);
  }
  for (const m of replies) {
    expect(tryReadOSDOpReply(m.front)).toBeDefined();
    expect(writeOSDOpReply(readOSDOpReply(m)).equals(m.front)).toBe(true);
  }
  expect(requests.length + replies.length).toBeGreaterThan(100);
});

test('a subscription to the monitor says what the client wants', () => {
  const first = lines.find((m) => m.type === MMonSubscribe.type)!;
  const { what } = decodeFront(MMonSubscribe, first);
  expect(what.get('monmap')).toEqual({ start: 0n, flags: 0 });
  expect(what.get('config')).toEqual({ start: 0n, flags: 0 });
});

test('requests name the object, the operation and its arguments', () => {
  const v = requests
    .map((m) => readOSDOp(m))
    .find(({ ops }) => ops.length === 1 && ops[0]!.code === OSD_OP.WRITEFULL)!;
  expect(v.snapid).toBe(SNAP_HEAD);
  expect(v.flags & OSD_FLAG.WRITE).toBe(OSD_FLAG.WRITE);
  expect(v.retryAttempt).toBe(0);
  const { offset, length } = readExtent(v.ops[0]!);
  expect({ offset, length }).toEqual({ offset: 0, length: v.ops[0]!.payloadLength });
  expect(
    requests.every((m) => readOSDOp(m).ops.every((op) => !osdOpName(op.code).startsWith('0x'))),
  ).toBe(true);
});

test('a listing request places itself by the hash in its locator', () => {
  const listing = requests.map((m) => readOSDOp(m)).filter((v) => v.ops[0]!.code === OSD_OP.PGNLS);
  expect(listing.length).toBeGreaterThan(0);
  for (const v of listing) {
    expect(v.locator.hash).toBe(BigInt(v.pgid.pgid.seed));
    const { count, startEpoch } = readArgs('pgls', v.ops[0]!);
    expect({ count, startEpoch }).toEqual({ count: 1024, startEpoch: v.epoch });
  }
});

/** The ops of one code with their own part of the data: inputs of requests, outputs of replies. */
function payloads(code: number, of: 'request' | 'reply'): Buffer[] {
  const found: Buffer[] = [];
  for (const m of of === 'request' ? requests : replies) {
    let at = 0;
    const { ops } = of === 'request' ? readOSDOp(m) : readOSDOpReply(m);
    for (const op of ops) {
      const bytes = m.data.subarray(at, at + op.payloadLength);
      at += op.payloadLength;
      const whole = bytes.length === op.payloadLength && bytes.length > 0;
      if (op.code === code && whole) found.push(bytes);
    }
  }
  return found;
}

const declared: [string, number, 'request' | 'reply', Codec<unknown>][] = [
  ['STAT', OSD_OP.STAT, 'reply', StatOutput],
  ['SPARSE_READ', OSD_OP.SPARSE_READ, 'reply', SparseReadOutput],
  ['PGNLS', OSD_OP.PGNLS, 'reply', PgnlsOutput],
  ['LIST_SNAPS', OSD_OP.LIST_SNAPS, 'reply', SnapListOutput],
  ['LIST_WATCHERS', OSD_OP.LIST_WATCHERS, 'reply', WatcherList],
  ['NOTIFY', OSD_OP.NOTIFY, 'request', NotifyInput],
  ['NOTIFY_ACK', OSD_OP.NOTIFY_ACK, 'request', NotifyAckInput],
];
test.each(declared)('%s: its payload decodes to the last byte', (_name, code, of, codec) => {
  const found = payloads(code, of);
  expect(found.length).toBeGreaterThan(0);
  for (const bytes of found) {
    expect(encodeToBytes(codec, decodeAll(codec, bytes)).equals(bytes)).toBe(true);
  }
});
