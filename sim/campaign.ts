import type { Report } from './one.ts';
import { planOf } from './run.ts';
import { commandOf } from './shrink.ts';

/** What a process is asked to do. */
export type Job =
  | { readonly do: 'run'; readonly seed: number; readonly minutes: number }
  | {
      readonly do: 'shrink';
      readonly seed: number;
      readonly minutes: number;
      readonly cpuMaxMs: number;
    };

/** What it answers. */
export type Answer =
  | { readonly did: 'run'; readonly report: Report }
  | { readonly did: 'shrink'; readonly seed: number; readonly text: string };

export interface CampaignOptions {
  /** The first seed, and how many from it on. */
  readonly seed: number;
  readonly seeds: number;
  readonly minutes: number;
  readonly shrink: boolean;
}

/** Processor time in which a failure is made smaller. */
export const SHRINK_CPU_MS = 120_000;
/** So many failures are; the others mostly have the same causes. */
const SHRUNK_MAX = 3;

/**
 * Many seeds: which is next, and what is said of them. A failure is told at once; it is made smaller only when all seeds
 * have run.
 */
export class Campaign {
  private readonly options: CampaignOptions;
  private readonly tell: (text: string) => void;
  private next: number;
  private readonly failed: number[] = [];
  private readonly toShrink: number[] = [];
  private shrinksBegun = 0;
  private readonly underWay = new Set<number>();
  private readonly shrinking = new Set<number>();
  private isStopped = false;
  private done = 0;
  private virtualMs = 0;
  private requests = 0;
  private undecided = 0;
  private cpuMs = 0;

  constructor(options: CampaignOptions, tell: (text: string) => void) {
    this.options = options;
    this.tell = tell;
    this.next = options.seed;
  }

  /** What somebody with nothing to do does next; undefined: nothing. */
  take(): Job | undefined {
    if (this.isStopped) return undefined;
    const { seed: first, seeds, minutes } = this.options;
    if (this.next < first + seeds) {
      const seed = this.next++;
      this.underWay.add(seed);
      return { do: 'run', seed, minutes };
    }
    const seed = this.toShrink.shift();
    if (seed === undefined) return undefined;
    this.shrinking.add(seed);
    this.tell(
      `seed ${seed}: looking for a smaller run that fails (${SHRINK_CPU_MS / 1000} s of CPU)`,
    );
    return { do: 'shrink', seed, minutes, cpuMaxMs: SHRINK_CPU_MS };
  }

  took(answer: Answer): void {
    if (answer.did === 'shrink') {
      this.shrinking.delete(answer.seed);
      this.tell(`${answer.text}\n`);
      return;
    }
    const { report } = answer;
    this.underWay.delete(report.seed);
    this.done++;
    this.virtualMs += report.virtualMs;
    this.requests += report.requests;
    this.undecided += report.undecided;
    this.cpuMs += report.cpuMs;
    if (report.isOk) return;
    this.tell(`${report.text}\n`);
    this.failed.push(report.seed);
    if (!this.options.shrink || this.shrinksBegun >= SHRUNK_MAX) return;
    this.shrinksBegun++;
    this.toShrink.push(report.seed);
  }

  /** The process that did a job ended. */
  lost(job: Job, end: string): void {
    if (this.isStopped) return;
    const { seed, minutes } = job;
    const what = job.do === 'run' ? 'FAILED' : 'was not made smaller';
    const command = commandOf(planOf(seed, minutes * 60_000));
    this.tell(`seed ${seed} ${what}: its process ended with ${end}\n${command}\n`);
    this.shrinking.delete(seed);
    if (job.do === 'shrink') return;
    this.underWay.delete(seed);
    this.done++;
    this.failed.push(seed);
  }

  /** Time is over: nothing more begins, and what is under way does not count. */
  stop(): void {
    this.isStopped = true;
  }

  /** Every seed that ran to its end kept the promises, and at least one ran. */
  get isOk(): boolean {
    return this.failed.length === 0 && this.done > 0;
  }

  /** How far it is. */
  state(elapsedMs: number): string {
    const { done, failed } = this;
    return (
      `${done} of ${this.options.seeds} seeds, ${failed.length} failed; ` +
      `${(this.virtualMs / 3_600_000).toFixed(1)} simulated hours, ${this.requests} requests, ` +
      `${this.undecided} objects undecided; ${Math.round(elapsedMs / 1000)} s, ` +
      `${done > 0 ? (this.cpuMs / done / 1000).toFixed(2) : '-'} s of CPU per seed` +
      this.timeLeft(elapsedMs) +
      this.underWayNow()
    );
  }

  /** If seeds go on taking as long as they took. */
  private timeLeft(elapsedMs: number): string {
    const left = this.options.seeds - this.done;
    if (this.isStopped || left <= 0 || this.done === 0) return '';
    return `; ${durationText((elapsedMs / this.done) * left)} left`;
  }

  private underWayNow(): string {
    if (this.isStopped) return '';
    const running = [...this.underWay].join(', ');
    const shrinking = [...this.shrinking].join(', ');
    return (
      (running === '' ? '' : `; at work on ${running}`) +
      (shrinking === '' ? '' : `; making ${shrinking} smaller`)
    );
  }

  /** The last words: what failed, what was not run, how much was. */
  summary(elapsedMs: number): string {
    const notRun = this.options.seeds - this.done;
    const lines: string[] = [];
    if (this.failed.length > 0) lines.push(`failed: ${this.failed.join(', ')}`);
    if (notRun > 0) lines.push(`not run: ${notRun} of ${this.options.seeds} seeds`);
    return [...lines, this.state(elapsedMs)].join('\n');
  }
}

/** `59 s`, `12 min` or `3.5 h`. */
function durationText(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
