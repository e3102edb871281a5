// Reads of objects that the primary has yet to import, done by a holder where that is sooner.
import { describe, expect, it } from 'vitest';
import { MPgPull, MPgPush, MPgReadDone } from '../src/osd/peer-messages.ts';
import { bytesRead, isSooner, isWorthAsking } from '../src/osd/requests/range-reads.ts';
import { argsBytes, decodeFront, OSD_OP, type OSDOp, SNAP_HEAD } from '../src/wire/index.ts';
import { ask } from './support/osd-sim.ts';
import { RegisterRun } from './support/register-run.ts';

const SOON_MS = 1500;
const OLD = [0, 1];
const NEW = [2, 3];

/** A primary that has nothing, and copies nothing that nobody asks for. */
async function moved(seed: number): Promise<RegisterRun> {
  const run = new RegisterRun(seed);
  await run.begin(6);
  await run.moveTo(NEW);
  return run;
}

function missing(run: RegisterRun): string[] {
  return [...run.primary!.state.missing.values()].map(({ oid }) => oid.name);
}

describe('a small range of a large object', () => {
  it('is read at a holder, the object stays where it is', async () => {
    const run = await moved(1);
    await run.check('o1', SOON_MS);
    await run.check('o2', SOON_MS);
    expect(await run.readRange('o3', 69_990, 64, SOON_MS)).toMatch(/^[.\d ]{10}$/);
    expect(await run.readRange('o3', 80_000, 64, SOON_MS)).toBe('');
    expect(run.elsewhere).toBe(4);
    await run.until('listed', () => run.primary!.state.import?.isListed === true);
    expect(missing(run)).toEqual(expect.arrayContaining(['o1', 'o2']));
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it('is brought when it is read once more, and one such object at a time', async () => {
    const run = await moved(2);
    let parts = 0;
    const isHeld = { push: true };
    const { onSend } = run.world;
    run.world.onSend = (from, to, m) => {
      if (m.type === MPgPull.type) parts++;
      return onSend(from, to, m) && !(m.type === MPgPush.type && isHeld.push);
    };
    for (const name of ['o1', 'o2', 'o1', 'o2', 'o1']) await run.check(name, SOON_MS);
    expect(run.elsewhere).toBe(5);
    expect(parts).toBe(1);
    isHeld.push = false;
    // What was lost is asked for again with the next change of members.
    await run.moveTo([4, 3]);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it('is the first that is brought in the turn of the PG', async () => {
    const run = await moved(3);
    await run.until('listed', () => run.primary!.state.import?.isListed === true);
    const [last] = missing(run).slice(-1);
    await run.check(last!, SOON_MS);
    const brought: string[] = [];
    const { onSend } = run.world;
    run.world.onSend = (from, to, m) => {
      if (m.type === MPgPull.type) brought.push(decodeFront(MPgPull, m).oid.name);
      return onSend(from, to, m);
    };
    run.world.allowCopies(1);
    await run.end();
    expect(brought[0]).toBe(last);
    expect(run.wrong, run.story).toEqual([]);
  });

  it('is imported before a write, which waits for reads that are under way', async () => {
    const run = await moved(4);
    const held: (() => void)[] = [];
    const { onSend } = run.world;
    let isHolding = true;
    run.world.onSend = (from, to, m) => {
      if (m.type !== MPgReadDone.type || !isHolding) return onSend(from, to, m);
      held.push(() => run.world.send(from, to, run.world.view.epoch, m));
      return false;
    };
    let isRead = false;
    let isWritten = false;
    void run.check('o1', 10_000).then(() => {
      isRead = true;
    });
    await run.until('asked', () => held.length > 0);
    void run.write('o1', 10_000).then(() => {
      isWritten = true;
    });
    await run.world.time.until(1000);
    expect([isRead, isWritten]).toEqual([false, false]);
    isHolding = false;
    for (const send of held) send();
    await run.until('both', () => isRead && isWritten);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('falls back to the import', () => {
  it.each([
    ['a read of the whole', 0],
    ['a read of much of it', 20_000],
  ])('%s', async (_, length) => {
    const run = await moved(5);
    const text = await run.readRange('o1', 0, length, SOON_MS);
    expect(text.length).toBe(length || 70_000);
    expect(run.elsewhere).toBe(0);
    expect(missing(run)).not.toContain('o1');
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it('when the answer never comes and the members change', async () => {
    const run = await moved(6);
    const { onSend } = run.world;
    run.world.onSend = (from, to, m) => onSend(from, to, m) && m.type !== MPgReadDone.type;
    let isRead = false;
    void run.check('o1').then(() => {
      isRead = true;
    });
    await run.world.time.until(1500);
    expect(isRead).toBe(false);
    run.world.onSend = onSend;
    await run.moveTo([4, 3]);
    await run.until('read', () => isRead);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it('when no holder has it whole, and asks every one before', async () => {
    const run = await moved(7);
    const bad = run.world.nodes[OLD[0]!]!;
    bad.damaged.add('o1');
    const said: (boolean | undefined)[] = [];
    const { onSend } = run.world;
    run.world.onSend = (from, to, m) => {
      if (m.type === MPgReadDone.type) said.push(decodeFront(MPgReadDone, m).isHere);
      return onSend(from, to, m);
    };
    for (let i = 0; i < 3; i++) await run.check('o1', SOON_MS);
    // Whoever was asked first: the damaged copy is never what a client gets.
    expect(said.filter((isHere) => isHere).length).toBe(run.elsewhere);
    run.world.nodes[OLD[1]!]!.damaged.add('o2');
    bad.damaged.add('o2');
    let isRead = false;
    void run.check('o2').then(() => {
      isRead = true;
    });
    await run.until('unfound', () => run.primary!.recovery.unfoundCount > 0);
    expect(isRead).toBe(false);
    for (const osd of OLD) run.world.nodes[osd]!.damaged.clear();
    await run.until('read', () => isRead);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('a primary that is cut off together with a holder', () => {
  it('answers reads with what that has while it is sure to be the primary, and not any longer', async () => {
    const run = await moved(8);
    const { world } = run;
    // Of those who have it, the one that is asked.
    let keeper = -1;
    const { onSend } = world;
    world.onSend = (from, to, m) => {
      if (m.type === MPgReadDone.type) keeper = from;
      return onSend(from, to, m);
    };
    const answers: string[] = [];
    const read = (name: string): void => {
      const extent = { offset: 0, length: 16, truncateSize: 0, truncateSeq: 0 };
      const args = argsBytes('extent', extent);
      const what = { name, code: OSD_OP.READ, args, mayWrite: false, to: NEW[0]! };
      ask(world, { client: 9, tid: answers.length + 1, ...what }, (a) => {
        answers.push(Buffer.from(a.outcome!.outputs[0]!).toString());
      });
    };
    await run.until('listed', () => run.primary!.state.import?.isListed === true);
    await run.check('o3', SOON_MS);
    expect(OLD).toContain(keeper);
    for (const a of [keeper, 2]) {
      world.cut('mon', a);
      for (const b of [0, 1, 3, 4, 5]) if (b !== keeper) world.cut(a, b);
    }
    read('o1');
    await world.time.until(100);
    expect(answers).toEqual([expect.stringMatching(/^[.]+4 /)]);
    await run.moveTo([3, 4]);
    await run.write('o1', 5000);
    await run.write('o2', 5000);
    const old = world.nodes[2]!.pg!;
    expect([old.isPrimary, old.isActive, old.state.missing.size]).toEqual([true, true, 6]);
    read('o1');
    read('o2');
    await world.time.until(3000);
    expect(answers.length).toBe(1);
    world.heal();
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('reads are linearizable whoever does them', () => {
  let elsewhere = 0;
  it.each(Array.from({ length: 12 }, (_, i) => i + 1))(
    'while members change, die, forget and are cut off, seed %i',
    async (seed) => {
      const run = new RegisterRun(seed, seed % 3 === 0 ? { readMs: 20 } : {});
      const { world } = run;
      await run.begin(8);
      run.work();
      for (let round = 0; round < 14; round++) {
        await world.time.until(20 + world.random(400));
        const osd = world.random(6);
        switch (world.random(6)) {
          case 0:
            await world.isolatePrimary();
            break;
          case 1:
            world.crash(osd);
            break;
          case 2:
            world.reset(osd, (osd + 1 + world.random(5)) % 6);
            break;
          default: {
            const other = (osd + 1 + world.random(5)) % 6;
            world.place([osd, other]);
          }
        }
        if (world.random(2)) for (let i = 0; i < 6; i++) await world.restart(i);
      }
      world.heal();
      for (let i = 0; i < 6; i++) await world.restart(i);
      await run.end();
      expect(run.wrong, run.story).toEqual([]);
      elsewhere += run.elsewhere;
    },
  );
  it('has had many of them done by holders', () => expect(elsewhere).toBeGreaterThan(200));
});

describe('which reads', () => {
  const op = (code: number, length = 100, payloadLength = 0) => {
    const extent = { offset: 0, length, truncateSize: 0, truncateSeq: 0 };
    return { code, flags: 0, args: argsBytes('extent', extent), argsOffset: 0, payloadLength };
  };
  const bytes = (ops: OSDOp['ops'], snapid = SNAP_HEAD) => bytesRead({ ops, snapid } as OSDOp);

  it('have a bounded size and touch nothing but data', () => {
    expect(bytes([op(OSD_OP.READ), op(OSD_OP.STAT), op(OSD_OP.SPARSE_READ, 50)])).toBe(150);
    expect(bytes([op(OSD_OP.READ, 0)])).toBeUndefined();
    expect(bytes([op(OSD_OP.READ), op(OSD_OP.GETXATTR)])).toBeUndefined();
    expect(bytes([op(OSD_OP.OMAPGETKEYS)])).toBeUndefined();
    expect(bytes([op(OSD_OP.CMPEXT, 100, 100)])).toBeUndefined();
    expect(bytes([op(OSD_OP.READ)], 5n)).toBeUndefined();
  });

  it('are of a PG of large objects, and small beside their own', () => {
    expect(isWorthAsking(4096, { objects: 10, bytes: 10 * 65_536 })).toBe(true);
    expect(isWorthAsking(4096, { objects: 10, bytes: 9 * 65_536 })).toBe(false);
    expect(isWorthAsking(2 ** 20 + 1, { objects: 1, bytes: 2 ** 30 })).toBe(false);
    expect(isSooner(4096, 65_536)).toBe(true);
    expect(isSooner(4096, 65_535)).toBe(false);
    expect(isSooner(16_384, 65_536)).toBe(false);
    expect(isSooner(2 ** 20, 2 ** 23)).toBe(true);
    expect(isSooner(2 ** 20 + 1, 2 ** 30)).toBe(false);
  });
});
