import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Compressor } from '../runtime/index.ts';
import { requirePackage } from './require-package.ts';

/** Levels of Ceph 16.2 (compressor_zstd_level, compressor_zlib_level). */
const ZSTD_LEVEL = 1;
const ZLIB_LEVEL = 5;

const LOADERS: Readonly<Record<string, () => Compressor>> = {
  lz4: () => {
    const { compressSync, uncompressSync } = requirePackage(
      'lz4-napi',
    ) as typeof import('lz4-napi');
    return {
      compress: (bytes) => compressSync(buffer(bytes)),
      decompress: (bytes, length) => {
        // The block begins with its length: checked before the library takes that much memory.
        whole(bytes.length < 4 ? 0 : buffer(bytes).readUInt32LE(0), length);
        const out = uncompressSync(buffer(bytes));
        whole(out.length, length);
        return out;
      },
    };
  },
  zstd: () => {
    const { Decoder, Encoder } = requirePackage(
      '@toondepauw/node-zstd',
    ) as typeof import('@toondepauw/node-zstd');
    const encoder = new Encoder(ZSTD_LEVEL);
    const decoder = new Decoder();
    return {
      compress: (bytes) => encoder.encodeSync(buffer(bytes)),
      decompress: (bytes, length) => {
        const out = decoder.decodeSync(buffer(bytes));
        whole(out.length, length);
        return out;
      },
    };
  },
  zlib: () => ({
    compress: (bytes) => deflateRawSync(bytes, { level: ZLIB_LEVEL }),
    decompress: (bytes, length) => {
      const out = inflateRawSync(bytes, { maxOutputLength: length });
      whole(out.length, length);
      return out;
    },
  }),
};
const loaded = new Map<string, Compressor | undefined>();

/**
 * The compressor of that name, loaded when it is first asked for: lz4, zstd, zlib.
 * @returns undefined for one that this platform does not have
 */
export function nodeCompressor(name: string): Compressor | undefined {
  if (!loaded.has(name)) loaded.set(name, load(name));
  return loaded.get(name);
}

function load(name: string): Compressor | undefined {
  try {
    return Object.hasOwn(LOADERS, name) ? LOADERS[name]!() : undefined;
  } catch {
    return undefined; // no prebuilt for this platform: the caller says what that means for it
  }
}

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function whole(got: number, wanted: number): void {
  if (got !== wanted) throw new Error(`${got} bytes, not ${wanted}`);
}
