/** A process that runs seeds for `main.ts`, one after another. */
import { one } from './one.ts';
import { planOf } from './run.ts';

export interface Job {
  readonly seed: number;
  readonly minutes: number;
  readonly shrink: boolean;
}

process.on('message', (job: Job) => {
  void one(planOf(job.seed, job.minutes * 60_000), job.shrink).then((report) =>
    process.send!(report),
  );
});
process.on('disconnect', () => process.exit(0));
