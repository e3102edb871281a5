import { median } from './figures.ts';

export interface Growth {
  /** Middle of the first third of what counts, and of the last. */
  readonly first: number;
  readonly last: number;
  readonly grows: boolean;
}

/**
 * Whether a figure sampled at even intervals keeps growing: the middle of the last third of the samples stands above that
 * of the first third by more than is allowed. Single samples that stand out do not matter.
 * @param warmUp samples at the start that do not count
 * @param allowed how much more is no growth: a part of the first, and an amount
 */
export function growth(
  samples: readonly number[],
  warmUp: number,
  allowed: { readonly part: number; readonly amount: number },
): Growth {
  const counted = samples.slice(warmUp);
  const third = Math.max(1, Math.floor(counted.length / 3));
  const first = median(counted.slice(0, third));
  const last = median(counted.slice(-third));
  return { first, last, grows: last > first * (1 + allowed.part) + allowed.amount };
}
