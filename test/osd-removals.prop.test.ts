// PGs whose objects are being removed, and a merge that needs their collections at any moment of that.
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { SimProcess } from '../sim/process.ts';
import { Dice } from '../sim/random.ts';
import { Timeline } from '../sim/timeline.ts';
import { VolatileDisk } from '../sim/volatile-store.ts';
import { splitBits, stableMod } from '../src/maps/index.ts';
import { pgMeta } from '../src/osd/pg/pg-collection.ts';
import { firstObject } from '../src/osd/recovery/import.ts';
import { Removals } from '../src/osd/shard/removals.ts';
import type { ObjectStore, StoreOp } from '../src/store/index.ts';
import { formatPgId, HOBJECT_MIN, parsePgId, SNAP_HEAD } from '../src/wire/index.ts';

const POOL = 1;
/** Commits take this long: a removal of some hundred objects is under way for some of them. */
const PACE = { commitMinMs: 1, commitMaxMs: 20, readMaxMs: 0 };
const LONG_MS = 1000;

/** An OSD that does nothing but remove what is in its store. */
class Remover {
  readonly removed: string[] = [];
  readonly failures: unknown[] = [];
  store!: ObjectStore;
  removals!: Removals;
  readonly timeline = new Timeline();
  private readonly disk: VolatileDisk;
  private process!: SimProcess;

  constructor(seed: number) {
    this.disk = new VolatileDisk(this.timeline, new Dice(seed, 'disk'), PACE, 1 << 30);
  }

  async start(): Promise<void> {
    this.process = new SimProcess(this.timeline, 'osd', '', { rate: 1, offsetMs: 0 });
    const store = await this.disk.open(this.process);
    this.store = store;
    this.removals = new Removals({
      store,
      submit: (txn) => store.submit(txn),
      fatal: (e) => this.failures.push(e),
      removed: (pgid) => this.removed.push(formatPgId(pgid)),
    });
  }

  /** As the registry, when it loads a store with nothing but remains. */
  begin(): void {
    for (const c of this.store.collections()) {
      this.removals.begin(parsePgId(c)!, this.store.bounds(c)!.bits);
    }
  }

  async restart(): Promise<void> {
    this.process.kill();
    this.disk.crash();
    await this.start();
  }

  async wait(ms: number): Promise<void> {
    await this.timeline.run(this.timeline.now + ms, () => false);
  }

  names(c: string): string[] {
    const { objects } = this.store.list(c, firstObject(POOL), 1000);
    return objects.map((o) => o.name).sort();
  }
}

function contents(pgCount: number, seeds: readonly number[], objects: number): StoreOp[] {
  const ops: StoreOp[] = [];
  for (const seed of seeds) {
    const pgid = { pool: POOL, seed };
    const c = formatPgId(pgid);
    ops.push({ op: 'mkcoll', c, bounds: { ...pgid, bits: splitBits(seed, pgCount) } });
    // What a removal that begins anew after a crash may find.
    ops.push({ op: 'touch', c, oid: pgMeta(pgid) });
  }
  for (let n = 0; n < objects; n++) {
    const hash = Math.imul(n, 0x9e3779b1) >>> 0;
    const seed = stableMod(hash, pgCount);
    if (!seeds.includes(seed)) continue;
    const oid = { ...HOBJECT_MIN, name: `o${n}`, snap: SNAP_HEAD, hash, pool: POOL };
    ops.push({ op: 'touch', c: formatPgId({ pool: POOL, seed }), oid });
  }
  return ops;
}

const shape = fc.integer({ min: 2, max: 9 }).chain((pgCount) =>
  fc.record({
    seed: fc.nat(1000),
    pgCount: fc.constant(pgCount),
    seeds: fc.subarray(Array.from({ length: pgCount }, (_, i) => i)),
    objects: fc.constantFrom(0, 10, 500),
    restartMs: fc.option(fc.nat(40)),
    mergeMs: fc.nat(60),
  }),
);

it('a merge gets what is left of PGs at any moment of their removal, the last one and after a restart included', async () => {
  await fc.assert(
    fc.asyncProperty(shape, async ({ seed, pgCount, seeds, objects, restartMs, mergeMs }) => {
      const osd = new Remover(seed);
      await osd.start();
      await Promise.all([osd.store.submit(contents(pgCount, seeds, objects)), osd.wait(100)]);
      osd.begin();
      if (restartMs !== null) {
        await osd.wait(restartMs);
        await osd.restart();
        osd.begin();
      }
      await osd.wait(mergeMs);

      // All that ends in 1 becomes part of one PG; whoever had it had more of them when they were removed.
      const half = { pool: POOL, seed: 1 };
      const isOurs = (c: string): boolean => parsePgId(c)!.seed % 2 === 1;
      const left = osd.store
        .collections()
        .filter(isOurs)
        .flatMap((c) => osd.names(c));
      const before = osd.removed.filter(isOurs);
      const objectsLeft = left.filter((name) => name.startsWith('o')).sort();
      await Promise.all([osd.store.submit(osd.removals.takeOver(half, 1)), osd.wait(LONG_MS)]);

      expect(osd.failures).toEqual([]);
      expect(osd.store.collections()).toEqual(['1.1']);
      expect(osd.store.bounds('1.1')).toEqual({ ...half, bits: 1 });
      expect(osd.names('1.1')).toEqual(objectsLeft);
      expect(osd.removed.filter(isOurs)).toEqual(before);
      expect(osd.removals.overlaps({ pool: POOL, seed: 0 }, 0)).toBe(false);
      await osd.restart();
      expect(osd.names('1.1')).toEqual(objectsLeft);
    }),
    { numRuns: 150 },
  );
});
