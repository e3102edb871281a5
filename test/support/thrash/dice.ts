/** Chance that is the same for the same seed. */
export interface Dice {
  /** Uniform integer in 0..n-1. */
  readonly below: (n: number) => number;
  readonly bytes: (length: number) => Buffer;
  readonly pick: <T>(from: readonly T[]) => T;
  /** Another one, whose rolls do not depend on how often this one is rolled. */
  readonly fork: () => Dice;
}

/** mulberry32. */
export function diceOf(seed: number): Dice {
  let a = seed >>> 0;
  const next = (): number => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return (t ^ (t >>> 14)) >>> 0;
  };
  const below = (n: number): number => next() % n;
  return {
    below,
    bytes: (length) => {
      const out = Buffer.alloc(length);
      for (let at = 0; at < length; at += 4) {
        const word = next();
        for (let i = 0; i < 4 && at + i < length; i++) out[at + i] = word >>> (8 * i);
      }
      return out;
    },
    pick: (from) => from[below(from.length)]!,
    fork: () => diceOf(next()),
  };
}
