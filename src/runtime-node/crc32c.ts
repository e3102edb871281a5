import { type Crc32c, crc32c as portable } from '../codec/index.ts';
import { requirePackage } from './require-package.ts';

const { crc32c: standard } = requirePackage('@node-rs/crc32') as typeof import('@node-rs/crc32');

/** Below this many bytes a call out of JavaScript costs more than it saves (bench/crc32c.bench.ts). */
const NATIVE_FROM_BYTES = 128;

/** CRC-32C without final inversion; the library's form inverts on both ends, so both are undone here. */
export const nativeCrc32c: Crc32c = (seed, bytes) =>
  bytes.length < NATIVE_FROM_BYTES
    ? portable(seed, bytes)
    : ~standard(bytes as Buffer, ~seed >>> 0) >>> 0;
