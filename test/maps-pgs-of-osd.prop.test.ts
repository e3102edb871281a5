import fc from 'fast-check';
import { expect, test } from 'vitest';
import { OSD_STATE, OSDMap, WEIGHT_ONE } from '../src/maps/index.ts';
import { formatPgId, type PgId } from '../src/wire/index.ts';
import { builtMap, nextMap } from './support/built-osdmap.ts';

const osd = fc.nat(7);
const pgKey = fc.tuple(fc.constantFrom(1, 2), fc.nat(15)).map(([p, s]) => `${p}.${s.toString(16)}`);
const one = <K, V>(key: K, value: V): Map<K, V> => new Map([[key, value]]);
/** One thing that a change may bring. Coming and going, which keeps what was found, is the most frequent. */
const patch = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(osd, fc.constantFrom<number>(OSD_STATE.up, OSD_STATE.full, OSD_STATE.noout))
      .map(([id, bits]) => ({ newState: one(id, bits) })),
  },
  { weight: 1, arbitrary: osd.map((id) => ({ newState: one(id, OSD_STATE.exists) })) },
  {
    weight: 1,
    arbitrary: fc
      .tuple(osd, fc.constantFrom(0, WEIGHT_ONE >> 1, WEIGHT_ONE))
      .map(([id, weight]) => ({ newWeight: one(id, weight) })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(osd, fc.constantFrom(0, WEIGHT_ONE))
      .map(([id, affinity]) => ({ newPrimaryAffinity: one(id, affinity) })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(pgKey, fc.uniqueArray(osd, { maxLength: 3 }))
      .map(([pg, osds]) => ({ newPgTemp: one(pg, osds) })),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(pgKey, osd, osd).map(([pg, from, to]) => ({
      newPgUpmapItems: one(pg, [[from, to]] as [number, number][]),
    })),
  },
);

test('an OSD that ceases to exist frees the target of an upmap', () => {
  const all = (): boolean => true;
  let map = builtMap();
  const pg = [...map.pgs()].find((p) => map.pgToUpActing(p).up.length === 3)!;
  const [gone, , moved] = map.pgToUpActing(pg).up as [number, number, number];
  map = nextMap(map, {
    newPgUpmapItems: one(formatPgId(pg), [[moved, gone]] as [number, number][]),
  });
  expect(map.pgsOfOsd(moved, all)).toContainEqual(pg);
  map = nextMap(map, { newState: one(gone, OSD_STATE.exists) });
  expect(map.pgToUpActing(pg).up).not.toContain(moved);
  expect(map.pgsOfOsd(moved, all)).not.toContainEqual(pg);
});

test('what is kept of the PGs of an OSD is what a look at all PGs finds', () => {
  const isEven = (pg: PgId): boolean => pg.seed % 2 === 0;
  let kept = 0;
  fc.assert(
    fc.property(fc.array(patch, { minLength: 1, maxLength: 12 }), (patches) => {
      let map = builtMap();
      let before = [0, 1, 2].map((id) => map.pgsOfOsd(id, isEven));
      for (const p of patches) {
        map = nextMap(map, p);
        const found = [0, 1, 2].map((id) => map.pgsOfOsd(id, isEven));
        found.forEach((pgs, id) => {
          if (pgs === before[id]) kept++;
          const fresh = new OSDMap(map.data);
          const real = [...fresh.pgs()].filter((pg) => {
            const { up, acting } = fresh.pgToUpActing(pg);
            return isEven(pg) && (up.includes(id) || acting.includes(id));
          });
          expect(pgs.map(formatPgId)).toEqual(real.map(formatPgId));
        });
        before = found;
      }
    }),
    { numRuns: 150 },
  );
  expect(kept).toBeGreaterThan(100);
});
