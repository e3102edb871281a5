import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import type { ClusterDir } from '../cluster/index.ts';

export interface RunningDaemon {
  readonly name: string;
  readonly pid: number;
}

/**
 * The daemon a pid file names, if it still runs. A number that another program has taken since is told apart by the
 * directory in its command line, where the system shows one.
 */
export function runningDaemon(dir: ClusterDir, name: string): RunningDaemon | undefined {
  const file = dir.pid(name);
  if (!existsSync(file)) return undefined;
  const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  const command = commandLine(pid);
  if (command !== undefined && !command.includes(dir.path)) return undefined;
  return { name, pid };
}

/** All daemons of the directory that run, the OSDs before the monitor: the order to stop them in. */
export function runningDaemons(dir: ClusterDir): RunningDaemon[] {
  if (!existsSync(dir.path)) return [];
  return readdirSync(dir.path)
    .filter((f) => f.endsWith('.pid'))
    .map((f) => basename(f, '.pid'))
    .sort((a, b) => (a < b ? 1 : -1))
    .flatMap((name) => runningDaemon(dir, name) ?? []);
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch (e) {
    return (e as NodeJS.ErrnoException).code === 'EPERM';
  }
  return !isZombie(pid);
}

/** Killed and not yet reaped by its parent: gone, for our purposes. */
function isZombie(pid: number): boolean {
  try {
    return /^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false; // not a system with /proc: kill(0) has already answered
  }
}

function commandLine(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return undefined; // not a system with /proc
  }
}

const STOP_MS = 15_000;

/** Asks each to stop, OSDs first, and kills what has not ended in time. @returns names of those that had to be killed */
export async function stopDaemons(
  dir: ClusterDir,
  daemons: readonly RunningDaemon[],
): Promise<string[]> {
  const killed: string[] = [];
  const monitors = daemons.filter((d) => d.name.startsWith('mon.'));
  const others = daemons.filter((d) => !d.name.startsWith('mon.'));
  for (const group of [others, monitors]) {
    for (const d of group) signal(d.pid, 'SIGTERM');
    const deadline = performance.now() + STOP_MS;
    for (const d of group) {
      while (isAlive(d.pid) && performance.now() < deadline) await pause(20);
      if (isAlive(d.pid)) {
        killed.push(d.name);
        signal(d.pid, 'SIGKILL');
        while (isAlive(d.pid)) await pause(20);
      }
      rmSync(dir.pid(d.name), { force: true });
    }
  }
  return killed;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (e) {
    if ((e as NodeJS.ErrnoException).code !== 'ESRCH') throw e;
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
