import { expect, it } from 'vitest';
import type { OSDMap } from '../src/maps/index.ts';
import { sameMembers } from '../src/osd/pg/intervals.ts';
import { viewOf } from '../src/osd/shard/pg-view.ts';
import { hasMoved, placementOf, type Target } from '../src/rados/objecter/placement.ts';
import { formatPgId } from '../src/wire/index.ts';
import { builtMap, nextMap } from './support/built-osdmap.ts';

const POOL = 1;
const target: Target = { pool: POOL, namespace: '', name: '', key: '', pgHash: 0 };
const pgid = { pool: POOL, seed: 0 };
const key = formatPgId(pgid);
/** Its members serve in the place of others. */
const first = ((map: OSDMap): OSDMap => {
  const { acting } = map.pgToUpActing(pgid);
  return nextMap(map, { newPgTemp: new Map([[key, [...acting].reverse()]]) });
})(builtMap());
const pool = first.pool(POOL)!;
const { up } = first.pgToUpActing(pgid);
const other = first.osds().find((osd) => !up.includes(osd))!;

// The OSD drops a listing that it gets in another interval than the one it was sent in.
it.each([
  ['the copies needed', { newPools: new Map([[POOL, { ...pool, minSize: 1 }]]) }],
  ['who should be a member', { newPgUpmapItems: new Map([[key, [[up[0]!, other]]]]) }],
  ['who should be primary', { newPrimaryAffinity: new Map([[up[0]!, 0]]) }],
  ['a member', { newPgTemp: new Map([[key, [...up.slice(0, 2), other]]]) }],
] as const)('a request is sent again when a map changes %s, as its PG forgets it', (_, change) => {
  const next = nextMap(first, change as Parameters<typeof nextMap>[1]);
  const hasForgotten = !sameMembers(viewOf(first, pgid), viewOf(next, pgid));
  expect(hasForgotten).toBe(true);
  expect(hasMoved(next, target, placementOf(first, target)!)).toBe(true);
});

it('a request is not sent again when a map changes nothing for its PG', () => {
  const next = nextMap(first, { newFlags: 1 << 9 });
  expect(hasMoved(next, target, placementOf(first, target)!)).toBe(false);
});
