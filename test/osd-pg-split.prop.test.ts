import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { newPgPool, type PgPool, splitBits, stableMod } from '../src/maps/index.ts';
import { ENTRY, type LogEntry, oidKey, TOTALS_ZERO } from '../src/osd/log/log-entry.ts';
import { hashOfEntry, Logged } from '../src/osd/log/logged.ts';
import type { PgView } from '../src/osd/pg/intervals.ts';
import { pgMeta } from '../src/osd/pg/pg-collection.ts';
import { emptyInfo, isBlank } from '../src/osd/pg/pg-info.ts';
import { storedView } from '../src/osd/pg/pg-life.ts';
import { mergeAll } from '../src/osd/pg/pg-merge.ts';
import { splitPg } from '../src/osd/pg/pg-split.ts';
import { PgState } from '../src/osd/pg/pg-state.ts';
import { firstObject, Import } from '../src/osd/recovery/import.ts';
import { MemoryStore, type StoreOp } from '../src/store/index.ts';
import {
  EVERSION_ZERO,
  type EVersion,
  type HObject,
  type PgId,
  TIME_ZERO,
} from '../src/wire/index.ts';
import { objectNamed } from './support/pg-views.ts';

const POOL = 1;
const object = (name: string, hash: number): HObject => objectNamed(name, hash, POOL);
const v = (epoch: number, version: number): EVersion => ({ epoch, version: BigInt(version) });

function viewAt(epoch: number, pgCount: number, seed: number, isMerging = false): PgView {
  return {
    epoch,
    up: [0, 1],
    upPrimary: 0,
    acting: [0, 1],
    primary: 0,
    size: 2,
    minSize: 1,
    pgCount,
    bits: splitBits(seed, pgCount),
    isMerging,
    upFrom: [1, 1],
    upThru: epoch,
  };
}

function entryOf(oid: HObject, version: EVersion, previous: EVersion, objects: number): LogEntry {
  return {
    kind: ENTRY.modify,
    version,
    previous,
    prior: EVERSION_ZERO,
    oid,
    reqid: { name: { type: 8, num: 4100 }, tid: version.version, inc: 0 },
    userVersion: version.version,
    result: 0,
    totals: { ...TOTALS_ZERO, objects, bytes: objects * 10, lastUserVersion: version.version },
  };
}

/** A store with a PG, in which objects of theshashOfEntry(e.bytes)es were written one after another. */
async function pgWith(pgid: PgId, pgCount: number, hashes: readonly number[], missing = 0) {
  const store = new MemoryStore();
  const view = viewAt(4, pgCount, pgid.seed);
  const info = { ...emptyInfo(2, storedView(view), 2), lastEpochStarted: 4, started: 4 };
  const state = new PgState(pgid, info);
  await store.submit(state.create());
  let head = EVERSION_ZERO;
  const objects = new Map<string, HObject>();
  for (const [i, hash] of hashes.entries()) {
    const oid = object(`o${hash.toString(16)}`, hash);
    objects.set(oid.name, oid);
    const version = v(4, i + 1);
    const item = Logged.of(entryOf(oid, version, head, objects.size));
    await store.submit([{ op: 'touch', c: state.c, oid }, state.append(item)]);
    head = version;
  }
  const lacking = [...objects.values()].slice(0, missing);
  await store.submit(state.addMissing(lacking.map((oid) => ({ oid, need: head }))));
  return { store, state, view, objects: [...objects.values()] };
}

function contents(store: MemoryStore, { c, pgid }: PgState): string[] {
  const { objects } = store.list(c, firstObject(pgid.pool), 1000);
  return objects.map((o) => o.name).sort();
}

/** What a restart would find is what memory has. */
function expectStored(store: MemoryStore, state: PgState): void {
  const found = PgState.load(store, state.pgid)!;
  expect(found.current()).toEqual(state.current());
  expect([...found.missing]).toEqual(expect.arrayContaining([...state.missing]));
  expect(found.missing.size).toBe(state.missing.size);
  expect(found.log.after(found.log.tail)).toEqual(state.log.after(state.log.tail));
  expect(store.bounds(state.c)?.bits).toBe(splitBits(state.pgid.seed, state.info.view.pgCount));
}

const hashesOf = (pgCount: number, seed: number) =>
  fc
    .array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 30 })
    .map((all) => all.filter((hash) => stableMod(hash, pgCount) === seed));

describe('a PG that is split', () => {
  it('leaves each part its objects, entries, missing objects and place in an import, also on disk', async () => {
    const shape = fc
      .record({ few: fc.integer({ min: 1, max: 6 }), more: fc.integer({ min: 1, max: 20 }) })
      .chain(({ few, more }) =>
        fc.nat(few - 1).chain((seed) =>
          fc.record({
            few: fc.constant(few),
            pgCount: fc.constant(few + more),
            seed: fc.constant(seed),
            hashes: hashesOf(few, seed),
            missing: fc.nat(5),
            imports: fc.boolean(),
          }),
        ),
      );
    await fc.assert(
      fc.asyncProperty(shape, async ({ few, pgCount, seed, hashes, missing, imports }) => {
        const { store, state, view, objects } = await pgWith(
          { pool: POOL, seed },
          few,
          hashes,
          missing,
        );
        const base = state.log.head;
        if (imports) {
          state.import = new Import({ base, cursor: firstObject(POOL), sources: [3] }, []);
        }
        const before = state.log.after(state.log.tail);
        const lacking = [...state.missing.keys()];
        const totals = state.totals;
        const { parts, ops } = splitPg(state, view, pgCount, (p) => viewAt(7, pgCount, p.seed));
        await store.submit(ops);
        const entries = parts.flatMap((part) => [...part.log.after(part.log.tail)]);
        expect(entries).toHaveLength(before.length);
        expect(parts.flatMap((part) => [...part.missing.keys()]).sort()).toEqual(lacking.sort());
        for (const key of ['objects', 'bytes', 'wr'] as const) {
          expect(parts.reduce((n, part) => n + part.totals[key], 0)).toBe(totals[key]);
        }
        for (const part of parts) {
          const mine = (hash: number): boolean => stableMod(hash, pgCount) === part.pgid.seed;
          const names = objects.filter((o) => mine(o.hash)).map((o) => o.name);
          expect(contents(store, part)).toEqual(names.sort());
          expect(part.log.after(part.log.tail).every((e) => mine(hashOfEntry(e.bytes)))).toBe(true);
          expect([...part.missing.values()].every((m) => mine(m.oid.hash))).toBe(true);
          for (const { reqidKey } of part.log.after(part.log.tail)) {
            expect(part.log.find(reqidKey)).toBeDefined();
          }
          // A PG that has nothing to give away has no new interval either.
          const isSplit = parts.length > 1;
          expect(part.info.since).toBe(isSplit ? 7 : 4);
          const ended = [expect.objectContaining({ first: 4, last: 6 })];
          expect(part.info.history).toEqual(isSplit ? ended : []);
          expect(part.import === undefined).toBe(!imports);
          if (part.import) expect(part.log.reaches(part.import.base)).toBe(true);
          expectStored(store, part);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('has parts on members with equal logs that are equal, and continue each other where one is behind', async () => {
    const hashes = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), {
      minLength: 1,
      maxLength: 30,
    });
    await fc.assert(
      fc.asyncProperty(
        hashes,
        fc.nat(29),
        fc.integer({ min: 2, max: 9 }),
        async (all, n, count) => {
          const pgid = { pool: POOL, seed: 0 };
          const ahead = await pgWith(pgid, 1, all);
          const behind = await pgWith(pgid, 1, all.slice(0, n));
          const view = (p: PgId) => viewAt(7, count, p.seed);
          const [a, b] = [ahead, behind].map((x) => splitPg(x.state, x.view, count, view).parts);
          for (const [i, part] of a!.entries()) {
            const other = b![i]!;
            expect(part.pgid).toEqual(other.pgid);
            expect(part.log.reaches(other.log.head)).toBe(true);
            const common = part.log.newestCommon(other.log.tail, [other.log.head]);
            expect(common).toEqual(other.log.head);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('PGs that are merged', () => {
  const EPOCH = 9;
  const site = {
    storeSince: 2,
    takeOver: ({ pool, seed }: PgId, bits: number): StoreOp[] => [
      { op: 'mkcoll', c: `${pool}.${seed.toString(16)}`, bounds: { pool, seed, bits } },
    ],
  };

  function poolOf(source: PgState, target: PgState, pgNum: number): PgPool {
    const made = { type: 1, size: 2, minSize: 1, crushRule: 0, pgNum, createTime: TIME_ZERO };
    const lastPgMergeMeta = {
      sourcePgid: source.pgid,
      readyEpoch: EPOCH,
      lastEpochStarted: 6,
      lastEpochClean: 6,
      sourceVersion: source.log.head,
      targetVersion: target.log.head,
    };
    return { ...newPgPool(made), lastPgMergeMeta };
  }

  /** One store with PGs 0 and 1 of two, as a split makes them. */
  async function pair(hashes: readonly number[], missing = 0) {
    const { store, state, view, objects } = await pgWith(
      { pool: POOL, seed: 0 },
      1,
      hashes,
      missing,
    );
    const { parts, ops } = splitPg(state, view, 2, (p) => viewAt(7, 2, p.seed));
    await store.submit(ops);
    const all = parts.map((part) => ({
      seed: part.pgid.seed,
      bits: 1,
      half: { state: part, before: viewAt(8, 2, part.pgid.seed, true) },
    }));
    return { store, target: parts[0]!, source: parts[1]!, all, objects };
  }

  async function merged(p: Awaited<ReturnType<typeof pair>>, pool: PgPool, all = p.all) {
    const done = mergeAll(POOL, all, pool, viewAt(EPOCH, 1, 0), site);
    await p.store.submit(done.ops as StoreOp[]);
    return done.merged;
  }

  const hashes = fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 30 });

  it('are one with all objects, and remember all requests, also on disk', async () => {
    await fc.assert(
      fc.asyncProperty(hashes, async (all) => {
        const p = await pair(all);
        const requests = [p.target, p.source].flatMap(({ log }) => [...log.after(log.tail)]);
        const objects = p.target.totals.objects + p.source.totals.objects;
        const state = await merged(p, poolOf(p.source, p.target, 1));
        expect(contents(p.store, state)).toEqual(p.objects.map((o) => o.name).sort());
        expect(p.store.hasCollection(p.source.c)).toBe(false);
        expect(state.log.head).toEqual(v(EPOCH, Number(state.log.head.version)));
        expect(state.info).toMatchObject({
          lastEpochStarted: 6,
          started: 6,
          clean: 6,
          since: EPOCH,
        });
        expect(state.totals.objects).toBe(objects);
        expectStored(p.store, state);
        const found = PgState.load(p.store, state.pgid)!;
        for (const { reqidKey, version } of requests) {
          expect(found.log.find(reqidKey)?.version).toEqual(version);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('have a version that those who have both just so share, and nobody else reaches', async () => {
    const hashes2 = [0, 1, 2, 3, 4, 5];
    const whole = [await pair(hashes2), await pair(hashes2)];
    const pool = poolOf(whole[0]!.source, whole[0]!.target, 1);
    const [a, b] = await Promise.all(whole.map((p) => merged(p, pool)));
    expect(a!.log.head).toEqual(b!.log.head);
    const others = [
      await merged(await pair(hashes2.slice(0, 5)), pool),
      await merged(await pair([...hashes2, 6]), pool),
      await merged(await pair(hashes2, 2), pool),
    ];
    for (const other of others) {
      expect(a!.log.reaches(other.log.head)).toBe(false);
      expect(other.log.reaches(a!.log.head)).toBe(false);
    }
    // What was not whole is still known to be missing, or may be anything.
    expect([...others[2]!.missing.values()].map((m) => oidKey(m.oid)).sort()).toEqual(['o0', 'o1']);
  });

  it('leave one that never had the other without a say, but with its objects', async () => {
    for (const kept of [0, 1]) {
      const p = await pair([0, 1, 2, 3]);
      const pool = poolOf(p.source, p.target, 1);
      const gone = kept === 0 ? p.source : p.target;
      const names = contents(p.store, kept === 0 ? p.target : p.source);
      const removed = p.objects.filter((o) => o.hash % 2 !== kept);
      await p.store.submit([
        ...removed.map((oid): StoreOp => ({ op: 'remove', c: gone.c, oid })),
        { op: 'remove', c: gone.c, oid: pgMeta(gone.pgid) },
        { op: 'rmcoll', c: gone.c },
      ]);
      const state = await merged(p, pool, [p.all[kept]!]);
      expect(isBlank(state.current())).toBe(true);
      expect(contents(p.store, state)).toEqual(names);
      expectStored(p.store, state);
    }
  });

  it('take over what is being removed of one that was here once', async () => {
    const p = await pair([0, 1, 2, 3]);
    const pool = poolOf(p.source, p.target, 1);
    const asked: number[][] = [];
    const done = mergeAll(POOL, [p.all[0]!], pool, viewAt(EPOCH, 1, 0), {
      storeSince: 2,
      takeOver: ({ seed }, bits) => {
        asked.push([seed, bits]);
        return [{ op: 'remove', c: p.source.c, oid: pgMeta(p.source.pgid) }];
      },
    });
    await p.store.submit(done.ops as StoreOp[]);
    expect(asked).toEqual([[1, 1]]);
    expect(contents(p.store, done.merged)).toEqual(['o0', 'o1', 'o2', 'o3']);
    expect(isBlank(done.merged.current())).toBe(true);
  });

  it('may be many after a gap in the maps', async () => {
    const { store, state, view, objects } = await pgWith(
      { pool: POOL, seed: 0 },
      1,
      [0, 1, 2, 3, 4, 5, 6, 7],
    );
    const split = splitPg(state, view, 7, (p) => viewAt(7, 7, p.seed));
    await store.submit(split.ops);
    const all = split.parts.map((part) => ({
      seed: part.pgid.seed,
      bits: splitBits(part.pgid.seed, 7),
      half: { state: part, before: viewAt(8, 7, part.pgid.seed) },
    }));
    const pool = poolOf(split.parts[1]!, split.parts[0]!, 1);
    const done = mergeAll(POOL, all, pool, viewAt(40, 1, 0), site);
    await store.submit(done.ops as StoreOp[]);
    expect(contents(store, done.merged)).toEqual(objects.map((o) => o.name).sort());
    expect(store.collections()).toEqual(['1.0']);
    expectStored(store, done.merged);
  });
});
