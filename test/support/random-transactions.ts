import {
  belongs,
  type Collection,
  ownPool,
  type PgBounds,
  type StoreOp,
  type Transaction,
} from '../../src/store/index.ts';
import type { HObject } from '../../src/wire/index.ts';
import type { Dice } from './sim-disk.ts';

/** Collections that random transactions use; they must exist. */
export const COLLECTIONS = ['1.0', '2.1f'];

/** PGs' collections with their bounds, which random transactions split and merge. */
export type Pgs = Map<Collection, PgBounds>;

/** How the PGs begin. */
export function firstPgs(): Pgs {
  return new Map([
    ['3.0', { pool: 3, seed: 0, bits: 1 }],
    ['3.1', { pool: 3, seed: 1, bits: 1 }],
  ]);
}

/** Makes what random transactions need. */
export function making(pgs: Pgs): Transaction {
  return [
    ...COLLECTIONS.map((c) => ({ op: 'mkcoll' as const, c })),
    ...[...pgs].map(([c, bounds]) => ({ op: 'mkcoll' as const, c, bounds })),
  ];
}

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

/**
 * A transaction of one to four steps on one collection; small sizes around block edges, now and then large ones.
 * @param pgs if there are any, a part of the transactions is about them, and changes them with what is stored
 */
export function randomTransaction(roll: Dice, objects: number, pgs: Pgs = new Map()): Transaction {
  if (pgs.size > 0 && roll(3) === 0) return pgTransaction(roll, objects, pgs);
  const c = COLLECTIONS[roll(COLLECTIONS.length)]!;
  return steps(roll, c, () => objectOf(roll(objects)));
}

function steps(roll: Dice, c: string, pick: () => HObject): StoreOp[] {
  return Array.from({ length: 1 + roll(4) }, () => randomStep(roll, c, pick));
}

/** Steps on objects of one PG; in every third transaction after a split or a merge. */
function pgTransaction(roll: Dice, objects: number, pgs: Pgs): Transaction {
  const reshape = roll(3) === 0 ? [randomReshape(roll, pgs)] : [];
  const pgObject = (i: number): HObject => ({
    ...objectOf(i),
    hash: [0, 1, 2, 3, 0x8000_0000, 0xffff_ffff, 6][i % 7]!,
    pool: i % 6 === 5 ? ownPool(3) : 3,
  });
  const all = Array.from({ length: objects }, (_, i) => pgObject(i));
  const one = all[roll(objects)]!;
  const [c, bounds] = [...pgs].find(([, b]) => belongs(b, one))!;
  const mine = all.filter((oid) => belongs(bounds, oid));
  return [...reshape, ...steps(roll, c, () => mine[roll(mine.length)]!)];
}

function randomReshape(roll: Dice, pgs: Pgs): StoreOp {
  const [c, { pool, seed, bits }] = [...pgs][roll(pgs.size)]!;
  const isHigh = bits > 0 && seed >= 2 ** (bits - 1);
  const low = `3.${(seed - 2 ** (bits - 1)).toString(16)}`;
  if (isHigh && pgs.get(low)!.bits === bits) {
    pgs.delete(c);
    pgs.set(low, { ...pgs.get(low)!, bits: bits - 1 });
    return { op: 'mergecoll', c, dest: low, bits: bits - 1 };
  }
  const high = seed + 2 ** bits;
  const dest = `3.${high.toString(16)}`;
  pgs.set(c, { pool, seed, bits: bits + 1 });
  pgs.set(dest, { pool, seed: high, bits: bits + 1 });
  return { op: 'splitcoll', c, dest, bits: bits + 1, seed: high };
}

function randomStep(roll: Dice, c: string, pick: () => HObject): StoreOp {
  const oid = pick();
  const key = () => KEYS[1 + roll(KEYS.length - 1)]!;
  const bytes = (max: number) => Buffer.alloc(roll(max), 1 + roll(255));
  const offset = () => {
    const around = [0, 0, 4096, 8192, 40_960, 131_072][roll(6)]!;
    return Math.max(0, around + [0, 0, -1, 1, 100, 2000][roll(6)]!);
  };
  switch (roll(22)) {
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
      return { op: 'clone', c, from: oid, to: pick() };
    case 20:
    case 21: {
      const range = { offset: offset(), length: roll(roll(3) === 0 ? 5000 : 60_000) };
      const at = roll(3) === 0 ? offset() : range.offset + 4096 * roll(3);
      return { op: 'cloneRange', c, from: oid, to: pick(), ...range, at };
    }
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
