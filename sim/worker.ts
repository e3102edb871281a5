/** A process that does jobs for `main.ts`, one after another. */
import type { Answer, Job } from './campaign.ts';
import { one, smaller } from './one.ts';
import { planOf } from './run.ts';

async function answerTo(job: Job): Promise<Answer> {
  const plan = planOf(job.seed, job.minutes * 60_000);
  if (job.do === 'run') return { did: 'run', report: await one(plan) };
  return { did: 'shrink', seed: job.seed, text: await smaller(plan, job.cpuMaxMs) };
}

process.on('message', (job: Job) => {
  void answerTo(job).then((answer) => process.send!(answer));
});
// Ctrl-C is told to all processes; the one that began us ends us when it has heard it.
process.on('SIGINT', () => {});
process.on('disconnect', () => process.exit(0));
