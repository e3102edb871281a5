/**
 * Real daemons on disk whose pools go from 8 to 64 PGs and back, while our client and Debian's `rados bench` write and
 * compare, with a `kill -9` of an OSD on either way. See test/support/thrash/pg-nums.ts. On failure the cluster's folder
 * with the daemons' logs is kept, and the seed printed.
 *
 * Run: npm run verify:pg-num -- [--from N] [--to N] [--back N] [--seed S]
 */
import { parseArgs } from 'node:util';
import { Daemons } from '../support/thrash/daemons.ts';
import { diceOf } from '../support/thrash/dice.ts';
import { runPgNums } from '../support/thrash/pg-nums.ts';
import { Run } from '../support/thrash/run.ts';

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '8' },
    to: { type: 'string', default: '64' },
    back: { type: 'string', default: '8' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
});
const [from, to, back] = [values.from, values.to, values.back].map(Number) as [
  number,
  number,
  number,
];

const run = new Run(diceOf(Number(values.seed)));
const daemons = new Daemons(run);
run.say(`seed ${values.seed}, cluster in ${run.cluster.dir}`);
try {
  await runPgNums(run, daemons, { from, to, back });
} catch (e) {
  run.fail(e instanceof Error ? (e.stack ?? e.message) : String(e));
} finally {
  daemons.wellAgain();
  await run.closeClients();
}
if (run.wrong.length === 0) {
  run.say('nothing is wrong');
  await run.cluster.clear();
} else {
  console.log(run.wrong.slice(0, 20).join('\n'));
  run.say(`seed ${values.seed}; kept with its logs: ${run.cluster.dir}`);
}
process.exitCode = run.wrong.length > 0 ? 1 : 0;
