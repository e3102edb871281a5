// When a write is answered, by the level that its client asks for, and what each level outlives.
import { expect, it } from 'vitest';
import { ACK_FLAGS, type AckLevel, ackLevelOf, OSD_FLAG } from '../src/wire/index.ts';
import { contentsOf, perform, SimWorld } from './support/osd-sim.ts';

const COMMIT_MS = 5000;

/** A PG on three OSDs whose commits take seconds, and one append to it. */
async function append(ack: AckLevel, commitMs: number) {
  const world = new SimWorld(5, { commitMs });
  await world.begin();
  await world.time.until(20_000);
  const start = world.time.now;
  const answered = { afterMs: Number.POSITIVE_INFINITY };
  perform(
    world,
    1,
    1,
    'o1',
    'x',
    () => {
      answered.afterMs = world.time.now - start;
    },
    ack,
  );
  const crash = async () => {
    for (const node of world.nodes) world.crash(node.id);
    await world.time.until(500);
    for (const node of world.nodes) await world.restart(node.id);
    await world.time.until(20_000);
    return [...(await contentsOf(world.nodes[0]!)).keys()];
  };
  return { world, answered, crash };
}

it('answers from memory long before anything is durable', async () => {
  const { world, answered } = await append('memory', COMMIT_MS);
  await world.time.until(100);
  expect(answered.afterMs).toBeLessThan(100);
});

it('answers at the other levels when the slowest member has committed', async () => {
  for (const ack of ['journal', 'disk'] as const) {
    const { world, answered, crash } = await append(ack, COMMIT_MS);
    await world.time.until(100);
    expect(answered.afterMs).toBe(Number.POSITIVE_INFINITY);
    await world.time.until(2 * COMMIT_MS);
    expect(answered.afterMs).toBeGreaterThan(100);
    expect(await crash()).toEqual(['o1']);
  }
});

it('reads a level out of flags, and nothing less than durable out of those that Ceph sends', () => {
  for (const [level, flags] of Object.entries(ACK_FLAGS)) {
    expect(ackLevelOf(OSD_FLAG.WRITE | flags)).toBe(level);
  }
  const { ACK, ONNVRAM, ONDISK, WRITE, READ } = OSD_FLAG;
  expect(ackLevelOf(WRITE)).toBe('journal');
  expect(ackLevelOf(WRITE | ACK | ONDISK)).toBe('journal');
  expect(ackLevelOf(WRITE | ONNVRAM)).toBe('journal');
  expect(ackLevelOf(WRITE | ACK | ONNVRAM)).toBe('journal');
  expect(ackLevelOf(READ | ACK)).toBe('journal');
});
