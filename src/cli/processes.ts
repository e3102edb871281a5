import {
  existsSync,
  linkSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, resolve } from 'node:path';
import type { ClusterDir } from '../cluster/index.ts';
import { CephError } from '../errors/index.ts';
import { processStart } from '../runtime-node/index.ts';
import { waitUntil } from './wait-until.ts';

export interface RunningDaemon {
  readonly name: string;
  readonly pid: number;
}

/**
 * The daemon (or `up`, while it watches over them) that a pid file names, if it still runs. A number that another
 * program has taken since is told apart by its command line, where the system shows one.
 */
export function runningDaemon(dir: ClusterDir, name: string): RunningDaemon | undefined {
  return daemonOf(dir, name, dir.pid(name));
}

function daemonOf(dir: ClusterDir, name: string, file: string): RunningDaemon | undefined {
  const pid = pidIn(file);
  if (pid === undefined || !isAlive(pid)) return undefined;
  return isOf(dir, name, pid) ? { name, pid } : undefined;
}

/** Tells an `up` that watches over daemons to look for OSDs that are to run and do not. */
export const ADOPT_SIGNAL = 'SIGUSR2';

/** All daemons of the directory that run, the OSDs before the monitor: the order to stop them in. */
export function runningDaemons(dir: ClusterDir): RunningDaemon[] {
  if (!existsSync(dir.path)) return [];
  return readdirSync(dir.path)
    .filter((f) => /^(mon|osd)\..*\.pid$/.test(f))
    .map((f) => basename(f, '.pid'))
    .sort((a, b) => (a < b ? 1 : -1))
    .flatMap((name) => runningDaemon(dir, name) ?? []);
}

/**
 * Takes a pid file for this process, so that what it guards has one owner.
 * @returns gives it back
 * @throws CephError EBUSY
 */
export function claim(dir: ClusterDir, name: string, who: string): () => void {
  const file = dir.pid(name);
  const own = `${file}.${process.pid}`;
  const former = `${own}.former`;
  const giveBack = (): void => {
    if (pidIn(file) === process.pid) rmSync(file, { force: true });
  };
  // Linked, so that whoever finds the file finds the number in it.
  writeFileSync(own, `${process.pid}\n`);
  try {
    if (isLinked(own, file)) return giveBack;
    let other = daemonOf(dir, name, file);
    if (!other && moved(file, former)) {
      // By now it may be the file of one who was quicker.
      other = daemonOf(dir, name, former);
      if (other) isLinked(former, file);
      rmSync(former, { force: true });
    }
    if (other) throw new CephError('EBUSY', `${who} (pid ${other.pid})`);
    if (!isLinked(own, file)) throw new CephError('EBUSY', who);
    return giveBack;
  } finally {
    rmSync(own, { force: true });
  }
}

/** @returns false: there is none */
function moved(file: string, to: string): boolean {
  try {
    renameSync(file, to);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw cause;
  }
}

/** @returns false: the name is taken */
function isLinked(file: string, as: string): boolean {
  try {
    linkSync(file, as);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw cause;
  }
}

function pidIn(file: string): number | undefined {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined; // none, or removed under our hands
  }
  const pid = Number.parseInt(text, 10);
  return pid > 0 ? pid : undefined;
}

function isAlive(pid: number): boolean {
  return processStart(pid) !== undefined;
}

/** What `sepiola osd add` and its like claim while they are at work. */
export const CHANGE = 'change';

/** Whether a process was started as this daemon of this directory; true where the system does not tell. */
function isOf(dir: ClusterDir, name: string, pid: number): boolean {
  let words: string[];
  let cwd: string;
  try {
    words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    cwd = readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return true; // not a system with /proc, or not our process to look at
  }
  const [kind, id] = name.split('.') as [string, string?];
  const at = words.indexOf(kind === CHANGE ? 'osd' : kind);
  const rest = words.slice(at + 1);
  return (
    at > 0 &&
    rest.some((word) => isSamePlace(resolve(cwd, word), dir.path)) &&
    (kind !== 'osd' || rest.includes(id!))
  );
}

/** Whether two paths lead to one place: the directory may have been named by a symbolic link. */
function isSamePlace(a: string, b: string): boolean {
  if (a === b) return true;
  try {
    return realpathSync(a) === realpathSync(b);
  } catch {
    return false; // no path at all, but another word of the command
  }
}

const STOP_MS = 15_000;
/** `up` stops its OSDs, then its monitor, before it ends. */
export const STOP_ALL_MS = 3 * STOP_MS;

/** Asks each to stop, OSDs first, and kills what has not ended in time. @returns names of those that had to be killed */
export async function stopDaemons(
  dir: ClusterDir,
  daemons: readonly RunningDaemon[],
  withinMs = STOP_MS,
): Promise<string[]> {
  const killed: string[] = [];
  const monitors = daemons.filter((d) => d.name.startsWith('mon.'));
  const others = daemons.filter((d) => !d.name.startsWith('mon.'));
  for (const group of [others, monitors]) {
    for (const d of group) signal(d.pid, 'SIGTERM');
    const deadline = performance.now() + withinMs;
    for (const d of group) {
      const isGone = (): boolean => !isAlive(d.pid);
      if (!(await waitUntil(isGone, 20, deadline - performance.now()))) {
        killed.push(d.name);
        signal(d.pid, 'SIGKILL');
        await waitUntil(isGone, 20);
      }
      rmSync(dir.pid(d.name), { force: true });
    }
  }
  return killed;
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EPERM') throw new CephError('EPERM', `may not stop process ${pid}`, { cause });
    if (code !== 'ESRCH') throw cause;
  }
}
