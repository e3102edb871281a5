import { ERRNO } from '../../errors/index.ts';
import { CHECKSUM_TYPE, type OsdOp, readArgs } from '../../wire/index.ts';
import { EMPTY, type Execution, type Step } from './execution.ts';
import { xxhash32, xxhash64 } from './xxhash.ts';

/** Writes the checksum of one chunk. */
type Sum = (chunk: Uint8Array, out: Buffer, at: number) => void;

/** Checksums of the chunks of a range, seeded by the input; chunk size 0 makes the range one chunk. */
export function checksum(x: Execution, op: OsdOp): Step {
  const args = readArgs('checksum', op);
  const { offset, chunkSize } = args;
  let { length } = args;
  x.stats.numRd++;
  if (chunkSize > 0 && (length === 0 || length % chunkSize !== 0)) return -ERRNO.EINVAL;
  const width = args.type === CHECKSUM_TYPE.xxhash64 ? 8 : 4;
  const sum = sumOf(x, args.type, x.input(op), width);
  if (!sum) return -ERRNO.EINVAL;
  if (offset === 0 && length === 0) length = x.size;
  else if (offset >= x.size) {
    x.output(EMPTY);
    return 0;
  } else if (offset + length > x.size) {
    length = x.size - offset;
    if (chunkSize > 0 && length % chunkSize !== 0) return -ERRNO.EINVAL;
  }
  return x.read(offset, length, (bytes) => {
    x.output(sums(bytes, chunkSize || bytes.length, width, sum));
    return 0;
  });
}

function sums(bytes: Uint8Array, chunk: number, width: number, sum: Sum): Buffer {
  const count = chunk === 0 ? 0 : Math.ceil(bytes.length / chunk);
  const out = Buffer.alloc(4 + count * width);
  out.writeUInt32LE(count, 0);
  for (let i = 0; i < count; i++) {
    sum(bytes.subarray(i * chunk, (i + 1) * chunk), out, 4 + i * width);
  }
  return out;
}

function sumOf(x: Execution, type: number, input: Uint8Array, width: number): Sum | undefined {
  if (input.length < width) return undefined;
  const seed = Buffer.from(input.subarray(0, width));
  switch (type) {
    case CHECKSUM_TYPE.xxhash32:
      return (chunk, out, at) => out.writeUInt32LE(xxhash32(seed.readUInt32LE(), chunk), at);
    case CHECKSUM_TYPE.xxhash64:
      return (chunk, out, at) => out.writeBigUInt64LE(xxhash64(seed.readBigUInt64LE(), chunk), at);
    case CHECKSUM_TYPE.crc32c:
      return (chunk, out, at) =>
        out.writeUInt32LE(x.env.crc32c(seed.readUInt32LE(), chunk) >>> 0, at);
    default:
      return undefined;
  }
}
