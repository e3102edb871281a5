// Real daemons on disk whose PGs are split and merged under load, the short form of `npm run verify:pg-num`.
import { describe, expect, test } from 'vitest';
import { toolsMissing } from './support/interop.ts';
import { Daemons } from './support/thrash/daemons.ts';
import { diceOf } from './support/thrash/dice.ts';
import { runPgNums } from './support/thrash/pg-nums.ts';
import { Run } from './support/thrash/run.ts';

const missing = toolsMissing('ceph', 'rados');

describe.skipIf(missing)('pools of real daemons on disk', () => {
  test('have more PGs and fewer, with an OSD killed on either way, and lose, misread and miscount nothing', async () => {
    const run = new Run(diceOf(1));
    const daemons = new Daemons(run);
    try {
      await runPgNums(run, daemons, { from: 4, to: 8, back: 7 });
    } finally {
      daemons.wellAgain();
      await run.closeClients();
      await run.cluster.clear();
    }
    expect(run.wrong).toEqual([]);
  }, 120_000);
});
