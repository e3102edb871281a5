// Members that come to a PG with nothing serve it one peering round later, whatever comes in between.
import { describe, expect, it } from 'vitest';
import { MPgList, MPgNoticed, MPgPush, MPgRemove, MPgRemoved } from '../src/osd/peer-messages.ts';
import type { Pg } from '../src/osd/pg/pg.ts';
import { factsOf } from '../src/osd/pg/pg-facts.ts';
import { stateOf } from '../src/osd/pg/pg-report.ts';
import { listUnfound, markUnfoundLost, type PgReply } from '../src/osd/pg/pg-unfound.ts';
import { reportImport } from '../src/osd/recovery/import-report.ts';
import { formatPgState } from '../src/wire/index.ts';
import { ImportRun } from './support/import-run.ts';
import { contentsOf, type SimOptions } from './support/osd-sim.ts';

const OLD = [0, 1];
const MIDDLE = [2, 3];
const THIRD = [4, 5];

/** Time of a peering round and of bringing the objects that are asked for: far less than an import takes. */
const SOON_MS = 1500;

const STEP = Number(process.env.IMPORT_STEP ?? 4);
/** Every so many messages of an import, which is about 100. */
const CUTS = Array.from({ length: Math.floor(110 / STEP) }, (_, i) => 1 + i * STEP);

async function second(cut: number, next: number[], whenClean: boolean): Promise<void> {
  const run = new ImportRun(cut);
  await run.begin();
  run.work();
  const moved = new Promise<void>((done) => {
    const move = (): void => {
      run.world.place(next);
      done();
    };
    if (!whenClean) run.afterMessages(cut, move);
    run.world.place(MIDDLE);
    if (whenClean) {
      void run
        .until('clean', () => Boolean(run.primary?.isClean && run.primary.host.id === MIDDLE[0]))
        .then(() => run.afterMessages(cut, move));
    }
  });
  let isMoved = false;
  void moved.then(() => {
    isMoved = true;
  });
  await run.until('moved', () => isMoved);
  await run.check(SOON_MS);
  await run.end();
  expect(run.wrong, run.story).toEqual([]);
}

describe('a second map change, the first import', () => {
  it.each(CUTS)('not being clean, to third OSDs after %i messages', (cut) =>
    second(cut, THIRD, false),
  );
  it.each(CUTS)('not being clean, back to the old OSDs after %i messages', (cut) =>
    second(cut, OLD, false),
  );
  it.each(CUTS.slice(0, 4))('being clean, to third OSDs after %i more messages', (cut) =>
    second(cut, THIRD, true),
  );
  it.each(CUTS.slice(0, 4))('being clean, back to the old OSDs after %i more messages', (cut) =>
    second(cut, OLD, true),
  );
});

/** Nothing is copied in the background: what is not asked for stays where it is. */
const STILL = { copies: 0 };

/** Listings are lost, so that nothing is known but what the log says. */
function deafen(run: ImportRun): () => void {
  const { onSend } = run.world;
  run.world.onSend = (from, to, message) =>
    onSend(from, to, message) && message.type !== MPgList.type;
  return () => {
    run.world.onSend = onSend;
  };
}

describe('while nothing is copied in the background', () => {
  async function moved(isDeaf: boolean): Promise<{ run: ImportRun; hear: () => void }> {
    const run = new ImportRun(7, STILL);
    await run.begin();
    const hear = isDeaf ? deafen(run) : () => {};
    run.world.place(MIDDLE);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    return { run, hear };
  }

  it.each([false, true])(
    'every object is read, changed, made and deleted; listings lost: %s',
    async (isDeaf) => {
      const { run, hear } = await moved(isDeaf);
      expect(await run.read('o1', SOON_MS)).toBe('first of 1');
      expect(await run.read('o11', SOON_MS)).toBeUndefined();
      await run.write('o2', 'changed', SOON_MS);
      await run.append('o4', ' and more', SOON_MS);
      await run.remove('o5', SOON_MS);
      await run.remove('o7', SOON_MS);
      await run.create('new', 0, SOON_MS);
      await run.create('o6', -17, SOON_MS);
      await run.setOmap('o8', { a: '1' }, SOON_MS);
      expect(await run.getOmap('o8', SOON_MS)).toEqual({ a: '1', first: 'of 8' });
      await run.check(SOON_MS);
      // It was asked for whatever was there, and nothing else came.
      expect(run.primary!.isClean).toBe(false);
      expect(run.wrong, run.story).toEqual([]);
      // A write has reached the other member whole, though it has not listed anything.
      const other = await contentsOf(run.world.nodes[3]!);
      expect(other.get('o4')?.startsWith('first of 4 and more')).toBe(true);
      hear();
      run.world.allowCopies(2);
      await run.end();
      expect(run.wrong, run.story).toEqual([]);
    },
  );

  it('reads ask for the copy of the primary only', async () => {
    const { run } = await moved(true);
    // What is left of the clients' requests of before is done.
    await run.world.time.until(500);
    const before = run.copies;
    await run.read('o1', SOON_MS);
    expect(run.copies - before).toBe(1);
    await run.write('o1', 'x', SOON_MS);
    expect(run.copies - before).toBe(2);
  });

  it('lists all objects, pending ones included, and deleted ones not', async () => {
    const { run } = await moved(false);
    await run.remove('o1', SOON_MS);
    await run.write('o99', 'new', SOON_MS);
    const expected = [...run.model].flatMap(([name, text]) => (text === undefined ? [] : [name]));
    expect(await run.list(4, SOON_MS)).toEqual(expected.sort());
    expect(run.primary!.state.missing.size).toBeGreaterThan(3);
  });
});

describe('an import', () => {
  const FEWER = CUTS.filter((_, i) => i % 2 === 0);

  it.each(FEWER)('goes on when its primary is started again after %i messages', async (cut) => {
    const run = new ImportRun(1000 + cut);
    await run.begin();
    run.work();
    run.afterMessages(cut, () => {
      run.world.crash(2);
      void run.world.restart(2);
    });
    run.world.place(MIDDLE);
    await run.world.time.until(700);
    await run.check(3 * SOON_MS);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it.each(FEWER)('goes on when a holder dies for good after %i messages', async (cut) => {
    const run = new ImportRun(2000 + cut);
    await run.begin();
    run.work();
    run.afterMessages(cut, () => run.world.crash(cut % 2));
    run.world.place(MIDDLE);
    await run.world.time.until(700);
    await run.check(3 * SOON_MS);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it.each(FEWER)(
    'goes on when sessions forget what was on its way after %i messages',
    async (cut) => {
      const run = new ImportRun(3000 + cut);
      await run.begin();
      run.work();
      run.afterMessages(cut, () => {
        for (const osd of [...OLD, 3]) run.world.reset(2, osd);
      });
      run.world.place(MIDDLE);
      await run.end();
      expect(run.wrong, run.story).toEqual([]);
    },
  );

  it('waits for its only holder, serves what it knows meanwhile, and is whole when that is back', async () => {
    const run = new ImportRun(4, { size: 1, minSize: 1, copies: 0 });
    await run.begin();
    run.world.place([2]);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    await run.until('listing', () => run.primary!.state.import!.info.cursor.name !== '', 2000);
    await run.write('o1', 'here', SOON_MS);
    run.world.crash(0);
    await run.world.time.until(1000);
    expect(await run.read('o1', SOON_MS)).toBe('here');
    await run.write('o1', 'still', SOON_MS);
    expect(run.primary!.isClean).toBe(false);
    await run.world.restart(0);
    run.world.allowCopies(2);
    await run.world.time.until(1500);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('objects whose last holder is lost', () => {
  it('are given up when that is declared, and not before', async () => {
    const run = new ImportRun(11, { size: 1, minSize: 1, copies: 0 });
    await run.begin();
    const hear = deafen(run);
    run.world.place([2]);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    await run.write('o1', 'here', SOON_MS);
    run.world.crash(0);
    await run.world.time.until(2000);
    hear();
    let isAnswered = false;
    const read = run.read('o2').then((text) => {
      isAnswered = true;
      return text;
    });
    await run.world.time.until(3000);
    expect([isAnswered, reportImport(run.primary!).isListed]).toEqual([false, false]);
    run.world.lost.set(0, run.world.view.epoch + 1);
    run.world.publish();
    await run.until('given up', () => reportImport(run.primary!).isListed);
    expect(await read).toBeUndefined();
    expect(await run.read('o1', SOON_MS)).toBe('here');
    expect(run.world.nodes[2]!.fatal).toBeUndefined();
  });
});

describe('an import whose holders are gone', () => {
  async function stalled(seed: number, more: Partial<SimOptions> = {}): Promise<ImportRun> {
    const run = new ImportRun(seed, { size: 1, minSize: 1, copies: 0, ...more });
    await run.begin();
    const hear = deafen(run);
    run.world.place([2]);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    await run.write('o1', 'here', SOON_MS);
    run.world.crash(0);
    await run.until('down', () => !run.primary!.host.isUp(0));
    hear();
    await run.until('stalled', () => run.primary!.member.importer.isStalled);
    return run;
  }
  async function giveUp(run: ImportRun): Promise<PgReply> {
    let reply: PgReply | undefined;
    void markUnfoundLost(run.primary!, 'delete').then((r) => {
      reply = r;
    });
    await run.until('a reply', () => reply !== undefined);
    return reply!;
  }

  it('says that something cannot be found and who may have it, and is not given up meanwhile', async () => {
    const run = await stalled(21);
    expect(formatPgState(stateOf(run.primary!))).toContain('backfill_unfound');
    const facts = factsOf(run.primary!);
    expect(facts.isStalled).toBe(true);
    expect(facts.unfound).toBeGreaterThan(0);
    expect(facts.mightHaveUnfound).toEqual([{ osd: '0', status: 'osd is down' }]);
    expect(await giveUp(run)).toMatchObject({ result: -22 });
    await run.world.restart(0);
    run.world.allowCopies(2);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it('does not let the log grow for ever: writes wait at a bound, until all is listed', async () => {
    const run = await stalled(24, { logListing: 60 });
    const { log } = run.primary!.state;
    let count = 0;
    const write = (): void => {
      void run.write('o1', `${count + 1} times`).then(() => {
        count++;
        write();
      });
    };
    write();
    await run.world.time.until(20_000);
    expect(log.length).toBe(60);
    expect(factsOf(run.primary!).isLogFull).toBe(true);
    const before = count;
    await run.world.restart(0);
    run.world.allowCopies(2);
    await run.until('written again', () => count > before + 100, 60_000);
    expect(run.primary!.state.log.length).toBeLessThan(60);
    expect(run.primary!.isLogFull).toBe(false);
    expect(run.wrong, run.story).toEqual([]);
  });

  it('is ended by mark_unfound_lost when they came back empty', async () => {
    const run = await stalled(22);
    run.world.nodes[0]!.wipe();
    await run.world.restart(0);
    const isProbed = (): boolean => run.primary!.member.importer.isSpent(0);
    await run.until('probed', isProbed);
    await run.world.time.until(3000);
    expect(reportImport(run.primary!).isListed).toBe(false);
    expect(factsOf(run.primary!).mightHaveUnfound).toEqual([
      { osd: '0', status: 'already probed' },
    ]);
    expect(listUnfound(run.primary!)).toMatchObject({ available_might_have_unfound: true });
    const reply = await giveUp(run);
    expect(reply.status).toMatch(/^pg has \d+ objects unfound and apparently lost marking$/);
    run.world.allowCopies(2);
    // What the log still names is known, and is nowhere either.
    await run.until(
      'unfound',
      () =>
        (run.primary!.isActive && run.primary!.recovery.unfoundCount > 0) || run.primary!.isClean,
    );
    if (!run.primary!.isClean) await giveUp(run);
    for (const name of run.model.keys()) if (name !== 'o1') run.model.set(name, undefined);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
    await run.until('counted', () => !run.primary!.state.info.isEstimated);
    expect(run.primary!.state.totals.objects).toBe(1);
    expect(await giveUp(run)).toMatchObject({ status: 'pg has no unfound objects' });
  });

  it('leaves peering to the next primary when it is given up while the members change', async () => {
    const run = await stalled(22, { commitMs: 1000 });
    run.world.nodes[0]!.wipe();
    await run.world.restart(0);
    const giver = run.primary!;
    await run.until('probed', () => giver.member.importer.isSpent(0));
    let isDone = false;
    void markUnfoundLost(giver, 'delete').then(() => {
      isDone = true;
    });
    run.world.place([3, 2]);
    await run.until('moved', () => !giver.isPrimary);
    expect(isDone).toBe(false);
    await run.until('done', () => isDone);
    await run.world.time.until(1500);
    expect(giver.peering.phase.name).toBe('idle');
  });

  it('is not given up before other members have told what they listed', async () => {
    const run = new ImportRun(23, { copies: 0 });
    await run.begin();
    const { onSend } = run.world;
    run.world.onSend = (from, to, message) =>
      onSend(from, to, message) && (message.type !== MPgList.type || to !== 2);
    run.world.place(MIDDLE);
    const other = (): Pg | undefined => run.world.nodes[3]!.pg;
    await run.until('listed', () => Boolean(other()?.state.import?.isListed));
    for (const osd of OLD) run.world.crash(osd);
    await run.world.time.until(1000);
    for (const osd of OLD) run.world.lost.set(osd, run.world.view.epoch + 1);
    run.world.onSend = onSend;
    run.world.publish();
    await run.until('listed', () => reportImport(run.primary!).isListed);
    expect(run.primary!.state.missing.size).toBe(other()!.state.missing.size);
    expect(run.primary!.state.missing.size).toBeGreaterThan(3);
    expect(run.primary!.state.info.isEstimated).toBe(false);
  });
});

describe('strays', () => {
  it('are told to drop their copies until they confirm it, however many words are lost', async () => {
    const run = new ImportRun(5);
    await run.begin();
    let lost = 0;
    const { onSend } = run.world;
    const LOSSY: number[] = [MPgRemove.type, MPgRemoved.type, MPgNoticed.type];
    run.world.onSend = (from, to, message) => {
      const isLost = LOSSY.includes(message.type) && lost < 7;
      if (isLost) lost++;
      return onSend(from, to, message) && !isLost;
    };
    run.world.place(MIDDLE);
    await run.end();
    expect(lost).toBe(7);
    expect(run.wrong, run.story).toEqual([]);
  });

  it('announce themselves when they come back long after the PG became clean without them', async () => {
    const run = new ImportRun(6);
    await run.begin();
    run.world.crash(0);
    await run.world.time.until(500);
    run.world.place(MIDDLE);
    await run.until('clean', () => Boolean(run.primary?.isClean && run.primary.host.id === 2));
    await run.write('o1', 'newer');
    await run.remove('o2');
    await run.world.restart(0);
    expect(run.world.nodes[0]!.contents.hasCollection('1.0')).toBe(true);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it('announce themselves in each life, also when they lived all the time (seed 983)', async () => {
    const run = new ImportRun(7);
    await run.begin();
    const { world } = run;
    const { onSend } = world;
    let isCutOff = true;
    world.onSend = (from, to, message) =>
      onSend(from, to, message) && !(isCutOff && message.type === MPgRemove.type);
    world.place(MIDDLE);
    const holder = world.nodes[0]!;
    await run.until('clean', () => Boolean(run.primary?.isClean && run.primary.host.id === 2));
    await run.until('noticed', () => holder.pg?.announcement.isHomeless === false);
    world.markDown(0, holder.life);
    await run.until('down', () => world.nodes.every((n) => n.view === world.view));
    isCutOff = false;
    world.heal();
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('an old holder that is to be a member again while it still drops its copy', () => {
  it('finds into an interval that began before it was done', async () => {
    const run = new ImportRun(12, { commitMs: 300 });
    await run.begin();
    const { nodes } = run.world;
    run.world.place(MIDDLE);
    await run.until('removing', () => nodes[0]!.isRemoving && nodes[1]!.isRemoving);
    run.world.place(OLD);
    await run.world.time.until(40);
    // The map goes on, and the members stay.
    run.world.publish();
    await run.world.time.until(40);
    expect(nodes[0]!.isRemoving || nodes[1]!.isRemoving).toBe(true);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('a log that decides about listings', () => {
  it('keeps its tombstones until everything is listed, over restarts, and is cut then', async () => {
    const run = new ImportRun(14);
    await run.begin();
    const hear = deafen(run);
    run.world.place(MIDDLE);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    await run.remove('o5', SOON_MS);
    await run.write('o6', 'changed', SOON_MS);
    // More than a log holds otherwise.
    for (let i = 0; i < 60; i++) await run.write('o0', `again ${i}`, SOON_MS);
    expect(run.primary!.state.log.length).toBeGreaterThan(60);
    for (const osd of MIDDLE) {
      run.world.crash(osd);
      await run.world.restart(osd);
    }
    await run.until('back', () => Boolean(run.primary?.isActive));
    hear();
    await run.end();
    expect(await run.read('o5')).toBeUndefined();
    for (let i = 0; i < 3; i++) await run.write('o0', `last ${i}`);
    expect(run.primary!.state.log.length).toBeLessThan(60);
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('listings', () => {
  /** Thirty objects spread over the order, in pages of three. */
  async function spread(seed: number): Promise<ImportRun> {
    const run = new ImportRun(seed, { copies: 0 });
    run.world.hashOf = (name) => (Number(name.slice(1)) * 0x9e3779b1) >>> 0;
    await run.begin(40);
    return run;
  }
  const stateOf = (run: ImportRun, osd: number) =>
    reportImport(run.primary!).sources.find((s) => s.osd === osd)?.state;

  it('come from all holders at once', async () => {
    const run = await spread(31);
    const pages = new Map<number, number>();
    const states = new Set<string | undefined>();
    const { onSend } = run.world;
    run.world.onSend = (from, to, message) => {
      if (message.type === MPgList.type && to === 2 && run.primary?.host.id === 2) {
        pages.set(from, (pages.get(from) ?? 0) + 1);
        for (const osd of OLD) states.add(stateOf(run, osd));
      }
      return onSend(from, to, message);
    };
    run.world.place(MIDDLE);
    await run.until('listed', () => run.primary?.state.import?.isListed === true);
    expect(Math.min(pages.get(0)!, pages.get(1)!)).toBeGreaterThan(3);
    expect([...states].sort()).toEqual(['importing', 'starting']);
    const expected = [...run.model].flatMap(([name, text]) => (text === undefined ? [] : [name]));
    expect((await run.list(7, SOON_MS)).sort()).toEqual(expected.sort());
    run.world.allowCopies(4);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it.each(OLD)('do not wait for osd.%i, which never answers', async (mute) => {
    const run = await spread(32);
    const { onSend } = run.world;
    run.world.onSend = (from, to, m) =>
      onSend(from, to, m) && (m.type !== MPgList.type || from !== mute);
    run.world.place(MIDDLE);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    // One time that an answer is waited for, not one for each page.
    await run.until('listed', () => run.primary?.state.import?.isListed === true, 3000);
    run.world.onSend = onSend;
    run.world.allowCopies(4);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });

  it.each(CUTS.filter((_, i) => i % 4 === 0))(
    'are right while clients write and a holder dies after %i messages',
    async (cut) => {
      const run = await spread(4000 + cut);
      run.work(40);
      run.afterMessages(cut, () => run.world.crash(cut % 2));
      run.world.place(MIDDLE);
      await run.world.time.until(700);
      run.world.allowCopies(2);
      await run.check(3 * SOON_MS);
      await run.end();
      expect(run.wrong, run.story).toEqual([]);
    },
  );
});

describe('copies', () => {
  it('come from all holders at once', async () => {
    const run = new ImportRun(13, { copies: 4 });
    await run.begin(40);
    const given = new Map<number, number>();
    const { onSend } = run.world;
    run.world.onSend = (from, to, message) => {
      if (message.type === MPgPush.type && to === 2) given.set(from, (given.get(from) ?? 0) + 1);
      return onSend(from, to, message);
    };
    run.world.place(MIDDLE);
    await run.end();
    // Thirty objects, by halves but for some.
    expect(Math.min(given.get(0)!, given.get(1)!)).toBeGreaterThan(10);
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('a member whose last copy is still being removed when the map puts the PG there again', () => {
  // The slower the removal, the later the PG comes to be: after the primary's question, and in a later map.
  it.each([0, 1, 2, 3].flatMap((maps) => [OLD, [1, 0]].map((osds) => ({ maps, osds }))))(
    'is a member all the same, $maps more maps later, as $osds',
    async ({ maps, osds }) => {
      const run = new ImportRun(11 + maps, { commitMs: 200 });
      await run.begin();
      const [, other] = run.world.nodes;
      run.world.place([0, 2]);
      await run.until('removing', () => other!.isRemoving);
      run.world.place(osds);
      for (let i = 0; i < maps; i++) run.world.publish();
      await run.check(SOON_MS + 1000);
      await run.end();
      expect(run.wrong, run.story).toEqual([]);
    },
  );
});

describe('an OSD whose copy is still being removed when it was a member for a moment only', () => {
  it('is not waited for by those who come after it', async () => {
    const run = new ImportRun(11, { commitMs: 1000 });
    await run.begin();
    const { world } = run;
    const [primary, other] = world.nodes;
    world.place([0, 2]);
    await run.until('removing', () => other!.isRemoving);
    world.place(OLD);
    const { epoch } = world.view;
    await run.until('there', () => primary!.view!.epoch >= epoch);
    // Another PG of the same primary wants to serve: so this one may have been written to, as far as the map tells.
    world.vouchFor(primary!, primary!.life);
    await run.until('vouched for', () => primary!.view!.upThru >= epoch);
    world.place([0, 2]);
    const { epoch: last } = world.view;
    await run.until('asked', () => world.nodes.every((n) => n.view!.epoch >= last));
    expect(other!.isRemoving).toBe(true);
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});

describe('a series of maps', () => {
  it.each([0, 20, 150])('%i ms apart moves no more than its last one alone', async (apartMs) => {
    const moved = async (maps: readonly (readonly number[])[]): Promise<[number, number]> => {
      const run = new ImportRun(8);
      await run.begin();
      await run.world.time.until(500);
      const { copies, copiedBytes } = run;
      for (const osds of maps) {
        run.world.place(osds);
        if (apartMs > 0) await run.world.time.until(apartMs);
      }
      await run.end();
      expect(run.wrong, run.story).toEqual([]);
      return [run.copies - copies, run.copiedBytes - copiedBytes];
    };
    const botched = [MIDDLE, [5, 3], [1, 4], THIRD, [3, 2], OLD, [2, 5], MIDDLE, [0, 5], [4, 2]];
    expect(await moved([...botched, THIRD])).toEqual(await moved([THIRD]));
    // And one that ends where it began moves nothing.
    expect(await moved([...botched, OLD])).toEqual([0, 0]);
  });
});

describe('what a PG says of itself', () => {
  it('names its sources while it imports, and those that are to drop their copies', async () => {
    const run = new ImportRun(9, { copies: 0, listMax: 100 });
    await run.begin();
    const lost = run.world.onSend;
    // Neither pages nor removals arrive for the time being.
    let isOpen = false;
    run.world.onSend = (from, to, m) =>
      lost(from, to, m) && (isOpen || (m.type !== MPgList.type && m.type !== MPgRemove.type));
    run.world.place(MIDDLE);
    await run.until('moved', () => run.primary?.host.id === 2 && run.primary.isActive);
    const here = () => reportImport(run.primary!);
    const stateOf = (osd: number) => here().sources.find((s) => s.osd === osd)?.state;
    expect(here()).toMatchObject({ state: 'importing', isListed: false, missing: 1 });
    expect([0, 1].map(stateOf)).toContain('starting');
    isOpen = true;
    await run.until('listed', () => here().isListed);
    expect(here().missing).toBeGreaterThan(5);
    expect(here().sources).toContainEqual({ osd: 0, state: 'importing', left: here().missing });
    expect(reportImport(run.world.nodes[0]!.pg!).state).toBe('exporting');
    isOpen = false;
    run.world.allowCopies(2);
    await run.until('clean', () => run.primary!.isClean);
    expect(here()).toMatchObject({ state: 'clean', missing: 0 });
    expect([0, 1].map(stateOf)).toEqual(['finishing', 'finishing']);
    isOpen = true;
    await run.end();
    await run.until('confirmed', () => here().sources.length === 0);
    expect(run.wrong, run.story).toEqual([]);
  });

  it('is homeless where its primary has not taken notice of it', async () => {
    const run = new ImportRun(10);
    await run.begin();
    const { onSend } = run.world;
    // What the old members say is lost.
    run.world.onSend = (from, to, m) => onSend(from, to, m) && from > 1;
    run.world.place(MIDDLE);
    const word = () => reportImport(run.world.nodes[1]!.pg!).state;
    await run.until('homeless', () => word() === 'homeless');
    run.world.onSend = onSend;
    await run.until('exporting', () => word() === 'exporting');
    await run.end();
    expect(run.wrong, run.story).toEqual([]);
  });
});
