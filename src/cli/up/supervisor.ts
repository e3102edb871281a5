import type { ChildProcess } from 'node:child_process';
import { type ClusterDir, type ClusterFile, osdIds } from '../../cluster/index.ts';
import { CephError } from '../../errors/index.ts';
import { lastWords, launch, letGo } from '../launch.ts';
import { ADOPT_SIGNAL, runningDaemon, stopDaemons } from '../processes.ts';
import { mayRun, wasStopped } from '../stopped.ts';

const READY_MS = 60_000;

/** Together with the others; later, when that it does not start is no reason to end them; or once more, after a death. */
type Start = 'first' | 'late' | 'again';

/** One daemon as a child process. */
interface Child {
  readonly name: string;
  readonly process: ChildProcess;
  readonly startedMs: number;
  readonly start: Start;
  ready: boolean;
}

/** A daemon that dies again sooner than this is not restarted for ever. */
const QUICK_DEATH_MS = 5_000;
const QUICK_DEATHS_MAX = 3;

/** Starts the daemons of a cluster, and in the foreground watches over them. */
export class Supervisor {
  interrupted = false;
  private readonly dir: ClusterDir;
  private readonly cluster: ClusterFile;
  private readonly detach: boolean;
  private readonly children: Child[] = [];
  private stopping = false;
  private failure: Error | undefined;
  private wake: () => void = () => {};
  private readonly deaths = new Map<string, number>();

  constructor(dir: ClusterDir, cluster: ClusterFile, detach: boolean) {
    this.dir = dir;
    this.cluster = cluster;
    this.detach = detach;
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(name, () => {
        this.interrupted = true;
        this.wake();
      });
    }
    process.on(ADOPT_SIGNAL, this.adopt);
  }

  async start(): Promise<void> {
    this.launch('mon.a');
    for (const name of this.osds()) {
      mayRun(this.dir, name);
      this.launch(name);
    }
    const deadline = performance.now() + READY_MS;
    // The client's code loads while the daemons start, not before.
    const { waitHealthy } = await import('../health.ts');
    while (!this.children.every((c) => c.ready)) {
      await this.sleep(deadline, 'the daemons to start');
    }
    const ids = osdIds(this.cluster);
    await waitHealthy(this.dir, ids, (what) => this.sleep(deadline, what, 20));
  }

  /** Waits for an event or a moment; throws what ends the wait. */
  private async sleep(deadline: number, what: string, ms = 1000): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((done) => {
      this.wake = done;
      timer = setTimeout(done, ms);
    });
    clearTimeout(timer); // left alone it would keep this process waiting for it
    if (this.interrupted) throw new CephError('EINTR', 'interrupted');
    if (this.failure) throw this.failure;
    if (performance.now() > deadline) {
      throw new CephError(
        'ETIMEDOUT',
        `waited ${READY_MS / 1000} s for ${what}; see ${this.dir.logs}`,
      );
    }
  }

  /** OSDs that were added or are to run again, as `sepiola osd` says by a signal. */
  private readonly adopt = (): void => {
    if (this.stopping) return;
    for (const name of this.osds()) {
      const isOurs = this.children.some((c) => c.name === name);
      if (isOurs || wasStopped(this.dir, name) || runningDaemon(this.dir, name)) continue;
      this.launch(name, 'late');
    }
  };

  /** Those of the cluster as it is now. */
  private osds(): string[] {
    return osdIds(this.dir.read() ?? this.cluster).map((id) => `osd.${id}`);
  }

  private launch(name: string, start: Start = 'first'): void {
    const process_ = launch(this.dir, name, this.detach);
    const child: Child = {
      name,
      process: process_,
      startedMs: performance.now(),
      start,
      ready: false,
    };
    this.forget(name);
    this.children.push(child);
    process_.on('message', () => {
      child.ready = true;
      this.wake();
    });
    process_.on('error', (e) => this.died(child, e.message, false));
    process_.on('exit', (code, signal) =>
      this.died(child, signal ?? `exit status ${code}`, code === 0),
    );
  }

  private forget(name: string): void {
    const at = this.children.findIndex((c) => c.name === name);
    if (at >= 0) this.children.splice(at, 1);
  }

  /** @param isAsked it ended because somebody asked it to */
  private died(child: Child, why: string, isAsked: boolean): void {
    if (this.stopping) return;
    const { name } = child;
    // Killed, perhaps, because it would not stop; one that was removed since has nothing to run for any more.
    const isUnwanted =
      name !== 'mon.a' && (wasStopped(this.dir, name) || !this.osds().includes(name));
    const hasRun = child.ready || child.start === 'again';
    if (isUnwanted || (hasRun && isAsked)) {
      this.forget(name);
      process.stderr.write(`${name} was stopped\n`);
      return;
    }
    if (!hasRun) {
      const what = `${name} did not start: ${lastWords(this.dir, name) || why}`;
      if (child.start === 'late') {
        this.forget(name);
        process.stderr.write(`${what}\n`);
        return;
      }
      this.failure = new CephError('EIO', what);
      this.wake();
      return;
    }
    const quick = performance.now() - child.startedMs < QUICK_DEATH_MS;
    const deaths = quick ? (this.deaths.get(name) ?? 0) + 1 : 1;
    this.deaths.set(name, deaths);
    if (deaths > QUICK_DEATHS_MAX) {
      this.failure = new CephError(
        'EIO',
        `${name} keeps dying (${why}); see ${this.dir.log(name)}`,
      );
      this.wake();
      return;
    }
    process.stderr.write(`${name} died (${why}); starting it again\n`);
    this.launch(name, 'again');
  }

  /** Lets the children live on without us. */
  async leave(): Promise<void> {
    this.stopping = true;
    for (const { process: child } of this.children) await letGo(child);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const alive = this.children.flatMap((c) =>
      c.process.pid !== undefined && c.process.exitCode === null && c.process.signalCode === null
        ? [{ name: c.name, pid: c.process.pid }]
        : [],
    );
    await stopDaemons(this.dir, alive);
  }

  /** @returns the exit status */
  async untilStopped(): Promise<number> {
    while (!this.interrupted && !this.failure) {
      await new Promise<void>((done) => {
        this.wake = done;
      });
    }
    process.stdout.write('\nstopping ...\n');
    await this.stop();
    if (this.failure) throw this.failure;
    process.stdout.write('stopped; the data is kept\n');
    return 0;
  }
}
