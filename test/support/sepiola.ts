import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Outcome, runTool } from './differential.ts';
import { tempFolder } from './temp-folder.ts';

/** The built `sepiola`: what is in dist, or another build. */
export const MAIN =
  process.env.SEPIOLA_MAIN ?? fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** Runs the built `sepiola` command. */
export function sepiola(...words: string[]): Promise<Outcome> {
  return runTool('', [process.execPath, MAIN, ...words], { timeoutMs: 90_000 });
}

/** A directory for one cluster of processes; `clear` ends what still runs in it and removes it. */
export class ClusterFolder {
  readonly dir: string;
  constructor() {
    this.dir = join(tempFolder('processes'), 'data');
  }
  get conf(): string {
    return join(this.dir, 'ceph.conf');
  }
  /** Daemon names by pid. */
  pids(): Map<string, number> {
    const files = existsSync(this.dir) ? readdirSync(this.dir) : [];
    const pids = new Map<string, number>();
    for (const f of files.filter((name) => /^(mon|osd)\..*\.pid$/.test(name))) {
      try {
        const pid = Number(readFileSync(join(this.dir, f), 'utf8'));
        if (pid > 0) pids.set(f.slice(0, -4), pid);
      } catch {
        // its daemon has just ended
      }
    }
    return pids;
  }
  /** kill -9 of the daemons named, or of all. */
  kill(...names: string[]): void {
    for (const [name, pid] of this.pids()) {
      if (names.length === 0 || names.includes(name)) process.kill(pid, 'SIGKILL');
    }
  }
  async clear(): Promise<void> {
    await sepiola('down', this.dir);
    rmSync(join(this.dir, '..'), { recursive: true, force: true });
  }
}
