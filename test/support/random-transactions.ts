import type { StoreOp, Transaction } from '../../src/store/index.ts';
import type { HObject } from '../../src/wire/index.ts';
import type { Dice } from './sim-disk.ts';

/** Collections that random transactions use; they must exist. */
export const COLLECTIONS = ['1.0', '2.1f'];

/** Object number i of a few, whose names and hashes try the order's corners. */
export function objectOf(i: number): HObject {
  const names = ['a', 'b', 'a\0', 'a\x01', `long${'n'.repeat(2040)}`, `long${'n'.repeat(2039)}m`];
  return {
    key: i % 5 === 4 ? 'locator' : '',
    name: names[i % names.length]!,
    snap: i % 4 === 3 ? 7n : 0xffff_ffff_ffff_fffen,
    hash: [0, 1, 0x8000_0000, 0xffff_ffff][i % 4]!,
    max: false,
    namespace: i % 3 === 2 ? 'ns' : '',
    pool: 1,
  };
}

const KEYS = ['', 'a', 'ab', 'b', 'c\0', '\xff', `k${'x'.repeat(1900)}`, `k${'x'.repeat(1901)}`];

/** A transaction of one to four steps on one collection; small sizes around block edges, now and then large ones. */
export function randomTransaction(roll: Dice, objects: number): Transaction {
  const c = COLLECTIONS[roll(COLLECTIONS.length)]!;
  return Array.from({ length: 1 + roll(4) }, () => randomStep(roll, c, objects));
}

function randomStep(roll: Dice, c: string, objects: number): StoreOp {
  const oid = objectOf(roll(objects));
  const key = () => KEYS[1 + roll(KEYS.length - 1)]!;
  const bytes = (max: number) => Buffer.alloc(roll(max), 1 + roll(255));
  const offset = () => {
    const around = [0, 0, 4096, 8192, 40_960, 131_072][roll(6)]!;
    return Math.max(0, around + [0, 0, -1, 1, 100, 2000][roll(6)]!);
  };
  switch (roll(20)) {
    case 0:
      return { op: 'touch', c, oid };
    case 1:
    case 2:
    case 3:
    case 4:
      return { op: 'write', c, oid, offset: offset(), data: patterned(roll, 1 + roll(6000)) };
    case 5:
      return { op: 'write', c, oid, offset: offset(), data: patterned(roll, 4096) };
    case 6:
    case 7:
      return {
        op: 'write',
        c,
        oid,
        offset: offset(),
        data: patterned(roll, 32_768 + roll(3) * 4096 + roll(2) * roll(5000)),
      };
    case 8:
      return { op: 'zero', c, oid, offset: offset(), length: roll(20_000) };
    case 9:
      return { op: 'truncate', c, oid, size: offset() };
    case 10:
      return { op: 'remove', c, oid };
    case 11:
    case 12:
      return { op: 'clone', c, from: oid, to: objectOf(roll(objects)) };
    case 13:
      return {
        op: 'setattrs',
        c,
        oid,
        attrs: new Map([
          [key(), bytes(50)],
          [key(), bytes(5)],
        ]),
      };
    case 14:
      return { op: 'rmattr', c, oid, name: key() };
    case 15:
    case 16:
      return {
        op: 'omapSet',
        c,
        oid,
        entries: new Map([
          [key(), bytes(50)],
          [key(), bytes(5)],
        ]),
      };
    case 17:
      return { op: 'omapRmKeys', c, oid, keys: [key(), key()] };
    case 18:
      return roll(3) === 0
        ? { op: 'omapClear', c, oid }
        : { op: 'omapRmRange', c, oid, from: KEYS[roll(KEYS.length)]!, to: key() };
    default:
      return { op: 'omapSetHeader', c, oid, header: bytes(30) };
  }
}

/** Bytes that differ from place to place, so that a block in the wrong place shows. */
export function patterned(roll: Dice, length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  let x = roll(256);
  for (let i = 0; i < length; i++) {
    x = (x * 5 + 113 + (i >> 9)) & 255;
    out[i] = x;
  }
  return out;
}
