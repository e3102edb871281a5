/**
 * `npm run sim`: whole clusters in virtual time, each from a seed. One seed is run here, several in processes side by
 * side. Exits with 1 when one fails, 2 when it does not understand.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { type Asked, parseArgs } from './command-line.ts';
import { one, type Report } from './one.ts';
import { type Plan, planOf } from './run.ts';
import { withoutAllBut } from './shrink.ts';
import type { Job } from './worker.ts';

const PROGRESS_MS = 5000;

function planAsked(asked: Asked): Plan {
  const plan = planOf(asked.seed, asked.minutes * 60_000);
  const { faults, threads, until } = asked;
  return {
    ...plan,
    faults: faults ? plan.faults.filter((f) => faults.includes(f.number)) : plan.faults,
    without: threads ? withoutAllBut(plan, threads) : plan.without,
    untilMs: until === undefined ? plan.untilMs : until * 1000,
  };
}

/** Runs seeds side by side. @returns those that failed */
async function many(asked: Asked): Promise<number[]> {
  const failed: number[] = [];
  const begun = performance.now();
  let next = asked.seed;
  const end = asked.seed + asked.seeds;
  let done = 0;
  let hours = 0;
  let requests = 0;
  let undecided = 0;
  let cpuMs = 0;
  const took = (r: Report): void => {
    done++;
    hours += r.virtualMs / 3_600_000;
    requests += r.requests;
    undecided += r.undecided;
    cpuMs += r.cpuMs;
    if (r.isOk) return;
    failed.push(r.seed);
    console.log(`${r.line}\n${r.text}\n`);
  };
  const state = (): string =>
    `${done} of ${asked.seeds} seeds, ${failed.length} failed; ${hours.toFixed(1)} simulated hours, ` +
    `${requests} requests, ${undecided} objects undecided; ${Math.round((performance.now() - begun) / 1000)} s, ` +
    `${done > 0 ? (cpuMs / done / 1000).toFixed(2) : '-'} s of CPU per seed`;
  const progress = setInterval(() => console.log(state()), PROGRESS_MS);
  const workers: ChildProcess[] = [];
  const work = (): Promise<void> =>
    new Promise((resolve) => {
      const child = fork(new URL('./worker.ts', import.meta.url));
      workers.push(child);
      let seed = 0;
      const give = (): void => {
        if (next >= end) {
          child.disconnect();
          return;
        }
        seed = next++;
        const job: Job = { seed, minutes: asked.minutes, shrink: asked.shrink };
        child.send(job);
      };
      child.on('message', (r: Report) => {
        seed = 0;
        took(r);
        give();
      });
      child.on('exit', (code) => {
        if (seed !== 0) {
          done++;
          failed.push(seed);
          console.log(`seed ${seed}: its process ended with ${code}`);
        }
        resolve();
      });
      give();
    });
  await Promise.all(Array.from({ length: Math.min(asked.workers, asked.seeds) }, work));
  clearInterval(progress);
  console.log(state());
  return failed;
}

async function main(): Promise<number> {
  let asked: Asked;
  try {
    asked = parseArgs(process.argv.slice(2));
  } catch (e) {
    console.error(e instanceof Error ? e.message : e);
    return 2;
  }
  if (asked.seeds === 1) {
    const tell = asked.trace ? (line: string): void => console.log(line) : undefined;
    const report = await one(planAsked(asked), asked.shrink && !asked.trace, tell);
    console.log(report.line);
    if (!report.isOk) console.log(report.text);
    return report.isOk ? 0 : 1;
  }
  const failed = await many(asked);
  if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`);
  return failed.length > 0 ? 1 : 0;
}

process.exitCode = await main();
