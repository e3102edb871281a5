import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { MAIN } from '../sepiola.ts';
import type { Run } from './run.ts';

/** The daemons as processes: those that `sepiola` has started, and those that we start again. */
export class Daemons {
  private readonly run: Run;
  private readonly children = new Map<string, ChildProcess>();
  private readonly paused = new Set<string>();
  private readonly dead = new Set<string>();

  constructor(run: Run) {
    this.run = run;
  }

  /** A daemon just started has not written its file yet. */
  private pidOf(name: string): number | undefined {
    return this.children.get(name)?.pid ?? this.run.cluster.pids().get(name);
  }
  private signal(name: string, signal: NodeJS.Signals | 0): boolean {
    const pid = this.pidOf(name);
    if (pid === undefined) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      this.run.fail(`${name} (pid ${pid}) is gone, and nobody killed it`);
      return false;
    }
  }

  /** Whoever ended without having been killed is found out. */
  check(): void {
    for (const name of this.run.cluster.pids().keys()) {
      if (!this.dead.has(name)) this.signal(name, 0);
    }
  }

  kill(name: string): void {
    if (this.dead.has(name) || !this.signal(name, 'SIGKILL')) return;
    this.paused.delete(name);
    this.dead.add(name);
  }
  start(name: string): void {
    if (!this.dead.delete(name)) return;
    const { cluster } = this.run;
    const [kind, id] = name.split('.') as [string, string];
    const log = openSync(join(cluster.dir, 'log', `${name}.log`), 'a');
    const words = kind === 'osd' ? ['osd', cluster.dir, id] : ['mon', cluster.dir];
    const child = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', log, log] });
    closeSync(log);
    child.on('exit', (code, signal) => {
      if (this.children.get(name) === child) this.children.delete(name);
      if (signal !== 'SIGKILL' && code !== 0) {
        this.run.fail(`${name} ended by itself: ${code ?? signal}`);
      }
    });
    this.children.set(name, child);
  }
  pause(name: string): void {
    if (this.dead.has(name) || this.paused.has(name)) return;
    if (this.signal(name, 'SIGSTOP')) this.paused.add(name);
  }
  wellAgain(): void {
    for (const name of this.paused) this.signal(name, 'SIGCONT');
    this.paused.clear();
    for (const name of [...this.dead]) this.start(name);
  }
  /** Pids of daemons that we know of and that still run. */
  left(): string[] {
    return [...this.children].filter(([, c]) => c.exitCode === null).map(([name]) => name);
  }
}
