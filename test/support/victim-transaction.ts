import type { Transaction } from '../../src/store/index.ts';
import type { HObject } from '../../src/wire/index.ts';

/** How many objects the transactions go round. */
export const VICTIM_OBJECTS = 50;

export function victimObject(i: number): HObject {
  return {
    key: '',
    name: `object${i}`,
    snap: 0xffff_ffff_ffff_fffen,
    hash: Math.imul(i, 0x9e37_79b1) >>> 0,
    max: false,
    namespace: '',
    pool: 1,
  };
}

/** What object data is after transaction `i`: small and large by turns, all bytes drawn from the number. */
export function victimData(i: number): Buffer {
  const data = Buffer.alloc(i % 5 === 0 ? 70_000 + (i % 7) * 1000 : 3000 + (i % 2000), i & 255);
  data.writeUInt32LE(i, 0);
  data.writeUInt32LE(i, data.length - 4);
  return data;
}

/** Rewrites object `i mod 50`, and says so in the object's attribute and in a log object: all three or none. */
export function victimTransaction(i: number): Transaction {
  const oid = victimObject(i % VICTIM_OBJECTS);
  const data = victimData(i);
  const number = Buffer.from(String(i));
  return [
    { op: 'truncate', c: '1.0', oid, size: 0 },
    { op: 'write', c: '1.0', oid, offset: 0, data },
    { op: 'setattrs', c: '1.0', oid, attrs: new Map([['n', number]]) },
    {
      op: 'omapSet',
      c: '1.0',
      oid: victimObject(-1),
      entries: new Map([[`last${i % VICTIM_OBJECTS}`, number]]),
    },
  ];
}
