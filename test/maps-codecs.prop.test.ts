import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Codec, crc32c } from '../src/codec/index.ts';
import { checkCrushMap } from '../src/crush/index.ts';
import { DecodeError } from '../src/errors/index.ts';
import {
  decodeIncremental,
  IncrementalSections,
  MonMap,
  OSDMap,
  OSDMapSections,
  PgPool,
  subtractIntervals,
  unionIntervals,
} from '../src/maps/index.ts';
import type { Intervals } from '../src/wire/index.ts';
import { codecSuite } from './support/codec-suite.ts';

const codecs: [string, Codec<unknown>][] = [
  ['MonMap', MonMap],
  ['pg_pool_t', PgPool],
  ['OSDMap, client section', OSDMapSections.client],
  ['OSDMap, osd section', OSDMapSections.osd],
  ['Incremental, client section', IncrementalSections.client],
  ['Incremental, osd section', IncrementalSections.osd],
];

codecSuite(codecs);

/** A golden map with bytes changed and its checksum made right again, so that decoding goes on behind it. */
function damaged(bytes: Buffer, crcFromEnd: number): fc.Arbitrary<Buffer> {
  const change = fc.record({
    at: fc.nat({ max: bytes.length - crcFromEnd - 1 }),
    value: fc.integer({ min: 0, max: 255 }),
  });
  return fc.array(change, { minLength: 1, maxLength: 3 }).map((changes) => {
    const out = Buffer.from(bytes);
    for (const { at, value } of changes) out[at] = value;
    const crcAt = out.length - crcFromEnd;
    const crc = crc32c(0xffffffff, out.subarray(0, crcAt));
    out.writeUInt32LE(crc32c(crc, out.subarray(crcAt + 4)), crcAt);
    return out;
  });
}

const golden = (name: string): Buffer =>
  readFileSync(new URL(`golden/maps/live/${name}`, import.meta.url));

test('a damaged full map is refused with a DecodeError or is a map that works', () => {
  fc.assert(
    fc.property(damaged(golden('full.126'), 4), (bytes) => {
      try {
        const map = OSDMap.decode(bytes);
        expect(OSDMap.decode(map.encode()).crc).toBe(map.crc);
        // A CRUSH map may ask for a billion tries; the monitor's check keeps such maps out of a cluster.
        if (checkCrushMap(map.crushMap).length > 0) return;
        for (const id of map.data.pools.keys()) map.pgToUpActing({ pool: id, seed: 0 });
      } catch (e) {
        expect(e).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 300 },
  );
});

test('a damaged change is refused with a DecodeError or applies', () => {
  const before = OSDMap.decode(golden('full.126'));
  fc.assert(
    fc.property(damaged(golden('inc.127'), 8), (bytes) => {
      try {
        expect(before.applyIncremental(decodeIncremental(bytes)).epoch).toBe(127);
      } catch (e) {
        expect(e).toBeInstanceOf(DecodeError);
      }
    }),
    { numRuns: 300 },
  );
});

describe('interval sets', () => {
  const ids = fc.uniqueArray(fc.integer({ min: 0, max: 40 }));
  const toIntervals = (list: number[]): Intervals =>
    list.reduce<Intervals>((s, id) => unionIntervals(s, [{ start: BigInt(id), length: 1n }]), []);
  const toIds = (s: Intervals): number[] =>
    s.flatMap(({ start, length }) =>
      Array.from({ length: Number(length) }, (_, i) => Number(start) + i),
    );
  const sorted = (list: Iterable<number>): number[] => [...list].sort((a, b) => a - b);

  test('union and difference are those of sets, in ascending intervals that do not touch', () => {
    fc.assert(
      fc.property(ids, ids, (a, b) => {
        const union = unionIntervals(toIntervals(a), toIntervals(b));
        expect(toIds(union)).toEqual(sorted(new Set([...a, ...b])));
        const gaps = union.slice(1).map((x, i) => x.start - union[i]!.start - union[i]!.length);
        expect(gaps.every((gap) => gap > 0n)).toBe(true);
        const left = subtractIntervals(toIntervals(a), toIntervals(b));
        expect(toIds(left)).toEqual(sorted(a.filter((id) => !b.includes(id))));
      }),
    );
  });
});
