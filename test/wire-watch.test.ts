import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeAll } from '../src/codec/index.ts';
import {
  decodeFront,
  MOSDOp,
  MOSDOpReply,
  MWatchNotify,
  messageName,
  NotifyAckInput,
  NotifyInput,
  NotifyResult,
  OSD_OP,
  osdOpName,
  readArgs,
  readOSDOp,
  readOSDOpReply,
  WATCH_NOTIFY_OP,
  WATCH_OP,
  WatcherList,
} from '../src/wire/index.ts';
import { streamMessages } from './support/stream-messages.ts';

// One real conversation of a watcher that notifies itself: test/golden/wire/README.md.
const read = (direction: string) => [
  ...streamMessages(
    readFileSync(new URL(`golden/wire/ops-watch.${direction}.bin`, import.meta.url)),
  ),
];
const sent = read('c2s');
const received = read('s2c');
const requests = sent.filter((m) => m.type === MOSDOp.type);
const replies = received.filter((m) => m.type === MOSDOpReply.type);
const request = (code: number) => requests.find((m) => readOSDOp(m).ops[0]!.code === code)!;
const reply = (code: number) => replies.find((m) => readOSDOpReply(m).ops[0]!.code === code)!;

test('the conversation is whole', () => {
  expect(sent.map((m) => messageName(m.type))).toEqual([
    'MOSDOp',
    'MOSDOp',
    'MOSDOp',
    'MOSDOp',
    'MOSDOp',
    'MPing',
    'MOSDOp',
    'MPing',
    'MOSDOp',
    'MOSDOp',
  ]);
  expect(sent.map((m) => m.seq)).toEqual(sent.map((_, i) => i + 1));
  expect(requests.map((m) => osdOpName(readOSDOp(m).ops[0]!.code))).toEqual([
    'CREATE',
    'WATCH',
    'LIST_WATCHERS',
    'NOTIFY',
    'NOTIFY_ACK',
    'WATCH',
    'WATCH',
    'WATCH',
  ]);
  expect(replies.map((m) => m.tid)).toEqual(requests.map((m) => m.tid));
  expect(replies.map((m) => readOSDOpReply(m).result)).toEqual(requests.map(() => 0));
});

test('a watch is registered, pinged and ended under one cookie', () => {
  const watches = requests
    .map((m) => readOSDOp(m).ops[0]!)
    .filter((op) => op.code === OSD_OP.WATCH)
    .map((op) => readArgs('watch', op));
  const { watch, ping, unwatch } = WATCH_OP;
  expect(watches.map((w) => w.op)).toEqual([watch, ping, ping, unwatch]);
  expect(new Set(watches.map((w) => w.cookie)).size).toBe(1);
  const { watchers } = decodeAll(WatcherList, reply(OSD_OP.LIST_WATCHERS).data);
  expect(watchers).toMatchObject([{ cookie: watches[0]!.cookie, timeoutSeconds: 30 }]);
});

test('a notify reaches the watcher, its ack ends it', () => {
  const { payload } = decodeAll(NotifyInput, request(OSD_OP.NOTIFY).data);
  const notifyId = reply(OSD_OP.NOTIFY).data.readBigUInt64LE(0);
  const [notified, completed] = received
    .filter((m) => m.type === MWatchNotify.type)
    .map((m) => ({ ...decodeFront(MWatchNotify, m), data: m.data }));
  expect(notified).toMatchObject({ opcode: WATCH_NOTIFY_OP.notify, notifyId });
  expect(Buffer.from(notified!.payload).equals(payload)).toBe(true);
  const ack = decodeAll(NotifyAckInput, request(OSD_OP.NOTIFY_ACK).data);
  expect(ack).toMatchObject({ notifyId, cookie: notified!.cookie });
  expect(completed).toMatchObject({
    opcode: WATCH_NOTIFY_OP.notifyComplete,
    notifyId,
    returnCode: 0,
  });
  const { acks, missed } = decodeAll(NotifyResult, completed!.data);
  expect(missed).toEqual([]);
  expect(acks.map(([watcher]) => watcher.cookie)).toEqual([notified!.cookie]);
});
