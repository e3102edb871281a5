import { faultText } from './faults.ts';
import { type Plan, run } from './run.ts';
import { commandOf, shrink } from './shrink.ts';

/** What is said of one seed. */
export interface Report {
  readonly seed: number;
  readonly isOk: boolean;
  /** What failed, the faults that it takes, and how to see it again. */
  readonly text: string;
  readonly line: string;
  readonly virtualMs: number;
  readonly requests: number;
  readonly undecided: number;
  readonly cpuMs: number;
}

const SHRINK_RUNS_MAX = 60;

/** Runs a plan and says how it went; of a failure it looks for what it takes. */
export async function one(
  plan: Plan,
  isShrunk: boolean,
  tell?: (line: string) => void,
): Promise<Report> {
  const before = process.cpuUsage();
  const first = await run(plan, tell ? { tell } : {});
  const { user, system } = process.cpuUsage(before);
  const cpuMs = Math.round((user + system) / 1000);
  const { seed, virtualMs, requests, undecided, traceHash, events } = first;
  const isOk = first.failures.length === 0;
  const faults = [...first.faults].map(([kind, n]) => `${kind} ${n}`).join(', ');
  const line =
    `seed ${seed} ${isOk ? 'ok' : 'FAILED'} ${traceHash}: ${requests} requests, ${events} events, ` +
    `${Math.round(virtualMs / 1000)} s in ${cpuMs} ms; ${plan.options.osds} OSDs, ${plan.options.store}; ${faults}`;
  let text = '';
  if (!isOk) {
    const small = isShrunk
      ? await shrink(plan, first, SHRINK_RUNS_MAX)
      : { plan, result: first, runs: 0 };
    text = [
      ...small.result.failures,
      `faults (${small.plan.faults.length} of ${plan.faults.length} after ${small.runs} runs):`,
      ...small.plan.faults.map((f) => `  ${faultText(f)}`),
      commandOf(small.plan),
    ].join('\n');
  }
  return { seed, isOk, text, line, virtualMs, requests, undecided, cpuMs };
}
