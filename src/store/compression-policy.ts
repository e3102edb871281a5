/** When data is compressed: see {@link wantsCompression}. Ceph's words. */
export type CompressionMode = 'none' | 'passive' | 'aggressive' | 'force';

/** Numbers that stand in stored records, those of Ceph (src/compressor/Compressor.h, release 16.2). */
const ALGORITHM_NUMBER = { snappy: 1, zlib: 2, zstd: 3, lz4: 4 } as const;
export type CompressionAlgorithm = keyof typeof ALGORITHM_NUMBER;

/** How data of a pool is compressed. */
export interface CompressionPolicy {
  readonly mode: CompressionMode;
  readonly algorithm: CompressionAlgorithm;
  /** What is compressed must not take more than this share of what it was, in whole units of allocation. */
  readonly requiredRatio: number;
  /** Shorter writes are left as they are. */
  readonly minBlobBytes: number;
  /** Longer ones are cut, where offsets are multiples of this. */
  readonly maxBlobBytes: number;
}

/** What Ceph's options say where nobody says otherwise, but for the mode. */
export const COMPRESSION_DEFAULTS = {
  requiredRatio: 0.875,
  minBlobBytes: 8192,
  maxBlobBytes: 65_536,
} as const;

/** What compression does for some data. Bytes. */
export interface CompressedBytes {
  /** Compressed data, without what fills its last unit. */
  readonly compressed: number;
  /** The units that it takes. */
  readonly allocated: number;
  /** The data of objects that it stands for; clones count each. */
  readonly original: number;
}

/** Flags of CEPH_OSD_OP_SETALLOCHINT that a store looks at. */
export const HINT = { compressible: 256, incompressible: 512 } as const;

/** Whether data of an object with such hints is compressed. Source: BlueStore::_choose_write_options, release 16.2. */
export function wantsCompression(mode: CompressionMode, hints: number): boolean {
  switch (mode) {
    case 'none':
      return false;
    case 'passive':
      return (hints & HINT.compressible) !== 0;
    case 'aggressive':
      return (hints & HINT.incompressible) === 0;
    case 'force':
      return true;
  }
}

export function algorithmNumber(name: CompressionAlgorithm): number {
  return ALGORITHM_NUMBER[name];
}

/** The algorithm with that number, if there is one. */
export function algorithmNamed(number: number): CompressionAlgorithm | undefined {
  for (const name of Object.keys(ALGORITHM_NUMBER) as CompressionAlgorithm[]) {
    if (ALGORITHM_NUMBER[name] === number) return name;
  }
  return undefined;
}
