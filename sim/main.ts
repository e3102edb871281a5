/**
 * `npm run sim`: whole clusters in virtual time, each from a seed. One seed is run here, several in processes side by
 * side. Exits with 1 when one fails or none ran, 2 when it does not understand, 130 when it was ended by Ctrl-C before.
 */
import { Campaign, SHRINK_CPU_MS } from './campaign.ts';
import { type Asked, parseArgs } from './command-line.ts';
import { one, smaller } from './one.ts';
import { type Plan, planOf } from './run.ts';
import { withoutAllBut } from './shrink.ts';
import { Workers } from './workers.ts';

const PROGRESS_MS = 5000;
/** Ended by SIGINT, as shells say it. */
const INTERRUPTED = 130;

const say = (text: string): void => console.log(text);

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

async function single(asked: Asked): Promise<boolean> {
  const plan = planAsked(asked);
  const { isOk, text } = await one(plan, asked.trace ? say : undefined);
  say(text);
  if (!isOk && asked.shrink && !asked.trace) {
    say(`\nlooking for a smaller run that fails (${SHRINK_CPU_MS / 1000} s of CPU)`);
    say(await smaller(plan, SHRINK_CPU_MS));
  }
  return isOk;
}

/** @returns the exit status */
async function many(asked: Asked): Promise<number> {
  const campaign = new Campaign(asked, say);
  const workers = new Workers(campaign);
  const begun = performance.now();
  const elapsedMs = (): number => performance.now() - begun;
  const progress = setInterval(() => say(campaign.state(elapsedMs())), PROGRESS_MS);
  const stop = (): void => {
    campaign.stop();
    workers.kill();
  };
  let isInterrupted = false;
  process.once('SIGINT', () => {
    isInterrupted = true;
    stop();
  });
  const { maxSeconds } = asked;
  const end = maxSeconds === undefined ? undefined : setTimeout(stop, maxSeconds * 1000);
  await workers.run(Math.min(asked.workers, asked.seeds));
  clearInterval(progress);
  clearTimeout(end);
  say(campaign.summary(elapsedMs()));
  if (!campaign.isOk) return 1;
  return isInterrupted ? INTERRUPTED : 0;
}

async function main(): Promise<number> {
  let asked: Asked;
  try {
    asked = parseArgs(process.argv.slice(2));
  } catch (e) {
    console.error(e instanceof Error ? e.message : e);
    return 2;
  }
  if (asked.seeds > 1) return many(asked);
  return (await single(asked)) ? 0 : 1;
}

process.exitCode = await main();
