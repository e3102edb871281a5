/**
 * The two engines for metadata that need no install script, LMDB and LevelDB (classic-level), behind the KeyValue port: with
 * the sizes of the block store's own batches, in turn, each in a process of its own.
 * Run: npm run bench:key-value -- [--entries 1000000] [--seconds 3] [--rounds 3] [--dir DIRECTORY]
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { tempFolder } from '../test/support/temp-folder.ts';
import { median, shown, table } from './support/figures.ts';
import { machine } from './support/processes.ts';

const { values } = parseArgs({
  options: {
    entries: { type: 'string', default: '1000000' },
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    dir: { type: 'string', default: tmpdir() },
  },
});
const ENGINES = ['LMDB', 'LevelDB'] as const;
type Engine = (typeof ENGINES)[number];
type Figures = Record<string, number>;
const RUN = fileURLToPath(new URL('./support/key-value-run.ts', import.meta.url));
const words = (job: string, engine: Engine, dir: string, entries: string): string[] => [
  ...process.execArgv,
  RUN,
  job,
  engine,
  dir,
  entries,
  values.seconds,
];

async function run(job: string, engine: Engine, dir: string, entries: string): Promise<Figures> {
  const { stdout } = await promisify(execFile)(process.execPath, words(job, engine, dir, entries));
  return JSON.parse(stdout) as Figures;
}

/** Batches that a process has told as durable before it is killed; it is killed in the middle of its work. */
const KILLED_AFTER = 5_000;

/** @returns how many, all numbers below it */
async function killed(engine: Engine, dir: string): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, words('victim', engine, dir, '0'), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const told = new Set<number>();
  for await (const line of createInterface({ input: child.stdout! })) {
    told.add(Number(line));
    if (told.size === KILLED_AFTER) child.kill('SIGKILL');
  }
  let whole = 0;
  while (told.has(whole)) whole++;
  return whole;
}

async function round(engine: Engine): Promise<Figures> {
  const dir = tempFolder('engines', values.dir);
  try {
    const figures: Figures = {};
    for (const job of ['fill', 'cold', 'load']) {
      Object.assign(figures, await run(job, engine, join(dir, 'db'), values.entries));
    }
    const whole = await killed(engine, join(dir, 'killed'));
    const after = await run('after', engine, join(dir, 'killed'), String(whole));
    return { ...figures, ...after };
  } finally {
    await rm(dir, { recursive: true });
  }
}

const rounds: Record<Engine, Figures[]> = { LMDB: [], LevelDB: [] };
for (let i = 0; i < Number(values.rounds); i++) {
  for (const engine of ENGINES) rounds[engine].push(await round(engine));
}
const middle = (engine: Engine, name: string): string => {
  const all = rounds[engine].flatMap((r) => r[name] ?? []);
  return all.length === 0 ? '' : shown(median(all));
};
const names = new Set(ENGINES.flatMap((engine) => Object.keys(rounds[engine][0] ?? {})));
console.log(`${machine()}; ${values.entries} entries, medians of ${values.rounds} rounds\n`);
console.log(
  table(
    ['', ...ENGINES],
    [...names].map((name) => [name, ...ENGINES.map((engine) => middle(engine, name))]),
  ),
);
