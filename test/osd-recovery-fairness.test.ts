// Recovery of whole OSDs in virtual time: what is held back, by whom, and what never is.
import { describe, expect, it } from 'vitest';
import type { Pg } from '../src/osd/pg/pg.ts';
import { PgReports } from '../src/osd/pg/pg-report.ts';
import { formatPgState } from '../src/wire/index.ts';
import { perform, SimWorld } from './support/osd-sim.ts';

const COPIES = 0; // none in the background until a test says so

/** Three members of which osd.2 was away while `count` objects were written. */
async function behind(count: number, seed = 5, victim = 2) {
  const world = new SimWorld(seed, {
    osds: 3,
    size: 3,
    minSize: 2,
    copies: COPIES,
    logKeep: 100,
    logMax: 200,
  });
  await world.begin();
  await world.time.until(5000);
  let tid = 0;
  const append = async (name: string): Promise<void> => {
    let isDone = false;
    perform(world, 1, ++tid, name, 'x', () => {
      isDone = true;
    });
    for (let i = 0; i < 200 && !isDone; i++) await world.time.until(50);
    expect(isDone).toBe(true);
  };
  await append('before');
  world.crash(victim);
  await world.time.until(3000);
  for (let i = 0; i < count; i++) await append(`o${i}`);
  await world.restart(victim);
  await world.time.until(5000);
  const primary = (): Pg => world.nodes[world.view.primary]!.pg!;
  const report = () => {
    const [stat] = new PgReports().of([primary()], world.time.now);
    return { ...stat!.statsSum, state: formatPgState(stat!.state) };
  };
  const held = (osd: number) => {
    const dump = world.nodes[osd]!.desk.dump() as {
      local_reservations: { in_progress: unknown[] };
      remote_reservations: { in_progress: unknown[] };
    };
    return [
      dump.local_reservations.in_progress.length,
      dump.remote_reservations.in_progress.length,
    ];
  };
  const order = (orders: Partial<SimWorld['orders']>): void => {
    world.orders = { ...world.orders, ...orders };
    for (const node of world.nodes) node.pg?.places.look();
  };
  return { world, append, primary, report, held, order };
}

describe('a member that was away', () => {
  it('is brought with the weight of its pool', async () => {
    const { world, primary, order } = await behind(4);
    const asked: number[] = [];
    const { desk } = world.nodes[primary().host.id]!;
    const ask = desk.askCopies.bind(desk);
    desk.askCopies = (of, start) => {
      asked.push(of);
      return ask(of, start);
    };
    order({ opPriority: 20 });
    world.allowCopies(1);
    await world.time.until(5000);
    expect(primary().isClean).toBe(true);
    // The first was asked for when the pool said nothing yet.
    expect(new Set(asked)).toEqual(new Set([20]));
    expect(asked.length).toBeGreaterThan(1);
  });

  it('is brought in turn, with a place on both sides, and both are free afterwards', async () => {
    const { world, report, held } = await behind(8);
    expect(report()).toMatchObject({
      state: 'active+recovering+degraded',
      numObjects: 9,
      numObjectCopies: 27,
      numObjectsDegraded: 8,
      numObjectsMisplaced: 0,
      numObjectsRecovered: 0,
    });
    expect([held(0), held(2)]).toEqual([
      [1, 0],
      [0, 1],
    ]);
    world.allowCopies(2);
    await world.time.until(5000);
    expect(report()).toMatchObject({
      state: 'active+clean',
      numObjectsDegraded: 0,
      numObjectsRecovered: 8,
      numBytesRecovered: 8,
    });
    expect([held(0), held(2)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  it('waits while the map says norecover, but clients do not', async () => {
    const { world, append, report, held, order } = await behind(8);
    order({ norecover: true });
    world.allowCopies(2);
    await world.time.until(2000);
    expect(report()).toMatchObject({
      state: 'active+recovery_wait+degraded',
      numObjectsDegraded: 8,
    });
    expect([held(0), held(2)]).toEqual([
      [0, 0],
      [0, 0],
    ]);
    await append('o3');
    expect(report()).toMatchObject({ numObjectsDegraded: 7 });
    order({ norecover: false });
    await world.time.until(5000);
    expect(report().state).toBe('active+clean');
  });

  it('has its place back for others when its primary dies', async () => {
    const { world, held } = await behind(8);
    expect(held(2)).toEqual([0, 1]);
    world.crash(0);
    await world.time.until(3000);
    // osd.1 leads now, and asks anew: never two places for one PG.
    expect(world.view.primary).toBe(1);
    expect(held(2)).toEqual([0, 1]);
    world.crash(1);
    await world.time.until(3000);
    expect(held(2)[1]).toBe(0);
  });

  it('goes before all others when it is forced, until that is done or taken back', async () => {
    const { world, primary, report } = await behind(4);
    const priority = () => {
      const { state } = primary().places;
      return state.name === 'idle' ? undefined : state.need.priority;
    };
    expect(priority()).toBe(190);
    primary().force('recovery', true);
    expect(priority()).toBe(255);
    expect(report().state).toBe('active+recovering+forced_recovery+degraded');
    primary().force('recovery', false);
    expect(priority()).toBe(190);
    primary().force('recovery', true);
    world.allowCopies(2);
    await world.time.until(5000);
    expect(report().state).toBe('active+clean');
    // There is nothing to force.
    primary().force('recovery', true);
    expect(report().state).toBe('active+clean');
  });
});

describe('an OSD that comes to a PG with nothing', () => {
  async function moved() {
    const world = new SimWorld(11, {
      ...{ osds: 4, size: 3, minSize: 2, copies: COPIES },
      // Shorter than what was written.
      ...{ logKeep: 2, logMax: 4 },
    });
    world.orders = { ...world.orders, norebalance: true };
    await world.begin();
    world.place([0, 1, 2]);
    await world.time.until(5000);
    for (let tid = 1; tid <= 12; tid++) {
      perform(world, 1, tid, `o${tid}`, 'x', () => {});
      await world.time.until(1000);
    }
    world.place([0, 1, 3]);
    await world.time.until(5000);
    const pg = () => world.nodes[0]!.pg!;
    const report = () => {
      const [stat] = new PgReports().of([pg()], world.time.now);
      return { ...stat!.statsSum, state: formatPgState(stat!.state) };
    };
    return { world, pg, report };
  }

  it('lacks what is misplaced, as long as the one before it holds it; norebalance holds that back', async () => {
    const { world, pg, report } = await moved();
    world.allowCopies(2);
    await world.time.until(2000);
    expect(report()).toMatchObject({
      state: 'active+backfill_wait',
      numObjectsDegraded: 0,
      numObjectsMisplaced: 12,
    });
    world.orders = { ...world.orders, norebalance: false };
    pg().places.look();
    await world.time.until(5000);
    expect(report()).toMatchObject({
      state: 'active+clean',
      numObjectsMisplaced: 0,
      numObjectsRecovered: 12,
    });
  });

  it('lacks what is degraded when the one before it is dead; norebalance does not hold that back', async () => {
    const { world, report } = await moved();
    world.crash(2);
    await world.time.until(3000);
    expect(report()).toMatchObject({
      state: 'active+degraded+backfilling',
      numObjectsDegraded: 12,
      numObjectsMisplaced: 0,
    });
    world.allowCopies(2);
    await world.time.until(5000);
    expect(report().state).toBe('active+clean');
  });

  it('waits for room at the one that is full, and comes when there is', async () => {
    const { world, pg, report } = await moved();
    world.nodes[3]!.isFull = true;
    world.allowCopies(2);
    world.orders = { ...world.orders, norebalance: false };
    pg().places.look();
    await world.time.until(2000);
    expect(report().state).toBe('active+backfill_toofull');
    world.nodes[3]!.isFull = false;
    await world.time.until(5000);
    expect(report().state).toBe('active+clean');
  });
});
