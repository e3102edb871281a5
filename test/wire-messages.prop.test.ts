import { expect, test } from 'vitest';
import type { Codec } from '../src/codec/index.ts';
import { DecodeError } from '../src/errors/index.ts';
import {
  decodeFront,
  EntityAddr,
  HObject,
  MESSAGES,
  MMonGetVersion,
  MOSDOp,
  MOSDOpReply,
  message,
  messageName,
  NotifyAckInput,
  NotifyInput,
  NotifyResult,
  outgoing,
  PgnlsOutput,
  SnapListOutput,
  SparseReadOutput,
  StatOutput,
  WatcherList,
} from '../src/wire/index.ts';
import { codecSuite } from './support/codec-suite.ts';

// Op messages have a test of their own: their ops refer to a buffer, which makes equal values look different.
const fronts = [...MESSAGES.values()]
  .filter((def) => def.type !== MOSDOp.type && def.type !== MOSDOpReply.type)
  .map((def): [string, Codec<unknown>] => [def.name, def.front]);
const structs: [string, Codec<unknown>][] = [
  EntityAddr,
  HObject,
  NotifyAckInput,
  NotifyInput,
  NotifyResult,
  PgnlsOutput,
  SnapListOutput,
  SparseReadOutput,
  StatOutput,
  WatcherList,
].map((codec) => [codec.name, codec as Codec<unknown>]);

codecSuite([...fronts, ...structs]);

test('a front that ends early names the message and the field', () => {
  const front = Buffer.alloc(10);
  expect(() => decodeFront(MMonGetVersion, { front })).toThrow(/MMonGetVersion\.what at offset 8/);
});

test('a front may be longer than we know, but not for newer readers only', () => {
  const { front } = outgoing(MMonGetVersion, { handle: 7n, what: 'osdmap' });
  const longer = Buffer.concat([front, Buffer.alloc(5)]);
  expect(decodeFront(MMonGetVersion, { front: longer })).toEqual({ handle: 7n, what: 'osdmap' });
  expect(() => decodeFront(MMonGetVersion, { front, compatVersion: 2 })).toThrow(DecodeError);
});

test('a message goes out with its header, its tid and its data as they are', () => {
  const data = [Buffer.from('x')];
  const value = { handle: 7n, what: 'osdmap' };
  expect(outgoing(MMonGetVersion, value, { tid: 9, data })).toMatchObject({
    type: 19,
    version: 1,
    compatVersion: 1,
    tid: 9,
    data,
  });
  expect(outgoing(MMonGetVersion, value).priority).toBeUndefined();
  expect(outgoing(MOSDOp, MOSDOp.front.generate({ below: () => 0 })).priority).toBe(63);
});

test('a number belongs to one message', () => {
  expect(() => message('Another', 42, { version: 1, compat: 1 }, StatOutput)).toThrow(/MOSDOp/);
  expect(messageName(42)).toBe('MOSDOp');
  expect(messageName(64999)).toBe('message 64999');
});
