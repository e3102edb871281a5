// What is told of a PG: to Ceph's tools in the shape of a real OSD's answers (test/golden/pg-query, 16.2.15), and to
// `sepiola pg explain`.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatValue } from '../src/codec/index.ts';
import { ENTRY } from '../src/osd/log/log-entry.ts';
import { Logged } from '../src/osd/log/logged.ts';
import type { Pg } from '../src/osd/pg/pg.ts';
import { factsOf } from '../src/osd/pg/pg-facts.ts';
import { whatChanged } from '../src/osd/pg/pg-past.ts';
import { queryPg } from '../src/osd/pg/pg-query.ts';
import { PgReports } from '../src/osd/pg/pg-report.ts';
import {
  type LostMode,
  listUnfound,
  markUnfoundLost,
  type PgReply,
} from '../src/osd/pg/pg-unfound.ts';
import { contentsOf, perform, type SimNode, SimWorld } from './support/osd-sim.ts';

type Tree = null | boolean | number | string | Tree[] | { [key: string]: Tree };
const golden = (name: string): Tree =>
  JSON.parse(readFileSync(new URL(`golden/pg-query/${name}.json`, import.meta.url), 'utf8'));
const query = (pg: Pg): Tree =>
  JSON.parse(formatValue(queryPg(pg, new PgReports().one(pg, pg.host.clock.wallMs())), false));

/** Where members of one tree and of the other differ in name, order or type; lists count by their first member. */
function differences(real: Tree, ours: Tree, at = ''): string[] {
  if (typeof real !== typeof ours || Array.isArray(real) !== Array.isArray(ours)) {
    return [`${at}: ${typeof real} is ${typeof ours}`];
  }
  if (Array.isArray(real) && Array.isArray(ours)) {
    return real.length > 0 && ours.length > 0 ? differences(real[0]!, ours[0]!, `${at}[]`) : [];
  }
  if (typeof real !== 'object' || typeof ours !== 'object' || !real || !ours) return [];
  const [r, o] = [real as Record<string, Tree>, ours as Record<string, Tree>];
  const names = Object.keys(o).filter((k) => !k.startsWith('sepiola_'));
  const out = Object.keys(r).join() === names.join() ? [] : [`${at}: ${Object.keys(r)} / ${names}`];
  for (const k of Object.keys(r)) if (k in o) out.push(...differences(r[k]!, o[k]!, `${at}.${k}`));
  return out;
}

async function write(world: SimWorld, tid: number, name = 'o'): Promise<void> {
  let done = false;
  perform(world, 1, tid, name, `<1.${tid}>`, () => {
    done = true;
  });
  for (let i = 0; i < 200 && !done; i++) await world.time.until(10);
  expect(done).toBe(true);
}

async function until(world: SimWorld, isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !isTrue(); i++) await world.time.until(10);
  expect(isTrue()).toBe(true);
}

describe('ceph pg query', () => {
  it('has the members of a real answer, in their order, of a clean PG', async () => {
    const world = new SimWorld(1);
    await world.begin();
    await write(world, 1);
    const pg = world.nodes[0]!.pg!;
    await until(world, () => pg.isClean);
    const ours = query(pg) as { [key: string]: Tree };
    expect(differences(golden('clean'), ours)).toEqual([]);
    expect(ours).toMatchObject({
      state: 'active+clean',
      up: [0, 1, 2],
      acting_recovery_backfill: ['0', '1', '2'],
      info: { pgid: '1.0', last_backfill: 'MAX', stats: { stat_sum: { num_objects: 1 } } },
    });
    expect((ours.peer_info as Tree[]).map((p) => (p as { peer: string }).peer)).toEqual(['1', '2']);
  });

  it('says of a PG that is down who is needed, and that one of them could be given up', async () => {
    const world = new SimWorld(2, { osds: 2, size: 2, minSize: 1 });
    await world.begin();
    await write(world, 1);
    world.crash(0);
    await until(world, () => world.nodes[1]!.pg!.isActive);
    await write(world, 2);
    world.crash(1);
    await world.time.until(500);
    await world.restart(0);
    const pg = world.nodes[0]!.pg!;
    await until(world, () => pg.peering.phase.name === 'down');
    const ours = query(pg) as { [key: string]: Tree };
    expect(differences(golden('down'), ours)).toEqual([]);
    expect(ours.info).toMatchObject({ stats: { blocked_by: [1] } });
    expect(ours.recovery_state).toMatchObject([
      { name: 'Started/Primary/Peering/Down' },
      {
        blocked: 'peering is blocked due to down osds',
        down_osds_we_would_probe: [1],
        peering_blocked_by: [{ osd: 1, current_lost_at: 0 }],
      },
      { name: 'Started' },
    ]);
    expect(factsOf(pg)).toMatchObject({ phase: 'down', waitingFor: [1], role: 'primary' });
    // Nothing is served for as long as that is so, and once it is given up, all that is left.
    world.lost.set(1, world.view.epoch);
    world.publish();
    await until(world, () => pg.isActive);
    expect((await contentsOf(world.nodes[0]!)).get('o')).toContain('<1.1>');
  });

  it('asks for nobody of an interval in which the primary never came to serve', async () => {
    const world = new SimWorld(3, { osds: 2, size: 2, minSize: 1 });
    await world.begin();
    await write(world, 1);
    world.crash(0);
    // The other is alone now, and the monitor hears nothing of it before it dies as well.
    world.cut('mon', 1);
    await world.time.until(300);
    world.crash(1);
    await world.time.until(600);
    world.heal();
    await world.restart(0);
    const pg = world.nodes[0]!.pg!;
    await until(world, () => pg.isActive);
  });
});

/** What the object holds, without its attributes. */
async function dataOf(node: SimNode): Promise<string | undefined> {
  return (await contentsOf(node)).get('o')?.split('|')[0];
}

async function giveUp(world: SimWorld, pg: Pg, mode: LostMode): Promise<PgReply> {
  const reply = markUnfoundLost(pg, mode);
  await world.time.until(100);
  return reply;
}

describe('unfound objects', () => {
  /** osd.0 knows of a write that only osd.1 has, which is gone. */
  async function unfound(seed: number, isNotHere = false): Promise<{ world: SimWorld; pg: Pg }> {
    const world = new SimWorld(seed, { osds: 2, size: 2, minSize: 1 });
    await world.begin();
    await write(world, 1);
    const pg = world.nodes[0]!.pg!;
    await until(world, () => pg.isClean);
    const { state } = pg;
    const { log } = state;
    const { entry } = log.after(log.tail).at(-1)!;
    const need = { epoch: entry.version.epoch, version: entry.version.version + 1n };
    for (const node of world.nodes) {
      // As if a write had come to the logs of both, and its bytes to nobody who is left.
      const item = { oid: entry.oid, need };
      const lost = { ...entry, kind: ENTRY.modify, version: need, previous: entry.version };
      const logged = Logged.of({
        ...lost,
        prior: entry.version,
        reqid: { ...entry.reqid, tid: 99n },
      });
      const ops = [node.pg!.state.append(logged), ...node.pg!.state.addMissing([item])];
      await node.contents.submit(ops);
    }
    // As if ours were the older one.
    if (isNotHere)
      await world.nodes[0]!.contents.submit([{ op: 'remove', c: state.c, oid: entry.oid }]);
    pg.rounds.start();
    await until(world, () => pg.recovery.unfoundCount === 1);
    return { world, pg };
  }

  it('are listed as a real OSD lists them', async () => {
    const { pg } = await unfound(4);
    const ours: Tree = JSON.parse(JSON.stringify(listUnfound(pg)));
    expect(differences(golden('list-unfound'), ours)).toEqual([]);
    expect(ours).toMatchObject({
      num_missing: 1,
      num_unfound: 1,
      objects: [{ oid: { oid: 'o' } }],
    });
  });

  it('are taken back to the version that is here, on all members', async () => {
    const { world, pg } = await unfound(5);
    expect(await giveUp(world, pg, 'revert')).toEqual({
      result: 0,
      status: 'pg has 1 objects unfound and apparently lost marking',
    });
    await until(world, () => pg.isClean);
    for (const node of world.nodes) expect(await dataOf(node)).toBe('<1.1>');
    expect(await giveUp(world, pg, 'revert')).toMatchObject({
      result: 0,
      status: 'pg has no unfound objects',
    });
    await write(world, 2);
    expect(await dataOf(world.nodes[0]!)).toBe('<1.1><1.2>');
  });

  it('are taken back to the newest version that a replica has, if ours is older', async () => {
    const { world, pg } = await unfound(9, true);
    expect(await giveUp(world, pg, 'revert')).toMatchObject({ result: 0 });
    await until(world, () => pg.isClean);
    for (const node of world.nodes) expect(await dataOf(node)).toBe('<1.1>');
    await write(world, 2);
    expect(await dataOf(world.nodes[0]!)).toBe('<1.1><1.2>');
  });

  it('are deleted on all members, and the name can be used again', async () => {
    const { world, pg } = await unfound(6);
    expect(await giveUp(world, pg, 'delete')).toMatchObject({ result: 0 });
    await until(world, () => pg.isClean);
    for (const node of world.nodes) expect((await contentsOf(node)).has('o')).toBe(false);
    await write(world, 2);
    await until(world, () => pg.isClean);
    for (const node of world.nodes) expect(await dataOf(node)).toBe('<1.2>');
  });

  it('are not given up by others than the primary, nor while one who may have them is only down', async () => {
    const { world, pg } = await unfound(7);
    expect(await giveUp(world, world.nodes[1]!.pg!, 'delete')).toEqual({
      result: -30,
      status: 'not primary',
    });
    world.crash(1);
    await until(world, () => !pg.host.isUp(1) && pg.recovery.unfoundCount === 1);
    expect(await giveUp(world, pg, 'delete')).toMatchObject({
      result: -22,
      status: expect.stringContaining("we haven't probed all sources, not marking lost"),
    });
    world.lost.set(1, world.view.epoch);
    world.publish();
    await until(world, () => pg.recovery.unfoundCount === 1);
    expect(await giveUp(world, pg, 'delete')).toMatchObject({ result: 0 });
  });
});

describe('the history of intervals', () => {
  it('says what ended each of them, and survives a restart', async () => {
    const world = new SimWorld(8, { osds: 2, size: 2, minSize: 1 });
    await world.begin();
    await write(world, 1);
    world.crash(1);
    await until(world, () => world.view.acting.length === 1);
    await world.time.until(300);
    const before = factsOf(world.nodes[0]!.pg!).past;
    expect(before).toMatchObject([
      { first: 1, acting: [0, 1], maybeWritten: true, ended: 'osd.1 left' },
    ]);
    world.crash(0);
    await world.time.until(500);
    await world.restart(0);
    await world.time.until(300);
    expect(factsOf(world.nodes[0]!.pg!).past.slice(0, 1)).toEqual(before);
  });
  it('has words for every change', () => {
    const view = {
      epoch: 1,
      up: [0, 1],
      upPrimary: 0,
      acting: [0, 1],
      primary: 0,
      size: 2,
      minSize: 1,
      pgCount: 1,
      bits: 0,
      isMerging: false,
      upFrom: [1, 1],
      upThru: 1,
    };
    const words = (o: Partial<typeof view>) => whatChanged(view, { ...view, ...o }).join('; ');
    expect(words({ upFrom: [1, 7] })).toBe('osd.1 was started again');
    expect(words({ up: [0, 2], acting: [0, 2] })).toBe('osd.1 left; osd.2 came');
    expect(words({ up: [1, 0], acting: [1, 0] })).toBe('the order became [1,0]');
    expect(words({ acting: [1, 0] })).toBe('[1,0] act in the place of [0,1]');
    expect(words({ minSize: 2, size: 3 })).toBe('size 2 became 3; min_size 1 became 2');
    expect(words({ bits: 1 })).toBe('the PG was split');
    expect(words({ upPrimary: 1 })).toBe('the primary changed');
  });
});
