// A PG whose members cannot read some of their objects.
import { expect, it } from 'vitest';
import { listUnfound, markUnfoundLost } from '../src/osd/pg/pg-unfound.ts';
import { contentsOf, perform, SimWorld } from './support/osd-sim.ts';

async function append(world: SimWorld, tid: number, name: string, text: string): Promise<void> {
  let result: number | undefined;
  perform(world, 1, tid, name, text, (a) => {
    result = a.result;
  });
  for (let i = 0; i < 100 && result === undefined; i++) await world.time.until(20);
  expect(result, world.lines.slice(-30).join('\n')).toBe(0);
}

/** Three members, of which `absent` misses the second change of `o`; then the objects of `damaged` go bad, or their records. */
async function recover(
  absent: number,
  damaged: readonly number[],
  what: 'damaged' | 'unknown' = 'damaged',
): Promise<SimWorld> {
  const world = new SimWorld(1);
  await world.begin();
  await append(world, 1, 'o', 'first');
  world.crash(absent);
  await world.time.until(500);
  await append(world, 2, 'o', ' second');
  await world.time.until(100);
  for (const osd of damaged) world.nodes[osd]![what].add('o');
  await world.restart(absent);
  await world.time.until(5_000);
  return world;
}

const primary = (world: SimWorld) => world.nodes[world.view.primary]!;

it.each(['damaged', 'unknown'] as const)(
  'recovers from another member what is %s at the primary, and heals the primary',
  async (what) => {
    const world = await recover(2, [0], what);
    for (const node of world.nodes) expect(node.fatal).toBeUndefined();
    expect(primary(world).pg?.isClean, world.lines.slice(-30).join('\n')).toBe(true);
    expect(world.nodes[0]![what].size).toBe(0);
    const [a, b, c] = await Promise.all(world.nodes.map(contentsOf));
    expect(a!.get('o')).toMatch(/^first second/);
    expect(b).toEqual(a);
    expect(c).toEqual(a);
  },
);

it('says of an object that nobody can read that it is unfound, and does not stop over it', async () => {
  const world = await recover(2, [0, 1], 'unknown');
  const { pg } = primary(world);
  expect(pg!.recovery.unfoundCount).toBe(1);
  expect(listUnfound(pg!)).toMatchObject({ num_unfound: 1 });
  const marked = markUnfoundLost(pg!, 'revert');
  await world.time.until(5_000);
  expect(await marked).toMatchObject({ result: 0 });
  for (const node of world.nodes) expect(node.fatal).toBeUndefined();
  expect(primary(world).pg?.isClean, world.lines.slice(-30).join('\n')).toBe(true);
});

it('pulls from the next holder when the first cannot read', async () => {
  const world = await recover(0, [1]);
  for (const node of world.nodes) expect(node.fatal).toBeUndefined();
  expect(primary(world).pg?.isClean, world.lines.slice(-30).join('\n')).toBe(true);
  expect((await contentsOf(world.nodes[0]!)).get('o')).toMatch(/^first second/);
});

it('goes on serving everything else when nobody can read an object', async () => {
  const world = await recover(2, [0, 1]);
  for (const node of world.nodes) expect(node.fatal).toBeUndefined();
  expect(primary(world).pg?.isClean).toBe(false);
  await append(world, 3, 'p', 'still here');
  expect((await contentsOf(world.nodes[2]!)).get('p')).toMatch(/^still here/);
});
