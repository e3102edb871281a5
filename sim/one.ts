import { faultText } from './faults.ts';
import { type Plan, run } from './run.ts';
import { commandOf, shrink } from './shrink.ts';

/** What is said of one seed. */
export interface Report {
  readonly seed: number;
  readonly isOk: boolean;
  /** How it went, in a line; of a failure also what failed, and the command that runs it again. */
  readonly text: string;
  readonly virtualMs: number;
  readonly requests: number;
  readonly undecided: number;
  readonly cpuMs: number;
}

/** Runs a plan and says how it went. */
export async function one(plan: Plan, tell?: (line: string) => void): Promise<Report> {
  const cpu = stopwatch();
  const result = await run(plan, tell ? { tell } : {});
  const cpuMs = Math.round(cpu());
  const { seed, virtualMs, requests, undecided, traceHash, events, failures } = result;
  const isOk = failures.length === 0;
  const faults = [...result.faults].map(([kind, n]) => `${kind} ${n}`).join(', ');
  const line =
    `seed ${seed} ${isOk ? 'ok' : 'FAILED'} ${traceHash}: ${requests} requests, ${events} events, ` +
    `${Math.round(virtualMs / 1000)} s in ${cpuMs} ms; ${plan.options.osds} OSDs, ${plan.options.store}; ${faults}`;
  const text = isOk ? line : [line, ...failures, commandOf(plan)].join('\n');
  return { seed, isOk, text, virtualMs, requests, undecided, cpuMs };
}

/**
 * What a plan that failed takes to fail: tells the faults that are left, and the command.
 * @param cpuMaxMs processor time after which nothing more is tried
 */
export async function smaller(plan: Plan, cpuMaxMs: number): Promise<string> {
  const first = await run(plan);
  if (first.failures.length === 0) return `seed ${plan.seed} did not fail when it ran again`;
  const cpu = stopwatch();
  const small = await shrink(plan, first, () => cpu() < cpuMaxMs);
  const seconds = Math.round(cpu() / 1000);
  return [
    `seed ${plan.seed} made smaller: ${small.plan.faults.length} of ${plan.faults.length} faults are left ` +
      `after ${small.runs} runs, ${seconds} s of CPU`,
    ...small.result.failures,
    ...small.plan.faults.map((f) => `  ${faultText(f)}`),
    commandOf(small.plan),
  ].join('\n');
}

/** @returns the processor time of this process from now on, milliseconds */
function stopwatch(): () => number {
  const before = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
}
