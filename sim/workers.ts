import { type ChildProcess, fork } from 'node:child_process';
import type { Answer, Campaign, Job } from './campaign.ts';

/** Jobs of one process: another takes its place then, so that nothing piles up in it however long a campaign is. */
const JOBS_MAX = 40;
/** Room for what is short-lived, which is nearly everything: so it is seldom looked through. */
const YOUNG_MIB = 32;

/** A source beside sources, or built beside what is built (scripts/sim.mjs). */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js',
  import.meta.url,
);

/** Processes that work on a campaign side by side. */
export class Workers {
  private readonly children = new Set<ChildProcess>();
  private readonly campaign: Campaign;

  constructor(campaign: Campaign) {
    this.campaign = campaign;
  }

  /** Resolves when nothing is left to do. */
  async run(count: number): Promise<void> {
    await Promise.all(Array.from({ length: count }, () => this.work()));
  }

  /** Ends all processes, whatever they do. */
  kill(): void {
    for (const child of this.children) child.kill('SIGKILL');
  }

  /** One process at a time: another one takes the place of one that ended in the middle of something. */
  private async work(): Promise<void> {
    const { campaign } = this;
    let child: ChildProcess | undefined;
    let jobs = 0;
    for (let job = campaign.take(); job; job = campaign.take()) {
      child ??= this.start();
      const answer = await ask(child, job);
      if (typeof answer !== 'string') {
        campaign.took(answer);
        if (++jobs % JOBS_MAX > 0) continue;
        child.disconnect();
        child = undefined;
      } else {
        campaign.lost(job, answer);
        child = undefined;
      }
    }
    child?.disconnect();
  }

  private start(): ChildProcess {
    const child = fork(WORKER, {
      execArgv: [...process.execArgv, '--enable-source-maps', `--max-semi-space-size=${YOUNG_MIB}`],
    });
    this.children.add(child);
    child.on('exit', () => this.children.delete(child));
    return child;
  }
}

/** @returns the answer, or how the process ended */
function ask(child: ChildProcess, job: Job): Promise<Answer | string> {
  return new Promise((resolve) => {
    const ended = (code: number | null, signal: string | null): void =>
      resolve(signal ?? `status ${code}`);
    child.once('exit', ended);
    child.once('message', (answer: Answer) => {
      child.off('exit', ended);
      resolve(answer);
    });
    child.send(job);
  });
}
