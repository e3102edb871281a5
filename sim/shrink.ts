import { type Plan, planOf, type Result, run } from './run.ts';

/** What kind of failure it is: the words before its details. */
function kindOf({ failures }: Pick<Result, 'failures'>): string {
  return failures[0]?.split(/[:\n]/, 1)[0] ?? '';
}

/** Threads of a plan that do something. */
function threadsOf({ options, without }: Plan): number[] {
  const all = Array.from({ length: options.clients * options.threads }, (_, i) => i);
  return all.filter((t) => !without.includes(t));
}

/**
 * Leaves out of a failing plan what it does not need to fail in the same way: faults, threads of clients, the time after
 * the last of what is left. Not the smallest there is, but none of its parts can be left out alone.
 * @param mayTry whether it may be tried once more, after so many runs
 */
export async function shrink(
  plan: Plan,
  failure: Result,
  mayTry: (runs: number) => boolean,
  tryRun: (plan: Plan) => Promise<Result> = run,
): Promise<{ plan: Plan; result: Result; runs: number }> {
  const kind = kindOf(failure);
  let best = { plan, result: failure };
  let runs = 0;
  const attempt = async (candidate: Plan): Promise<boolean> => {
    if (!mayTry(runs)) return false;
    runs++;
    const result = await tryRun(candidate);
    if (kindOf(result) !== kind) return false;
    best = { plan: candidate, result };
    return true;
  };
  /** Tries to leave out parts: halves first, then smaller ones. */
  const reduce = async <T>(
    of: () => readonly T[],
    make: (kept: readonly T[]) => Plan,
  ): Promise<void> => {
    for (let size = Math.max(1, of().length >> 1); size >= 1; size >>= 1) {
      for (let at = 0; at < of().length && mayTry(runs); ) {
        const all = of();
        const kept = [...all.slice(0, at), ...all.slice(at + size)];
        if (!(await attempt(make(kept)))) at += size;
      }
    }
  };
  await reduce(
    () => best.plan.faults,
    (faults) => ({ ...best.plan, faults }),
  );
  await reduce(
    () => threadsOf(best.plan),
    (kept) => ({ ...best.plan, without: withoutAllBut(best.plan, kept) }),
  );
  for (let part = 0.5; part < 0.95 && mayTry(runs); part = (1 + part) / 2) {
    await attempt({ ...best.plan, untilMs: Math.round(best.plan.untilMs * part) });
  }
  return { ...best, runs };
}

export function withoutAllBut({ options }: Plan, kept: readonly number[]): number[] {
  const all = Array.from({ length: options.clients * options.threads }, (_, i) => i);
  return all.filter((t) => !kept.includes(t));
}

/** The command that runs this very plan again. */
export function commandOf(plan: Plan): string {
  const { seed, durationMs, untilMs, faults } = plan;
  const words = [`--seed ${seed}`, `--minutes ${durationMs / 60_000}`];
  if (faults.length < planOf(seed, durationMs).faults.length) {
    words.push(`--faults ${faults.map((f) => f.number).join(',') || 'none'}`);
  }
  if (plan.without.length > 0) words.push(`--threads ${threadsOf(plan).join(',')}`);
  if (untilMs < durationMs) words.push(`--until ${untilMs / 1000}`);
  return `npm run sim -- ${words.join(' ')} --trace`;
}
