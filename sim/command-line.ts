import { availableParallelism } from 'node:os';

/** What `npm run sim` is asked for. */
export interface Asked {
  /** The first seed, and how many from it on. */
  readonly seed: number;
  readonly seeds: number;
  /** Simulated time of each. */
  readonly minutes: number;
  readonly workers: number;
  readonly trace: boolean;
  readonly shrink: boolean;
  /** Of the seed's faults only these, by number. */
  readonly faults: readonly number[] | undefined;
  /** Of the clients' threads only these. */
  readonly threads: readonly number[] | undefined;
  /** Ends the clients' and faults' time earlier, seconds. */
  readonly until: number | undefined;
  /** Wall time after which it ends, with what has run by then. */
  readonly maxSeconds: number | undefined;
}

const USAGE = `usage: npm run sim -- [options]
  --seed S        the first seed (default 1); alone: only this one
  --seeds N       so many seeds from there on
  --minutes M     simulated minutes of each (default 10)
  --hours H       as many seeds as make so many simulated hours
  --workers W     processes (default: as many as there are cores)
  --trace         tells what happens in a run of one seed
  --no-shrink     does not look for smaller runs that fail
  --max-seconds T of several seeds: ends after so much time, and says what was not run
  --faults 1,5    only these of the seed's faults
  --threads 0,2   only these of the clients' threads
  --until SECONDS nothing begins after that`;

/** @throws Error for what is not known */
export function parseArgs(args: readonly string[]): Asked {
  const given = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const name = args[i]!;
    if (name === '--trace' || name === '--no-shrink') given.set(name, '');
    else if (KNOWN.has(name) && args[i + 1] !== undefined) given.set(name, args[++i]!);
    else throw new Error(`${name}?\n${USAGE}`);
  }
  const number = (name: string): number | undefined => {
    const text = given.get(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    if (!Number.isFinite(value) || value < 0) throw new Error(`${name} ${text}?\n${USAGE}`);
    return value;
  };
  const list = (name: string): number[] | undefined =>
    given
      .get(name)
      ?.split(',')
      .filter((w) => w !== '')
      .map(Number);
  const minutes = number('--minutes') ?? 10;
  const hours = number('--hours');
  const seeds = hours === undefined ? (number('--seeds') ?? 1) : Math.ceil((hours * 60) / minutes);
  const maxSeconds = number('--max-seconds');
  if (maxSeconds !== undefined && seeds === 1) {
    throw new Error(`--max-seconds of one seed?\n${USAGE}`);
  }
  return {
    seed: number('--seed') ?? 1,
    seeds,
    minutes,
    maxSeconds,
    workers: number('--workers') ?? availableParallelism(),
    trace: given.has('--trace'),
    shrink: !given.has('--no-shrink'),
    faults: list('--faults'),
    threads: list('--threads'),
    until: number('--until'),
  };
}

const KNOWN = new Set([
  '--seed',
  '--seeds',
  '--minutes',
  '--hours',
  '--workers',
  '--faults',
  '--threads',
  '--until',
  '--max-seconds',
]);
