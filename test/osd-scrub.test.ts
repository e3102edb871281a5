// Whole OSDs in virtual time whose copies go bad: scrubs find and repair that while clients go on, and reads never see it.
import { describe, expect, it } from 'vitest';
import { crc32c, decodeAll } from '../src/codec/index.ts';
import { decodeObjectInfo, INFO_ATTR, type ObjectInfo } from '../src/osd/ops/index.ts';
import { listObjects } from '../src/osd/pg/pg-collection.ts';
import type { ClientOp, OpAnswer } from '../src/osd/requests/client-request.ts';
import { Mending } from '../src/osd/requests/mending.ts';
import type { ObjectState } from '../src/osd/requests/object-states.ts';
import { PendingOps } from '../src/osd/requests/pending-ops.ts';
import {
  MScrubMap,
  MScrubReserve,
  MScrubScan,
  SCRUB_WORD,
} from '../src/osd/scrub/scrub-messages.ts';
import { requestedPlan } from '../src/osd/scrub/scrub-plan.ts';
import type { StoreOp } from '../src/store/index.ts';
import {
  decodeFront,
  type HObject,
  InconsistentObject,
  OSD_OP,
  type ScrubLsResult,
  SHARD_ERROR,
} from '../src/wire/index.ts';
import { ask, contentsOf, perform, type SimNode, SimWorld } from './support/osd-sim.ts';

const PGID = { pool: 1, seed: 0 };
const NAMES = ['a', 'b', 'c', 'd', 'e', 'f'];

const primary = (world: SimWorld): SimNode => world.nodes[world.view.primary]!;
const tail = (world: SimWorld): string =>
  [...world.clusterLog, ...world.lines.slice(-20)].join('\n');

async function until(world: SimWorld, isSo: () => boolean, ms = 20_000): Promise<void> {
  for (let at = 0; at < ms && !isSo(); at += 20) await world.time.until(20);
  expect(isSo(), tail(world)).toBe(true);
}

let tid = 0;
async function request(
  world: SimWorld,
  name: string,
  code: number,
  data = Buffer.alloc(0),
  mayWrite = code === OSD_OP.APPEND,
): Promise<OpAnswer> {
  let answer: OpAnswer | undefined;
  const asked = { client: 1, tid: ++tid, name, code, data, mayWrite, ack: 'journal' } as const;
  ask(world, asked, (a) => {
    answer = a;
  });
  await until(world, () => answer !== undefined);
  return answer!;
}

async function began(options: ConstructorParameters<typeof SimWorld>[1] = {}): Promise<SimWorld> {
  const world = new SimWorld(1, options);
  await world.begin();
  for (const name of NAMES) {
    const data = Buffer.from(`${name} is what it is. `);
    expect((await request(world, name, OSD_OP.APPEND, data)).result).toBe(0);
  }
  await until(world, () => primary(world).pg!.isClean);
  return world;
}

function order(world: SimWorld, deep: boolean, repair = false): void {
  const { scrubber } = primary(world).pg!;
  scrubber.request(requestedPlan({ deep, repair }));
  expect(scrubber.look(world.time.now)).toBe(true);
}

/** Runs a scrub to its end. @returns what it wrote to the cluster log */
async function scrub(world: SimWorld, deep: boolean, repair = false): Promise<string[]> {
  const from = world.clusterLog.length;
  order(world, deep, repair);
  await until(world, () => !primary(world).pg!.scrubber.isActive);
  return world.clusterLog.slice(from);
}

function oidOf(node: SimNode, name: string): HObject {
  return listObjects(node.contents, PGID, undefined, 100).objects.find((o) => o.name === name)!;
}

/** Behind the OSD's back. */
function spoil(node: SimNode, op: (oid: HObject) => StoreOp[], name = 'c'): void {
  void node.contents.submit(op(oidOf(node, name)));
}

const c = '1.0';
const attr = (name: string, value: string) => new Map([[name, Buffer.from(value)]]);
const FAULTS: Record<string, (oid: HObject) => StoreOp[]> = {
  'other data': (oid) => [{ op: 'write', c, oid, offset: 0, data: Buffer.from('X') }],
  'a lost object': (oid) => [{ op: 'remove', c, oid }],
  'another size': (oid) => [{ op: 'truncate', c, oid, size: 3 }],
  'an attribute too many': (oid) => [{ op: 'setattrs', c, oid, attrs: attr('_x', '1') }],
  'no info': (oid) => [{ op: 'rmattr', c, oid, name: INFO_ATTR }],
  'nonsense for info': (oid) => [{ op: 'setattrs', c, oid, attrs: attr(INFO_ATTR, '?') }],
  'omap entries': (oid) => [{ op: 'omapSet', c, oid, entries: attr('k', 'v') }],
  'an omap header': (oid) => [{ op: 'omapSetHeader', c, oid, header: Buffer.from('h') }],
};

async function expectEqualCopies(world: SimWorld): Promise<void> {
  const [first, ...others] = await Promise.all(world.nodes.map(contentsOf));
  expect([...first!.keys()]).toEqual(NAMES);
  for (const other of others) expect(other).toEqual(first);
  for (const node of world.nodes) {
    expect(node.fatal).toBeUndefined();
    const oid = oidOf(node, 'c');
    expect(node.contents.omapList(c, oid, { from: '', limit: 9 }).entries).toEqual([]);
    expect(node.contents.omapHeader(c, oid)).toBeUndefined();
  }
}

function listed(world: SimWorld): InconsistentObject[] {
  const all = { interval: 0, getSnapsets: 0, name: '', namespace: '', snap: 0n, maxReturn: 100n };
  const found = primary(world).pg!.scrubber.list(all);
  return (found as ScrubLsResult).values.map((bytes) => decodeAll(InconsistentObject, bytes));
}

/** crc32c of no omap at all. */
const NO_OMAP = 0xffff_ffff;

const digest = (text: string): number => crc32c(0xffff_ffff, Buffer.from(text));

function infoAt(node: SimNode, name: string): ObjectInfo {
  const oid = oidOf(node, name);
  return decodeObjectInfo(node.contents.getattr(c, oid, INFO_ATTR)!);
}

/** Each object's info tells of its data, on all members alike, or not at all. @returns how many do */
async function expectRightDigests(world: SimWorld): Promise<number> {
  let known = 0;
  const acting = world.view.acting.map((osd) => world.nodes[osd]!);
  const [first, ...others] = await Promise.all(acting.map(contentsOf));
  for (const other of others) expect(other).toEqual(first);
  for (const name of NAMES) {
    const { dataDigest } = infoAt(acting[0]!, name);
    if (dataDigest === undefined) continue;
    known++;
    const data = first!.get(name)!.split('|')[0]!;
    expect(dataDigest, name).toBe(digest(data));
  }
  return known;
}

it('a scrub of good copies finds nothing, and all members know when it was', async () => {
  const world = await began();
  world.scrubs = { ...world.scrubs, chunkMin: 2, chunkMax: 3 };
  await world.time.until(5000);
  expect(await scrub(world, false)).toEqual(['debug 1.0 scrub starts', 'debug 1.0 scrub ok']);
  expect(await scrub(world, true)).toEqual([
    'debug 1.0 deep-scrub starts',
    'debug 1.0 deep-scrub ok',
  ]);
  await world.time.until(200);
  const { history } = primary(world).pg!.scrubber;
  expect(history.lastDeepScrubStamp.sec).toBeGreaterThanOrEqual(5);
  expect(history.lastDeepScrub).toEqual(primary(world).pg!.state.log.head);
  for (const node of world.nodes) expect(node.pg!.state.info.scrub).toEqual(history);
  expect(primary(world).pg!.scrubber.names).toEqual([]);
});

describe.each(Object.keys(FAULTS))('%s', (fault) => {
  it.each([0, 1, 2])(
    'at osd.%i is found by a deep scrub, listed, and repaired from the others',
    async (bad) => {
      const world = await began();
      spoil(world.nodes[bad]!, FAULTS[fault]!);
      const found = await scrub(world, true);
      expect(found.at(-1)).toMatch(/^error 1\.0 deep-scrub [1-9]\d* errors$/);
      expect(primary(world).pg!.scrubber.names).toEqual(['inconsistent']);
      expect(listed(world).map((o) => o.object.name)).toEqual(['c']);
      const repaired = await scrub(world, true, true);
      expect(repaired.join('\n')).toMatch(
        /repair \d missing, \d inconsistent objects\n.*, 1 fixed/,
      );
      const { pg } = primary(world);
      await until(world, () => pg!.isClean && pg!.recovery.activeCount === 0);
      // Where not all errors were those of one copy, the PG is looked at once more by itself.
      pg!.scrubber.look(world.time.now);
      await until(world, () => !pg!.scrubber.isActive);
      await expectEqualCopies(world);
      expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
      expect(pg!.scrubber.names).toEqual([]);
      expect(listed(world)).toEqual([]);
      expect(world.nodes.map((n) => n.copiesReplaced)).toEqual(
        [0, 1, 2].map((n) => (n === bad ? 1 : 0)),
      );
    },
  );
});

it('what a device cannot read is found by a deep scrub only, and repaired', async () => {
  const world = await began();
  world.nodes[1]!.damaged.add('c');
  expect((await scrub(world, false)).at(-1)).toBe('debug 1.0 scrub ok');
  const found = await scrub(world, true);
  expect(found).toContain(
    'error 1.0 shard 1 soid 1:00000000:::c:head : candidate had a read error',
  );
  const [error] = listed(world);
  expect(error!.unionErrors).toBe(SHARD_ERROR.readError);
  await scrub(world, true, true);
  await until(world, () => primary(world).pg!.isClean);
  expect(world.nodes[1]!.damaged.size).toBe(0);
  await expectEqualCopies(world);
});

it('an object that only one member has is no reason to lose it', async () => {
  const world = await began();
  for (const osd of [0, 1]) spoil(world.nodes[osd]!, FAULTS['a lost object']!);
  const lines = await scrub(world, true, true);
  expect(lines).toContain('error 1.0 shard 1 1:00000000:::c:head : missing');
  await until(world, () => primary(world).pg!.isClean);
  await expectEqualCopies(world);
});

it('what a PG counts wrongly of itself is told, and a repair counts anew', async () => {
  const world = await began();
  const { state } = primary(world).pg!;
  const right = state.totals;
  state.stand({ ...right, objects: right.objects + 2, bytes: 7 }, false);
  const said = await scrub(world, false);
  expect(said[1]).toMatch(/^error 1\.0 scrub : stat mismatch, got 6\/8 objects, .* \d+\/7 bytes, /);
  expect(said.at(-1)).toBe('error 1.0 scrub 1 errors');
  expect((await scrub(world, true, true)).at(-1)).toBe('error 1.0 repair 1 errors, 1 fixed');
  expect(state.totals).toEqual(right);
  expect((await request(world, 'a', OSD_OP.APPEND, Buffer.from('!'))).result).toBe(0);
  expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
  expect(state.totals.bytes).toBe(right.bytes + 1);
});

it('clients write while a scrub goes on: nothing is found, nothing lost, no digest wrong', async () => {
  const world = await began({ readMs: 30 });
  world.scrubs = {
    ...world.scrubs,
    digestAgeSeconds: 0,
    chunkMin: 1,
    chunkMax: 3,
    sleepSeconds: 0.05,
    preemptionsMax: 2,
  };
  const acked = new Map<string, string[]>();
  let open = 0;
  const write = (n: number): void => {
    const name = NAMES[n % NAMES.length]!;
    const token = `<${n}>`;
    open++;
    perform(world, 2, 1000 + n, name, token, (a) => {
      open--;
      if (a.result === 0) acked.set(name, [...(acked.get(name) ?? []), token]);
      if (n < 300) write(n + 7);
    });
  };
  for (let n = 0; n < 7; n++) write(n);
  for (let round = 0; round < 3; round++) {
    const lines = await scrub(world, true);
    expect(lines.at(-1), lines.join('\n')).toBe('debug 1.0 deep-scrub ok');
  }
  await until(world, () => open === 0, 60_000);
  const all = await contentsOf(primary(world));
  for (const [name, tokens] of acked) for (const t of tokens) expect(all.get(name)).toContain(t);
  expect(acked.size).toBe(NAMES.length);
  await expectRightDigests(world);
  expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
  await world.time.until(200);
  expect(await expectRightDigests(world)).toBe(NAMES.length);
});

describe('digests', () => {
  async function digested(options: Parameters<typeof began>[0] = {}): Promise<SimWorld> {
    const world = await began(options);
    world.scrubs = { ...world.scrubs, digestAgeSeconds: 0 };
    expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
    await world.time.until(200);
    return world;
  }

  it('are written into infos by a deep scrub, on all members, as a change that no user sees', async () => {
    const world = await began();
    const { log } = primary(world).pg!.state;
    const before = { head: log.head, info: infoAt(primary(world), 'c') };
    world.scrubs = { ...world.scrubs, digestAgeSeconds: 1, chunkMin: 3, chunkMax: 3 };
    await world.time.until(1500);
    await scrub(world, false);
    expect(infoAt(primary(world), 'c')).toEqual(before.info);
    await scrub(world, true);
    await world.time.until(200);
    expect(await expectRightDigests(world)).toBe(NAMES.length);
    const info = infoAt(primary(world), 'c');
    const { version, priorVersion, lastReqid, dataDigest, omapDigest, ...rest } = info;
    expect(before.info).toMatchObject(rest);
    expect([priorVersion, omapDigest]).toEqual([before.info.version, NO_OMAP]);
    expect(dataDigest).toBe(digest('c is what it is. '));
    expect([lastReqid.name.type, lastReqid.name.num]).toEqual([4, primary(world).id]);
    expect(version.version).toBeGreaterThan(before.head.version);
    expect(log.head.version).toBe(before.head.version + BigInt(NAMES.length));
    for (const node of world.nodes) expect(node.pg!.state.log.head).toEqual(log.head);
    // Once is enough.
    expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
    expect(log.head.version).toBe(before.head.version + BigInt(NAMES.length));
    expect(primary(world).pg!.state.totals).toMatchObject({ objects: 6, wr: NAMES.length });
  });

  it('are not written of what changed of late', async () => {
    const world = await began();
    world.scrubs = { ...world.scrubs, digestAgeSeconds: 3600 };
    await scrub(world, true);
    expect(await expectRightDigests(world)).toBe(0);
  });

  it('are forgotten by what changes the data, and written anew', async () => {
    const world = await digested();
    expect((await request(world, 'c', OSD_OP.APPEND, Buffer.from('!'))).result).toBe(0);
    expect(infoAt(primary(world), 'c')).toMatchObject({
      dataDigest: undefined,
      omapDigest: NO_OMAP,
    });
    await scrub(world, true);
    await world.time.until(200);
    expect(infoAt(primary(world), 'c').dataDigest).toBe(digest('c is what it is. !'));
  });

  it('tell which copy is wrong, even against most of them', async () => {
    const world = await digested();
    for (const osd of [0, 2]) spoil(world.nodes[osd]!, FAULTS['other data']!);
    const lines = await scrub(world, true);
    expect(lines.at(-1)).toBe('error 1.0 deep-scrub 3 errors');
    const [{ shards, unionErrors }] = listed(world) as [InconsistentObject];
    expect(unionErrors).toBe(SHARD_ERROR.dataDigestMismatchInfo);
    expect(shards.map(([{ osd }, s]) => [osd, s.errors])).toEqual([
      [0, SHARD_ERROR.dataDigestMismatchInfo],
      [1, 0n],
      [2, SHARD_ERROR.dataDigestMismatchInfo],
    ]);
    await scrub(world, true, true);
    await until(world, () => primary(world).pg!.isClean);
    await expectEqualCopies(world);
    expect((await contentsOf(primary(world))).get('c')).toMatch(/^c is what it is\. \|/);
  });

  it('that all copies disprove are written anew by a repair', async () => {
    const world = await digested();
    for (const node of world.nodes) spoil(node, FAULTS['other data']!);
    expect((await scrub(world, true)).at(-1)).toBe('error 1.0 deep-scrub 3 errors');
    const lines = await scrub(world, true, true);
    expect(lines).toContain(
      'error 1.0 soid 1:00000000:::c:head : repairing object info data_digest',
    );
    expect(lines.slice(-2)).toEqual([
      'error 1.0 repair 0 missing, 1 inconsistent objects',
      'error 1.0 repair 2 errors, 2 fixed',
    ]);
    const { pg } = primary(world);
    expect([pg!.scrubber.names, listed(world)]).toEqual([[], []]);
    await world.time.until(200);
    expect(await expectRightDigests(world)).toBe(NAMES.length);
    expect(infoAt(primary(world), 'c').dataDigest).toBe(digest('X is what it is. '));
    expect(world.nodes.map((n) => n.copiesReplaced)).toEqual([0, 0, 0]);
    expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
  });

  it('of omaps, too', async () => {
    const world = await digested();
    for (const node of world.nodes) spoil(node, FAULTS['omap entries']!);
    expect((await scrub(world, true)).at(-1)).toBe('error 1.0 deep-scrub 3 errors');
    expect((await scrub(world, true, true)).at(-1)).toBe('error 1.0 repair 2 errors, 2 fixed');
    await world.time.until(200);
    expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
  });

  it('are written anew after a copy that is lost has been brought', async () => {
    const world = await digested();
    for (const node of world.nodes) spoil(node, FAULTS['other data']!);
    spoil(world.nodes[2]!, FAULTS['a lost object']!);
    expect((await scrub(world, true, true)).at(-1)).toBe('error 1.0 repair 2 errors, 1 fixed');
    await until(world, () => primary(world).pg!.isClean);
    // It goes on by itself.
    expect(primary(world).pg!.scrubber.look(world.time.now)).toBe(true);
    await until(world, () => !primary(world).pg!.scrubber.isActive);
    expect(world.clusterLog.at(-1)).toBe('error 1.0 repair 2 errors, 2 fixed');
    await world.time.until(200);
    expect(await expectRightDigests(world)).toBe(NAMES.length);
    expect(primary(world).pg!.scrubber.names).toEqual([]);
  });

  it('of an object of another size than its info says stay: nobody can tell what it was', async () => {
    const world = await digested();
    for (const node of world.nodes) spoil(node, FAULTS['another size']!);
    expect((await scrub(world, true, true)).at(-1)).toBe('error 1.0 repair 3 errors, 0 fixed');
    const { names } = primary(world).pg!.scrubber;
    expect(names).toEqual(['inconsistent', 'failed_repair']);
    expect(listed(world).map((o) => o.object.name)).toEqual(['c']);
  });

  it('of the only copy there is stay: it has no witness', async () => {
    const world = await digested({ size: 1, minSize: 1, osds: 1 });
    spoil(world.nodes[0]!, FAULTS['other data']!);
    expect((await scrub(world, true, true)).at(-1)).toBe('error 1.0 repair 1 errors, 0 fixed');
    expect(primary(world).pg!.scrubber.names).toEqual(['inconsistent', 'failed_repair']);
  });
});

it('a write to a chunk waits while its maps are taken, a read does not, and the last chance broken off', async () => {
  const world = await began({ readMs: 400 });
  world.scrubs = { ...world.scrubs, preemptionsMax: 0 };
  order(world, true);
  await world.time.until(60);
  const { pg } = primary(world);
  let isWritten = false;
  perform(world, 3, 1, 'c', 'more', () => {
    isWritten = true;
  });
  expect((await request(world, 'd', OSD_OP.READ)).result).toBe(0);
  expect([pg!.scrubber.isActive, isWritten]).toEqual([true, false]);
  await until(world, () => isWritten);
  expect(pg!.scrubber.isActive).toBe(false);
  // With chances left it breaks the chunk off instead.
  world.scrubs = { ...world.scrubs, preemptionsMax: 5 };
  order(world, true);
  await world.time.until(60);
  isWritten = false;
  perform(world, 3, 2, 'c', 'and more', () => {
    isWritten = true;
  });
  await until(world, () => isWritten);
  expect(pg!.scrubber.isActive).toBe(true);
  await until(world, () => !pg!.scrubber.isActive);
  expect(world.clusterLog.at(-1)).toBe('debug 1.0 deep-scrub ok');
});

it('a primary that goes in the middle of a scrub takes it along; the next one scrubs when asked', async () => {
  const world = await began({ readMs: 200, osds: 4 });
  spoil(world.nodes[2]!, FAULTS['other data']!);
  order(world, true);
  await world.time.until(60);
  const before = primary(world).id;
  world.crash(before);
  await until(world, () => world.view.primary !== before && (primary(world).pg?.isClean ?? false));
  expect((await request(world, 'c', OSD_OP.APPEND, Buffer.from('!'))).result).toBe(0);
  const lines = await scrub(world, true, true);
  expect(lines.at(-1)).toMatch(/repair \d errors, 1 fixed$/);
  await until(world, () => primary(world).pg!.isClean);
  expect((await scrub(world, true)).at(-1)).toBe('debug 1.0 deep-scrub ok');
  for (const node of world.nodes) expect(node.fatal).toBeUndefined();
});

it.each([1, 2, 3, 4, 5])(
  'a write that a scrub holds when a member goes is done once, in the next interval, seed %i',
  async (seed) => {
    const world = new SimWorld(seed, { readMs: 200, osds: 4 });
    await world.begin();
    for (const name of NAMES) await request(world, name, OSD_OP.APPEND, Buffer.from(name));
    await until(world, () => primary(world).pg!.isClean);
    world.scrubs = { ...world.scrubs, preemptionsMax: 0 };
    order(world, true);
    await world.time.until(40);
    let results: number[] = [];
    for (let n = 0; n < 3; n++) {
      perform(world, 3, 50 + n, 'c', `<${n}>`, (a) => {
        results = [...results, a.result];
      });
    }
    await world.time.until(30);
    world.crash(world.view.acting[1]!);
    await until(world, () => results.length === 3 && (primary(world).pg?.isClean ?? false));
    expect(results).toEqual([0, 0, 0]);
    const alive = world.nodes.filter((n) => n.isAlive && world.view.acting.includes(n.id));
    const [first, ...others] = await Promise.all(alive.map(contentsOf));
    for (const n of [0, 1, 2]) expect(first!.get('c')!.split(`<${n}>`).length).toBe(2);
    for (const other of others) expect(other).toEqual(first);
    for (const node of world.nodes) expect(node.fatal).toBeUndefined();
  },
);

it('a primary that lost all its objects is compared in small pieces, and gets them back', async () => {
  const world = new SimWorld(1);
  await world.begin();
  const names = Array.from({ length: 60 }, (_, i) => `o${String(i).padStart(2, '0')}`);
  for (const name of names) await request(world, name, OSD_OP.APPEND, Buffer.from(name));
  await until(world, () => primary(world).pg!.isClean);
  world.scrubs = { ...world.scrubs, chunkMin: 2, chunkMax: 4 };
  for (const name of names) spoil(primary(world), FAULTS['a lost object']!, name);
  let largest = 0;
  world.onSend = (_, __, m) => {
    if (m.type !== MScrubMap.type) return true;
    largest = Math.max(largest, decodeFront(MScrubMap, m).objects.length);
    return true;
  };
  expect((await scrub(world, true, true)).at(-1)).toBe('error 1.0 repair 60 errors, 60 fixed');
  expect(largest).toBeGreaterThan(4);
  expect(largest).toBeLessThanOrEqual(11);
  await until(world, () => primary(world).pg!.isClean);
  const [first, ...others] = await Promise.all(world.nodes.map(contentsOf));
  expect([...first!.keys()]).toEqual(names);
  for (const other of others) expect(other).toEqual(first);
});

it('no more scrubs than an OSD has places for: refused by a member, tried again later', async () => {
  const world = await began();
  let isGiven: boolean | undefined;
  const place = world.nodes[2]!.scrubPlaces.take((given) => {
    isGiven = given;
  });
  await world.time.until(1);
  expect(isGiven).toBe(true);
  expect(await scrub(world, false)).toEqual([]);
  place.release();
  expect(primary(world).pg!.scrubber.look(world.time.now)).toBe(true);
  await until(world, () => !primary(world).pg!.scrubber.isActive);
  expect(world.clusterLog.at(-1)).toBe('debug 1.0 scrub ok');
});

it('a place at a member is free after a scrub, also when the session is reset that was to tell it so', async () => {
  const world = await began();
  let isLost = false;
  world.onSend = (from, to, m) => {
    if (isLost || m.type !== MScrubReserve.type || to !== 1) return true;
    const { word } = decodeFront(MScrubReserve, { front: Buffer.from(m.front) });
    if (word !== SCRUB_WORD.release) return true;
    isLost = true;
    world.time.after(50, () => world.reset(from, to));
    return false;
  };
  expect((await scrub(world, false)).at(-1)).toBe('debug 1.0 scrub ok');
  await world.time.until(500);
  expect(isLost).toBe(true);
  let isGiven: boolean | undefined;
  world.nodes[1]!.scrubPlaces.take((given) => {
    isGiven = given;
  });
  await world.time.until(1);
  expect(isGiven).toBe(true);
});

it('a few errors of a scheduled scrub are repaired by themselves, if options say so', async () => {
  const world = await began();
  world.scrubs = {
    ...world.scrubs,
    autoRepair: true,
    minIntervalSeconds: 1,
    deepIntervalSeconds: 1,
  };
  spoil(world.nodes[1]!, FAULTS['other data']!);
  await world.time.until(5000);
  const { scrubber } = primary(world).pg!;
  const again = (): boolean => {
    if (!scrubber.isActive) scrubber.look(world.time.now);
    return world.clusterLog.some((l) => l.endsWith('1 fixed')) && primary(world).pg!.isClean;
  };
  await until(world, again);
  await expectEqualCopies(world);
});

describe('a damaged copy', () => {
  it('of the primary is never seen by a reader, who gets what another member has; it is replaced', async () => {
    const world = await began({ readMs: 20 });
    const node = primary(world);
    node.damaged.add('c');
    const { result, outcome } = await request(world, 'c', OSD_OP.READ);
    expect(result).toBe(0);
    expect(Buffer.from(outcome!.outputs[0]!).toString()).toBe('c is what it is. ');
    await until(world, () => node.pg!.isClean);
    expect([node.damaged.size, node.copiesReplaced]).toEqual([0, 1]);
    expect(world.clusterLog).toEqual([
      'error 1.0 missing primary copy of 1:00000000:::c:head, will try copies on 1,2',
    ]);
    expect(node.pg!.state.info.scrub.objectsRepaired).toBe(1);
    await expectEqualCopies(world);
  });

  it('is not taken from a member whose own is damaged, and that one is replaced too', async () => {
    const world = await began({ readMs: 20 });
    for (const osd of [0, 1]) world.nodes[osd]!.damaged.add('c');
    expect((await request(world, 'c', OSD_OP.READ)).result).toBe(0);
    await until(world, () => primary(world).pg!.isClean);
    expect(world.nodes.map((n) => n.copiesReplaced)).toEqual([1, 1, 0]);
    await expectEqualCopies(world);
  });

  it('is replaced also when the session with a member is reset while that one looks', async () => {
    const world = await began({ readMs: 20 });
    primary(world).damaged.add('c');
    let isLost = false;
    world.onSend = (from, to, m) => {
      if (isLost || m.type !== MScrubScan.type || to !== 1) return true;
      isLost = true;
      world.time.after(50, () => world.reset(from, to));
      return false;
    };
    expect((await request(world, 'c', OSD_OP.READ)).result).toBe(0);
    expect(isLost).toBe(true);
    await until(world, () => primary(world).pg!.isClean);
    await expectEqualCopies(world);
  });

  it('that was replaced while it was read, or could not be read just once, is read again', async () => {
    const world = await began({ readMs: 20 });
    const { damaged } = primary(world);
    damaged.add('c');
    let reads = 0;
    damaged.has = (name) => name === 'c' && ++reads === 1;
    const { result, outcome } = await request(world, 'c', OSD_OP.READ);
    expect([result, reads]).toEqual([0, 3]);
    expect(Buffer.from(outcome!.outputs[0]!).toString()).toBe('c is what it is. ');
    expect(world.clusterLog).toEqual([]);
  });

  it('that several requests have met is looked at once for all of them', async () => {
    const looks: ((isMended: boolean) => void)[] = [];
    const mend = (): Promise<boolean> => new Promise((done) => looks.push(done));
    const ended: ObjectState[] = [];
    const mending = new Mending(
      { host: { fatal: expect.unreachable }, mend },
      new PendingOps(),
      (o) => ended.push(o),
    );
    const idle = { context: undefined, writes: 0, readers: 0, isBusy: false };
    const object: ObjectState = { key: 'c', ...idle, queue: [] };
    const [a, b] = [{}, {}] as [ClientOp, ClientOp];
    for (const op of [a, b]) mending.mend(op, object, expect.unreachable);
    looks[0]!(true);
    await Promise.resolve();
    expect(looks.length).toBe(1);
    expect(object).toMatchObject({ isBusy: false, queue: [a, b] });
    expect(ended).toEqual([object]);
  });

  it('of every member is EIO, and the PG goes on', async () => {
    const world = await began({ readMs: 20 });
    for (const node of world.nodes) node.damaged.add('c');
    expect((await request(world, 'c', OSD_OP.READ)).result).toBe(-5);
    expect((await request(world, 'd', OSD_OP.READ)).result).toBe(0);
    expect(world.clusterLog.at(-1)).toBe(
      'error 1.0 missing primary copy of 1:00000000:::c:head, unfound',
    );
    for (const node of world.nodes) expect(node.fatal).toBeUndefined();
  });

  it('that a write looks at is brought anew before the write goes on', async () => {
    const world = await began({ readMs: 20 });
    primary(world).damaged.add('c');
    // Many at once: each in its turn, none with an error.
    const given = Buffer.from('c is what it is. ');
    const answers = await Promise.all([
      request(world, 'c', OSD_OP.APPEND, Buffer.from('1')),
      request(world, 'c', OSD_OP.CMPEXT, given, true),
      request(world, 'c', OSD_OP.READ),
    ]);
    expect(answers.map((a) => a.result)).toEqual([0, 0, 0]);
    await until(world, () => primary(world).pg!.isClean);
    expect(primary(world).damaged.size).toBe(0);
  });

  it('with nonsense for its info is brought anew, too', async () => {
    const world = await began({ readMs: 20 });
    spoil(primary(world), FAULTS['nonsense for info']!);
    primary(world).pg!.pipeline.recovered('c'); // forgets what it knew of the object
    expect((await request(world, 'c', OSD_OP.READ)).result).toBe(0);
    await until(world, () => primary(world).pg!.isClean);
    await expectEqualCopies(world);
  });
});
