// Requests that are sent again long after they were applied.
import { expect, it } from 'vitest';
import type { ClientOp, OpAnswer } from '../src/osd/requests/client-request.ts';

import { contentsOf, perform, SimWorld } from './support/osd-sim.ts';
import { objectNamed } from './support/pg-views.ts';

async function append(world: SimWorld, client: number, tid: number): Promise<OpAnswer> {
  let answer: OpAnswer | undefined;
  perform(world, client, tid, 'o', `<${client}.${tid}>`, (a) => {
    answer = a;
  });
  for (let i = 0; i < 100 && !answer; i++) await world.time.until(10);
  return answer!;
}

it('are answered as the first time, and not applied again, as long as a full log but its last stride follows', async () => {
  const world = new SimWorld(1, { logKeep: 10, logMax: 250 });
  await world.begin();
  for (let tid = 1; tid <= 140; tid++) await append(world, 1, tid);
  const first = await append(world, 2, 1);
  for (let tid = 141; tid <= 285; tid++) await append(world, 1, tid);
  const pg = world.nodes[0]!.pg!;
  expect(pg.state.log.length).toBeGreaterThan(145);
  const again = await append(world, 2, 1);
  expect(again).toMatchObject({ result: 0, version: first.version });
  await world.time.until(500);
  for (const node of world.nodes) {
    expect((await contentsOf(node)).get('o')!.split('<2.1>').length).toBe(2);
  }
});

it('are remembered when their entries have been trimmed, by whoever becomes the primary', async () => {
  const world = new SimWorld(2, { logKeep: 5, logMax: 10 });
  await world.begin();
  const first = await append(world, 2, 1);
  for (let tid = 1; tid <= 200; tid++) await append(world, 1, tid);
  world.crash(0);
  await world.time.until(600);
  const again = await append(world, 2, 1);
  expect(again).toMatchObject({ result: 0, version: first.version });
  await world.time.until(500);
  expect((await contentsOf(world.nodes[1]!)).get('o')!.split('<2.1>').length).toBe(2);
});

it('are remembered when their entries have been trimmed, after all members were started again', async () => {
  const world = new SimWorld(3, { logKeep: 5, logMax: 10 });
  await world.begin();
  const first = await append(world, 2, 1);
  for (let tid = 1; tid <= 60; tid++) await append(world, 1, tid);
  await world.time.until(500);
  for (const { id } of world.nodes) world.crash(id);
  await world.time.until(600);
  for (const { id } of world.nodes) await world.restart(id);
  await world.time.until(600);
  expect(world.nodes[0]!.pg!.state.log.length).toBeLessThan(21);
  const again = await append(world, 2, 1);
  expect(again).toMatchObject({ result: 0, version: first.version });
  await world.time.until(500);
  for (const node of world.nodes) {
    expect((await contentsOf(node)).get('o')!.split('<2.1>').length).toBe(2);
  }
});

it('are known to a primary that comes with an empty disk, though it takes over a log that lacks them', async () => {
  const world = new SimWorld(4, { logKeep: 5, logMax: 10 });
  await world.begin();
  const first = await append(world, 2, 1);
  for (let tid = 1; tid <= 60; tid++) await append(world, 1, tid);
  world.crash(0);
  world.nodes[0]!.wipe();
  await world.time.until(600);
  await world.restart(0);
  await world.time.until(3000);
  expect(world.view.primary).toBe(0);
  const again = await append(world, 2, 1);
  expect(again).toMatchObject({ result: 0, version: first.version });
  await world.time.until(500);
  expect((await contentsOf(world.nodes[0]!)).get('o')!.split('<2.1>').length).toBe(2);
});

it('that are held over an interval keep their order, though one is under way and one waits since the same instant', async () => {
  const world = new SimWorld(5);
  await world.begin();
  await append(world, 1, 1);
  const pg = world.nodes[0]!.pg!;
  const { pipeline } = pg;
  const ops: ClientOp[] = [];
  pg.submitOp = (op) => void ops.push({ ...op, startedMs: 0 });
  for (const tid of [2, 3]) perform(world, tid, 1, 'o', `<${tid}.1>`, () => {});
  await world.time.until(500);
  const [first, second] = ops;
  pipeline.submit(first!);
  const all = { from: objectNamed('', 0), to: { ...objectNamed('', 0), max: true } };
  pipeline.holdWrites(all, { quiet: () => {}, wanted: () => {} });
  pipeline.submit(second!);
  pipeline.stop(true);
  expect(pipeline.open().map((op) => op.reqidKey)).toEqual(
    ops.slice(0, 2).map((op) => op.reqidKey),
  );
});
