import fc from 'fast-check';
import { expect, test } from 'vitest';
import { appendCrc32c, CRC_BLOCK_BYTES, CRC_BLOCK_SEED, crc32c } from '../src/codec/index.ts';

test('the checksum of a whole is put together from those of its blocks, from any state', () => {
  fc.assert(
    fc.property(
      fc.nat(0xffff_ffff),
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 4 }),
      (state, seeds) => {
        const blocks = seeds.map((s) => Buffer.alloc(CRC_BLOCK_BYTES, s));
        let joined = state;
        for (const b of blocks) joined = appendCrc32c(joined, crc32c(CRC_BLOCK_SEED, b));
        expect(joined).toBe(crc32c(state, Buffer.concat(blocks)));
      },
    ),
  );
});
