// PGs that wait for their turns to be split or merged, while maps come and the OSD dies and comes back.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OSD_STATE, type OSDMap, type PgPool, splitBits, stableMod } from '../src/maps/index.ts';
import { ENTRY, TOTALS_ZERO } from '../src/osd/log/log-entry.ts';
import { Logged } from '../src/osd/log/logged.ts';
import { firstObject } from '../src/osd/recovery/import.ts';
import type { StoreOp } from '../src/store/index.ts';
import { EVERSION_ZERO, type HObject, parsePgId, SNAP_HEAD } from '../src/wire/index.ts';
import { builtMap, nextMap } from './support/built-osdmap.ts';
import { LONG_MS, LoneShard } from './support/lone-shard.ts';

const POOL = 1;
const FIRST_PGS = 4;

/** What the next map changes. */
type Change =
  | { readonly kind: 'pgs'; readonly pgNum: number }
  | { readonly kind: 'weight'; readonly osd: number; readonly isIn: boolean }
  | { readonly kind: 'vouched'; readonly osd: number }
  | { readonly kind: 'down'; readonly osd: number };

function pools(map: OSDMap, patch: Partial<PgPool>) {
  return new Map([[POOL, { ...map.pool(POOL)!, ...patch }]]);
}

/** The first map that the OSD sees, and those that follow. */
function mapsOf(changes: readonly Change[]): OSDMap[] {
  const counts = (n: number) => ({ pgNum: n, pgNumPending: n, pgpNum: n });
  const built = builtMap();
  const maps = [nextMap(built, { newPools: pools(built, counts(FIRST_PGS)) })];
  for (const change of changes) {
    const map = maps.at(-1)!;
    switch (change.kind) {
      case 'pgs': {
        const { pgNum } = change;
        const pgpNum = Math.min(pgNum, FIRST_PGS);
        const patch = { ...counts(pgNum), pgpNum };
        maps.push(nextMap(map, { newPools: pools(map, patch) }));
        break;
      }
      case 'weight':
        maps.push(nextMap(map, { newWeight: new Map([[change.osd, change.isIn ? 0x10000 : 0]]) }));
        break;
      case 'vouched':
        maps.push(nextMap(map, { newUpThru: new Map([[change.osd, map.epoch]]) }));
        break;
      case 'down':
        maps.push(nextMap(map, { newState: new Map([[change.osd, OSD_STATE.up]]) }));
    }
  }
  return maps;
}

/** Writes to the PGs that are here. */
async function write(lone: LoneShard): Promise<void> {
  for (let n = 0; n < 40; n++) {
    const hash = Math.imul(n + 1, 0x9e3779b1) >>> 0;
    const pg = lone.shard.pg({ pool: POOL, seed: stableMod(hash, FIRST_PGS) });
    if (!pg) continue;
    const { state } = pg;
    const oid = objectOf(n, hash);
    const { epoch } = lone.maps[0]!;
    const version = { epoch, version: state.log.head.version + 1n };
    const entry = Logged.of({
      ...{ kind: ENTRY.modify, version, previous: state.log.head, prior: EVERSION_ZERO, oid },
      reqid: { name: { type: 8, num: 1 }, tid: BigInt(n), inc: 0 },
      ...{ userVersion: version.version, result: 0, totals: { ...TOTALS_ZERO, objects: n } },
    });
    const ops: StoreOp[] = [{ op: 'touch', c: state.c, oid }, state.append(entry)];
    if (n % 5 === 0) ops.push(...state.addMissing([{ oid, need: version }]));
    void lone.store.submit(ops);
  }
  await lone.pass(LONG_MS);
}

/** All that is here, as memory and the store have it. */
function factsOf(lone: LoneShard): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const c of lone.store.collections()) {
    if (!c.startsWith(`${POOL}.`)) continue;
    const pgid = parsePgId(c)!;
    const state = lone.shard.pg(pgid)?.state;
    out[c] = {
      bits: lone.store.bounds(c)?.bits,
      objects: lone.store.list(c, firstObject(POOL), 1000).objects.map((o) => o.name),
      info: state?.current(),
      entries: state?.log.after(state.log.tail).map((e) => e.entry.oid.name),
      missing: state && [...state.missing.keys()].sort(),
    };
  }
  return out;
}

function objectOf(n: number, hash: number): HObject {
  const name = `o${n}`;
  return { key: '', name, snap: SNAP_HEAD, hash, max: false, namespace: '', pool: POOL };
}

const osd = fc.constantFrom(0, 1, 2, 4, 5, 6, 7);
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ kind: fc.constant('pgs' as const), pgNum: fc.integer({ min: 1, max: 24 }) }),
  fc.record({ kind: fc.constant('weight' as const), osd, isIn: fc.boolean() }),
  fc.record({ kind: fc.constant('vouched' as const), osd: fc.nat(7) }),
  fc.record({ kind: fc.constant('down' as const), osd }),
);
const act = fc.oneof(
  fc.record({ feed: fc.integer({ min: 1, max: 3 }), ms: fc.nat(6) }),
  fc.record({ feed: fc.constant(0), ms: fc.nat(3) }),
);

it('makes of its PGs what one makes that is never behind, however the maps come and whenever it dies', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(change, { minLength: 1, maxLength: 8 }),
      fc.array(act, { maxLength: 25 }),
      fc.nat(1000),
      async (changes, acts, seed) => {
        const maps = mapsOf(changes);
        const [steady, other] = [new LoneShard(maps, seed), new LoneShard(maps, seed)];
        for (const lone of [steady, other]) {
          await lone.start();
          lone.feed(1);
          await lone.pass(LONG_MS);
          await write(lone);
        }
        while (!steady.hasSeenAll) {
          steady.feed(1);
          await steady.pass(LONG_MS);
        }
        for (const { feed, ms } of acts) {
          other.feed(feed);
          await other.pass(ms);
          // Nothing asked for: it dies where it is.
          if (feed === 0) await other.crash();
        }
        for (const isAgain of [false, true]) {
          if (isAgain) await other.crash();
          other.feed();
          await other.pass(LONG_MS);
          const theirs = factsOf(other);
          expect(theirs).toEqual(factsOf(steady));
          for (const c of Object.keys(theirs)) {
            const { pgNum } = maps.at(-1)!.pool(POOL)!;
            const facts = theirs[c] as { bits: number; info: unknown };
            expect(facts.bits).toBe(splitBits(parsePgId(c)!.seed, pgNum));
            expect(facts.info).toBeDefined();
          }
        }
      },
    ),
    { numRuns: 40 },
  );
}, 60_000);
