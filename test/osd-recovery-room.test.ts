// What a PG is about to take over has its room before it comes, or does not come.
import { expect, it } from 'vitest';
import { Room } from '../src/osd/shard/room.ts';
import { MemoryStore } from '../src/store/index.ts';
import { perform, SimWorld } from './support/osd-sim.ts';

const MIB = 2 ** 20;

it('lets a primary recover when its store has set room aside, and gives that back', async () => {
  const world = new SimWorld(3, { osds: 2, size: 2, minSize: 1 });
  await world.begin();
  await world.time.until(20_000);
  const append = async (tid: number, name: string) => {
    let isDone = false;
    perform(world, 1, tid, name, 'x', () => {
      isDone = true;
    });
    for (let i = 0; i < 100 && !isDone; i++) await world.time.until(100);
    expect(isDone).toBe(true);
  };
  await append(1, 'before');
  world.crash(0);
  await world.time.until(5000);
  for (let i = 2; i < 12; i++) await append(i, `o${i}`);
  const node = world.nodes[0]!;
  node.isFull = true;
  await world.restart(0);
  await world.time.until(20_000);
  const pg = () => world.nodes[0]!.pg!;
  expect([pg().isActive, pg().isClean, pg().places.state.name]).toEqual([true, false, 'full']);
  expect(pg().state.missing.size).toBe(10);
  // What a client waits for comes all the same.
  await append(20, 'o5');
  expect(pg().state.missing.size).toBe(9);
  node.isFull = false;
  await world.time.until(5000);
  expect([pg().isClean, pg().places.state.name]).toEqual([true, 'idle']);
  expect(node.contents.usage().reservedBytes).toBe(0);
});

it('keeps what is set aside from clients, and sets nothing aside beyond a share of the store', async () => {
  const store = new MemoryStore({ sizeBytes: 100 * MIB });
  await store.submit([{ op: 'mkcoll', c: '1.0' }]);
  const clock = { monotonicMs: () => 0, wallMs: () => 0, setTimer: () => ({ cancel: () => {} }) };
  const room = new Room(store, clock);
  expect(room.has(18 * MIB)).toBe(true);
  expect(room.reserve('1.0', 91 * MIB, 0.9)).toBe(false);
  expect(store.usage().reservedBytes).toBe(0);
  expect(room.reserve('1.0', 80 * MIB, 0.9)).toBe(true);
  expect(room.reserve('1.0', 20 * MIB, 0.9)).toBe(false);
  expect(room.has(18 * MIB)).toBe(false);
  expect(room.has(10 * MIB)).toBe(true);
});
