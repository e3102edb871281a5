import { describe, expect, it } from 'vitest';
import { type Answer, Campaign, type Job } from '../sim/campaign.ts';
import { parseArgs } from '../sim/command-line.ts';

function campaign(seeds: number, shrink = true): { of: Campaign; told: string[] } {
  const told: string[] = [];
  return {
    of: new Campaign({ seed: 5, seeds, minutes: 1, shrink }, (t) => told.push(t)),
    told,
  };
}
function ran(seed: number, isOk: boolean): Answer {
  const numbers = { virtualMs: 3_600_000, requests: 100, undecided: 0, cpuMs: 2000 };
  return { did: 'run', report: { seed, isOk, text: `text of ${seed}`, ...numbers } };
}
/** Does everything there is to do, as one worker. @returns the jobs */
function doAll(of: Campaign, bad: readonly number[]): Job[] {
  const jobs: Job[] = [];
  for (let job = of.take(); job; job = of.take()) {
    jobs.push(job);
    of.took(
      job.do === 'run'
        ? ran(job.seed, !bad.includes(job.seed))
        : { did: 'shrink', seed: job.seed, text: 's' },
    );
  }
  return jobs;
}
const inShort = (jobs: readonly Job[]): string[] => jobs.map((j) => `${j.do} ${j.seed}`);

describe('a campaign of many seeds', () => {
  it('tells a failure at once, and makes it smaller when all seeds have run', () => {
    const { of, told } = campaign(3);
    of.take();
    of.took(ran(5, false));
    expect(told).toEqual(['text of 5\n']);
    expect(of.state(0)).toContain('1 of 3 seeds, 1 failed');
    expect(inShort(doAll(of, []))).toEqual(['run 6', 'run 7', 'shrink 5']);
    expect(told.slice(1)).toEqual([
      'seed 5: looking for a smaller run that fails (120 s of CPU)',
      's\n',
    ]);
    expect(of.isOk).toBe(false);
  });

  it('shows what is made smaller', () => {
    const { of } = campaign(1);
    of.take();
    of.took(ran(5, false));
    const job = of.take()!;
    expect(of.state(0)).toMatch(/1 of 1 seeds, 1 failed;.*; making 5 smaller$/);
    of.lost(job, 'SIGKILL');
    expect(of.take()).toBeUndefined();
    expect(of.summary(0)).toMatch(/^failed: 5\n1 of 1 seeds, 1 failed;.* per seed$/);
  });

  it('makes only the first failures smaller, and none if it is told so', () => {
    const bad = [5, 6, 8, 9, 10];
    expect(inShort(doAll(campaign(6).of, bad)).slice(6)).toEqual([
      'shrink 5',
      'shrink 6',
      'shrink 8',
    ]);
    expect(doAll(campaign(6, false).of, bad)).toHaveLength(6);
  });

  it('says how many ran and what failed', () => {
    const { of } = campaign(4, false);
    doAll(of, [6, 8]);
    expect(of.summary(9000)).toBe(
      'failed: 6, 8\n' +
        '4 of 4 seeds, 2 failed; 4.0 simulated hours, 400 requests, 0 objects undecided; 9 s, 2.00 s of CPU per seed',
    );
  });

  it('says how long it will take if it goes on like this', () => {
    const { of } = campaign(121);
    expect(of.state(1000)).not.toContain('left');
    of.take();
    of.took(ran(5, true));
    expect(of.state(400)).toContain('; 48 s left');
    expect(of.state(10_000)).toContain('; 20 min left');
    expect(of.state(90_000)).toContain('; 3.0 h left');
    of.stop();
    expect(of.state(90_000)).not.toContain('left');
  });

  it('counts what was run when the time is over, and says what was not', () => {
    const { of, told } = campaign(10);
    of.take();
    of.took(ran(5, true));
    const job = of.take()!;
    expect(of.state(0)).toMatch(/; at work on 6$/);
    of.stop();
    of.lost(job, 'SIGKILL');
    expect(of.take()).toBeUndefined();
    expect(told).toEqual([]);
    expect(of.isOk).toBe(true);
    expect(of.summary(0)).toMatch(/^not run: 9 of 10 seeds\n1 of 10 seeds, 0 failed/);
  });

  it('has not succeeded when nothing was run', () => {
    const { of } = campaign(10);
    of.stop();
    expect(of.isOk).toBe(false);
  });

  it('counts a seed whose process ended as failed, with the command', () => {
    const { of, told } = campaign(2);
    of.lost(of.take()!, 'status 134');
    expect(told).toEqual([
      'seed 5 FAILED: its process ended with status 134\nnpm run sim -- --seed 5 --minutes 1 --trace\n',
    ]);
    expect(inShort(doAll(of, []))).toEqual(['run 6']);
    expect(of.isOk).toBe(false);
    expect(of.state(0)).toContain('2 of 2 seeds, 1 failed');
  });
});

describe('the command line of the simulation', () => {
  it('has an end in wall time for several seeds, not for one', () => {
    expect(parseArgs(['--seeds', '3', '--max-seconds', '60']).maxSeconds).toBe(60);
    expect(parseArgs(['--seeds', '3']).maxSeconds).toBeUndefined();
    expect(() => parseArgs(['--seed', '3', '--max-seconds', '60'])).toThrow(/of one seed/);
    expect(() => parseArgs(['--max-seconds'])).toThrow(/usage/);
  });
});
