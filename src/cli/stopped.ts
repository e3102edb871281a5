import { existsSync, rmSync, writeFileSync } from 'node:fs';
import type { ClusterDir } from '../cluster/index.ts';
import { runningDaemon, stopDaemons } from './processes.ts';

/**
 * That an OSD is to stay down is noted in the directory, for whoever watches over the daemons: how a process ended does
 * not tell, as one that ignores the wish is killed, and looks like one that died.
 */
export function wasStopped(dir: ClusterDir, name: string): boolean {
  return existsSync(dir.stopped(name));
}

/** Takes the note away: from now on it may be started. */
export function mayRun(dir: ClusterDir, name: string): void {
  rmSync(dir.stopped(name), { force: true });
}

/**
 * Stops an OSD until it may run again. The note comes first: one that is being started takes its pid file, then looks
 * for the note, so either it is found here or it finds the note there.
 * @returns whether it ran, and whether it had to be killed
 */
export async function stopOsd(
  dir: ClusterDir,
  name: string,
): Promise<{ hasRun: boolean; wasKilled: boolean }> {
  writeFileSync(dir.stopped(name), '');
  const running = runningDaemon(dir, name);
  const killed = running ? await stopDaemons(dir, [running]) : [];
  return { hasRun: running !== undefined, wasKilled: killed.length > 0 };
}
