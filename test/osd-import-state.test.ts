// What a member in the middle of an import finds when it is started again.
import { describe, expect, it } from 'vitest';
import { ENTRY, type LogEntry, TOTALS_ZERO } from '../src/osd/log/log-entry.ts';
import { Logged } from '../src/osd/log/logged.ts';
import { encodeObjectInfo, INFO_ATTR, INFO_NEW } from '../src/osd/ops/index.ts';
import type { PgHost } from '../src/osd/pg/pg-host.ts';
import { emptyInfo } from '../src/osd/pg/pg-info.ts';
import { PgState } from '../src/osd/pg/pg-state.ts';
import { firstObject } from '../src/osd/recovery/import.ts';
import { listVersions } from '../src/osd/recovery/listing.ts';
import { MemoryStore, type StoreOp } from '../src/store/index.ts';
import { EVERSION_ZERO, type EVersion, HOBJECT_MAX, type HObject } from '../src/wire/index.ts';
import { loneView, objectNamed } from './support/pg-views.ts';

const PGID = { pool: 1, seed: 0 };
const v = (version: number): EVersion => ({ epoch: 2, version: BigInt(version) });
const VIEW = loneView(2);

function entry(version: number, name: string, kind: number = ENTRY.modify): Logged {
  const made: LogEntry = {
    kind,
    version: v(version),
    previous: v(version - 1),
    prior: EVERSION_ZERO,
    oid: objectNamed(name),
    reqid: { name: { type: 8, num: 1 }, tid: BigInt(version), inc: 0 },
    userVersion: BigInt(version),
    result: 0,
    totals: TOTALS_ZERO,
  };
  return Logged.of(made);
}
const LOG = [entry(6, 'made'), entry(7, 'gone', ENTRY.delete), entry(8, 'changed')];
/** Which objects are here, in which versions. */
const have = (versions: Record<string, number>) => (o: HObject) =>
  versions[o.name] === undefined ? undefined : v(versions[o.name]!);

async function member() {
  const store = new MemoryStore();
  const state = new PgState(PGID, emptyInfo(0, VIEW, 1));
  await store.submit(state.create());
  const run = (ops: readonly StoreOp[]) => store.submit([...ops]);
  const again = () => PgState.load(store, PGID)!;
  return { store, state, run, again };
}

describe('an import that is stored', () => {
  it('begins with the log, what that says of objects, and nothing listed, in one transaction', async () => {
    const { state, run, again } = await member();
    await run(state.takeOver(v(5), LOG, [3, 4], have({ changed: 8, made: 2 })));
    const found = again();
    expect(found.info.import).toEqual({ base: v(5), cursor: firstObject(1), sources: [3, 4] });
    expect([found.log.tail, found.log.head, found.log.length]).toEqual([v(5), v(8), 3]);
    // Here already in the right version: not missing.
    expect([...found.missing.keys()]).toEqual(['made']);
    const { frontier } = found.import!;
    const isOpen = (name: string) => frontier.isBeyond(name, objectNamed(name));
    expect(['made', 'gone', 'changed', 'other'].map(isOpen)).toEqual([false, false, false, true]);
  });

  it('goes on behind the last page, and ends with the last object', async () => {
    const { state, run, again } = await member();
    await run(state.takeOver(v(5), LOG, [3], have({ changed: 8, made: 6 })));
    const page = {
      from: firstObject(1),
      objects: [{ oid: objectNamed('a'), need: v(1) }],
      next: objectNamed('b'),
    };
    await run(state.listed(state.import!, page, [], have({})).ops);
    const middle = again();
    expect(middle.info.import!.cursor).toEqual(objectNamed('b'));
    expect([...middle.missing.keys()]).toEqual(['a']);
    const rest = { from: objectNamed('b'), objects: [], next: HOBJECT_MAX };
    await run(middle.listed(middle.import!, rest, [], have({})).ops);
    expect(again().import!.isListed).toBe(true);
    await run(middle.removeMissing('a'));
    expect([again().import, again().missing.size]).toEqual([undefined, 0]);
  });

  it('keeps its log whole while it lists, and cuts it afterwards', async () => {
    const { state, run } = await member();
    await run(state.takeOver(v(5), LOG, [3], have({ changed: 8, made: 6 })));
    expect(state.trim(v(7), 100)).toEqual([]);
    expect(state.log.length).toBe(3);
    const all = { from: firstObject(1), objects: [], next: HOBJECT_MAX };
    await run(state.listed(state.import!, all, [], have({})).ops);
    await run(state.trim(v(7), 100));
    expect(state.log.length).toBe(1);
  });

  it('lets an earlier base decide when its log is rewound', async () => {
    const { state, run, again } = await member();
    await run(state.takeOver(v(5), LOG.slice(0, 2), [3], have({})));
    await run(state.adopt(v(5), [entry(9, 'other')]));
    expect(again().info.import!.base).toEqual(v(5));
    // Taken back: it did not exist before.
    expect([...again().missing.keys()]).toEqual(['other']);
    const { frontier } = state.import!;
    expect(frontier.isBeyond('made', objectNamed('made'))).toBe(false);
  });

  it('is begun from nothing by what an old version left half done', async () => {
    const { state, run, again } = await member();
    state.info = { ...state.info, complete: false, lastEpochStarted: 2 };
    await run([state.saveInfo()]);
    const found = again();
    expect(found.import!.info).toEqual({
      base: EVERSION_ZERO,
      cursor: firstObject(1),
      sources: [],
    });
    await run(found.adopt(EVERSION_ZERO, LOG));
    expect(again().info.complete).toBe(true);
    expect([...again().missing.keys()].sort()).toEqual(['changed', 'made']);
  });
});

describe('a holder that cannot read the record of an object', () => {
  it('lists what comes before it, and leaves the rest to others', async () => {
    const { store, state } = await member();
    const info = (n: number) => encodeObjectInfo({ ...INFO_NEW, version: v(n) });
    for (const [i, name] of ['a', 'b', 'c'].entries()) {
      const attrs = new Map([[INFO_ATTR, info(i + 1)]]);
      await store.submit([
        { op: 'touch', c: state.c, oid: objectNamed(name) },
        { op: 'setattrs', c: state.c, oid: objectNamed(name), attrs },
      ]);
    }
    const bad = { op: 'setattrs', c: state.c, oid: objectNamed('b') } as const;
    await store.submit([{ ...bad, attrs: new Map([[INFO_ATTR, Buffer.from('no record')]]) }]);
    const host = { store, listMax: 10, log: () => {} } as unknown as PgHost;
    const page = listVersions(host, state, firstObject(1), HOBJECT_MAX);
    expect(page.objects.map((o) => o.oid.name)).toEqual(['a']);
    expect(page.next.name).toBe('b');
    const beyond = listVersions(host, state, page.next, HOBJECT_MAX);
    expect([beyond.objects, beyond.next.name]).toEqual([[], 'b']);
  });
});
