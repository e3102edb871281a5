import { fixed } from '../../codec/index.ts';

/**
 * Numbers as the C library reads and prints them, since the bytes and texts of CRUSH maps depend on it: integers wrap to
 * 32 bits, weights pass through single precision.
 */

const LONG_MAX = 2n ** 63n - 1n;
const LONG_MIN = -(2n ** 63n);

/** `strtol` of decimal digits with an optional minus sign, then narrowed to a 32-bit integer. */
export function toInt32(digits: string): number {
  const value = BigInt(digits);
  const long = value > LONG_MAX ? LONG_MAX : value < LONG_MIN ? LONG_MIN : value;
  return Number(BigInt.asIntN(32, long));
}

/** A decimal number as an unsigned 16.16 weight: in single precision, cut off, and wrapped like the processor does. */
export function toWeight(decimal: string): number {
  const scaled = Math.trunc(Math.fround(Math.fround(Number(decimal)) * 0x10000));
  // What 64 bits cannot hold becomes the "indefinite integer", whose low half is zero.
  if (!(Math.abs(scaled) < 2 ** 63)) return 0;
  return Number(BigInt.asUintN(32, BigInt(scaled)));
}

/** A 16.16 weight with three decimals; the highest bit counts as a sign, as in Ceph's text form of a map. */
export function fixedPoint(weight: number): string {
  return fixed(Math.fround(weight | 0) / 0x10000, 3);
}
