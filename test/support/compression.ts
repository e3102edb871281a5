import type { CompressionAlgorithm, CompressionPolicy } from '../../src/store/index.ts';

/** Compresses whatever becomes smaller, in small blobs, so that tests cut many of them. */
export function always(
  algorithm: CompressionAlgorithm,
  more: Partial<CompressionPolicy> = {},
): CompressionPolicy {
  return {
    mode: 'force',
    algorithm,
    requiredRatio: 0.875,
    minBlobBytes: 8192,
    maxBlobBytes: 24_576,
    ...more,
  };
}
