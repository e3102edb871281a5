import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ClusterDir } from '../cluster/index.ts';
import { CephError } from '../errors/index.ts';
import { STAY } from './daemon.ts';
import { DAEMON_FLAGS, daemonEnvironment } from './daemon-process.ts';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

/**
 * Starts a daemon as a child process that writes to its log. It sends a message once it is up.
 * @param isDetached it can outlive this process: see {@link letGo}
 */
export function launch(dir: ClusterDir, name: string, isDetached: boolean): ChildProcess {
  const log = openSync(dir.log(name), 'a');
  const [kind, id] = name.split('.') as [string, string];
  const words = kind === 'osd' ? ['osd', dir.path, id] : ['mon', dir.path];
  const child = spawn(
    process.execPath,
    [...DAEMON_FLAGS, ...process.execArgv, MAIN, ...words, '--supervised'],
    {
      detached: isDetached,
      stdio: ['ignore', log, log, 'ipc'],
      env: daemonEnvironment(process.env),
    },
  );
  closeSync(log);
  return child;
}

/** Lets a daemon live on without us. */
export async function letGo(child: ChildProcess): Promise<void> {
  await new Promise((sent) => child.send(STAY, sent));
  child.disconnect();
  child.unref();
}

/** Starts a daemon, waits until it is up and lets it live on. @throws CephError EIO with its last words */
export async function launchAndLeave(dir: ClusterDir, name: string): Promise<void> {
  const child = launch(dir, name, true);
  await new Promise<void>((done, failed) => {
    const ended = (why: string) =>
      failed(new CephError('EIO', `${name} did not start: ${lastWords(dir, name) || why}`));
    child.once('message', () => done());
    child.once('error', (e) => ended(e.message));
    child.once('exit', (code, signal) => ended(signal ?? `exit status ${code}`));
  });
  await letGo(child);
}

/** What a daemon wrote last. */
export function lastWords(dir: ClusterDir, name: string): string {
  const lines = readFileSync(dir.log(name), 'utf8').trimEnd().split('\n');
  return lines.at(-1)?.replace(/^sepiola: /, '') ?? '';
}
