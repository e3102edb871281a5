// Members that come to a PG with nothing serve it one peering round later, whatever comes in between.
import { describe, expect, it } from 'vitest';
import { ImportRun } from './support/import-run.ts';

const OLD = [0, 1];
const MIDDLE = [2, 3];
const THIRD = [4, 5];

/** Time of a peering round and of bringing the objects that are asked for: far less than an import takes. */
const SOON_MS = 1500;

const STEP = Number(process.env.IMPORT_STEP ?? 7);
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
