import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processStart } from '../../src/runtime-node/process-start.ts';

/** `sepiola-<pid>-<start of that process>-<what for>-<random>`: the name says whose it is, and so whether it still is. */
const NAME = /^sepiola-(\d+)-([0-9a-f]+)-/;
/** Below a folder, pid files stand in a cluster's directory. */
const DEPTH_MAX = 3;

const made = new Set<string>();

/**
 * A new folder for this process. It is taken away when the process ends, with all daemons that have a pid file in it,
 * unless the process is killed: then that is done by the next that makes a folder.
 * @param what it is for: a word for those who look
 * @param place default: the system's place for such folders
 */
export function tempFolder(what: string, place: string = tmpdir()): string {
  if (made.size === 0) endWithUs();
  clearAfterDead(place);
  const folder = mkdtempSync(
    join(place, `sepiola-${process.pid}-${startOf(process.pid)}-${what}-`),
  );
  made.add(folder);
  return folder;
}

/** Ends the daemons of processes that were killed, and takes their folders away. @returns these folders */
export function clearAfterDead(place: string): string[] {
  const orphans = readdirSync(place).filter((name) => {
    const [, pid, start] = NAME.exec(name) ?? [];
    return pid !== undefined && startOf(Number(pid)) !== start;
  });
  return orphans.map((name) => {
    const folder = join(place, name);
    clear(folder);
    return folder;
  });
}

function startOf(pid: number): string | undefined {
  return processStart(pid)?.split('-', 1)[0];
}

/** Whatever ends this process, but SIGKILL, ends what it started: our parent's death too, which closes the channel. */
function endWithUs(): void {
  process.on('exit', clearAll);
  process.on('disconnect', endNow);
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    // Who else listens has something to put right first, or is a test of that.
    process.on(name, () => {
      if (process.listenerCount(name) === 1) endNow();
    });
  }
}

function clearAll(): void {
  for (const folder of made) clear(folder);
}

/** Not by process.exit(), which throws in a process that runs tests. */
function endNow(): void {
  clearAll();
  process.kill(process.pid, 'SIGKILL');
}

function clear(folder: string): void {
  if (!existsSync(folder)) return;
  for (const file of pidFiles(folder, DEPTH_MAX)) endDaemon(file, folder);
  try {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  } catch {
    // Another process clears it at the same time, or a daemon that is about to end still writes: the next one comes by.
  }
}

function pidFiles(folder: string, depth: number): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const path = join(folder, e.name);
    if (e.isDirectory()) return depth > 0 ? pidFiles(path, depth - 1) : [];
    return e.name.endsWith('.pid') ? [path] : [];
  });
}

/** Kills the process that a pid file names, if it has to do with the folder: its number may be somebody else's by now. */
function endDaemon(file: string, folder: string): void {
  try {
    const pid = Number.parseInt(readFileSync(file, 'utf8'), 10);
    const about = ['cmdline', 'environ'].map((of) => readFileSync(`/proc/${pid}/${of}`, 'latin1'));
    if (pid !== process.pid && about.join('\0').includes(folder)) process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}
