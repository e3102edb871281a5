const MULTIPLIER = 0x5deece66dn;
const INCREMENT = 0xbn;
const STATE_BITS = 48;
const RESULT_SHIFT = 17n;

/**
 * The generator of C's lrand48 as it runs when nobody has seeded it, which is how Ceph's tester uses it: the same
 * numbers in every run, each from 0 to 2^31 - 1.
 */
export function lrand48(): () => number {
  let state = 0n;
  return () => {
    state = BigInt.asUintN(STATE_BITS, state * MULTIPLIER + INCREMENT);
    return Number(state >> RESULT_SHIFT);
  };
}
