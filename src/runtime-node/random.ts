import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../runtime/index.ts';

/** The system's cryptographic source. */
export const systemRandom: Random = {
  below: (n) => (n <= 1 ? 0 : randomInt(n)),
  bytes: (length) => randomBytes(length),
};
