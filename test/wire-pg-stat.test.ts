import { expect, test } from 'vitest';
import { encodeToBytes } from '../src/codec/index.ts';
import {
  addStatSum,
  emptyStatSum,
  formatPgState,
  ObjectStatSum,
  PG_STATE_BITS,
  parsePgState,
  pgState,
} from '../src/wire/index.ts';

test('a PG state prints in the order of Ceph and reads back', () => {
  expect(formatPgState(pgState('clean', 'active'))).toBe('active+clean');
  expect(formatPgState(pgState('degraded', 'undersized', 'active'))).toBe(
    'active+undersized+degraded',
  );
  expect(pgState('wait')).toBe(1n << 34n);
  expect(formatPgState(0n)).toBe('unknown');
  expect(formatPgState(1n << 9n)).toBe('unknown'); // a bit without a name
  for (const name of Object.keys(PG_STATE_BITS)) expect(parsePgState(name)).not.toBe(0n);
  expect(parsePgState('active+clean')).toBe(pgState('active', 'clean'));
  expect(parsePgState('unknown')).toBe(0n);
  expect(parsePgState('active+nonsense')).toBeUndefined();
});

test('sums add field by field, and 304 bytes is the size that Ceph writes', () => {
  const a = emptyStatSum();
  expect(encodeToBytes(ObjectStatSum, a).length).toBe(6 + 304);
  a.numObjects = 3;
  const b = { ...emptyStatSum(), numObjects: 4, numBytes: 10, numObjectsRepaired: 1 };
  addStatSum(a, b);
  expect(a).toEqual({ ...emptyStatSum(), numObjects: 7, numBytes: 10, numObjectsRepaired: 1 });
  expect(b.numObjects).toBe(4);
});
