import { tool } from './clusters.ts';

/** What Debian's `rados bench` is asked for. */
export interface Load {
  readonly what: 'write' | 'rand' | 'seq';
  readonly bytes: number;
  readonly depth: number;
  /** Writes end when there are so many objects. */
  readonly objectsMax?: number;
  /** Tells the objects of one run from those of another. */
  readonly run?: string;
}

export interface Speed {
  readonly ops: number;
  readonly opsPerSecond: number;
  readonly meanMs: number;
}

const CASES: Readonly<Record<string, Load>> = {
  w4k: { what: 'write', bytes: 4096, depth: 16 },
  r4k: { what: 'rand', bytes: 4096, depth: 16 },
  w4k1: { what: 'write', bytes: 4096, depth: 1 },
  w64k: { what: 'write', bytes: 65536, depth: 16 },
  r64k: { what: 'rand', bytes: 65536, depth: 16 },
  w4m: { what: 'write', bytes: 4 << 20, depth: 16 },
  r4m: { what: 'seq', bytes: 4 << 20, depth: 16 },
};

/** The loads of a list of names. @throws Error for a name of none */
export function loadsOf(names: string): { name: string; load: Load }[] {
  return names.split(',').map((name) => {
    const load = CASES[name];
    if (!load) throw new Error(`no case '${name}' among ${Object.keys(CASES).join(', ')}`);
    return { name, load };
  });
}

/** Runs `rados bench` on the pool "bench" with the client and its defaults; written objects stay. */
export async function radosBench(conf: string, seconds: number, load: Load): Promise<Speed> {
  const words = ['-p', 'bench', 'bench', String(seconds), load.what, '-t', String(load.depth)];
  if (load.what === 'write') {
    words.push('-b', String(load.bytes), '-O', String(load.bytes), '--no-cleanup');
    if (load.objectsMax !== undefined) words.push('--max-objects', String(load.objectsMax));
  }
  if (load.run !== undefined) words.push('--run-name', load.run);
  const text = await tool(conf, 'rados', ...words);
  const figure = (label: string): number => {
    const found = new RegExp(`^${label}[^:]*:\\s*([0-9.]+)`, 'm').exec(text)?.[1];
    if (found === undefined) throw new Error(`no '${label}' in: ${text}`);
    return Number(found);
  };
  const ops = figure('Total (?:writes|reads) made');
  return {
    ops,
    opsPerSecond: ops / figure('Total time run'),
    meanMs: figure('Average Latency') * 1000,
  };
}

/** Removes what runs of `rados bench` have written. */
export async function clean(conf: string, run?: string): Promise<void> {
  const which = run === undefined ? ['--prefix', 'benchmark_data'] : ['--run-name', run];
  await tool(conf, 'rados', '-p', 'bench', 'cleanup', ...which);
}
