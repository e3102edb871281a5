import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';

/** Memory of a process in MiB. Source: proc(5), status. */
export interface Memory {
  readonly resident: number;
  /** Its own: heap, buffers, stacks. */
  readonly anonymous: number;
  /** Pages of files: programs, libraries, maps of a store. Processes share them. */
  readonly file: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  const mib = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)![1]) / 1024;
  return { resident: mib('VmRSS'), anonymous: mib('RssAnon'), file: mib('RssFile') };
}

/** Ticks of a second in /proc: fixed for programs, whatever the kernel's own are. */
const TICKS = 100;

/** CPU that all threads of the processes have used, in user mode and in the kernel for them. Source: proc(5), stat. */
export function cpuSeconds(pids: Iterable<number>): number {
  let ticks = 0;
  for (const pid of pids) {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [, , , , , , , , , , , utime, stime] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(utime) + Number(stime);
  }
  return ticks / TICKS;
}

/** Daemons of the cluster of a ceph.conf, ours or Ceph's, by name: both keep `osd.0.pid` and so on beside it. */
export function daemonsOf(conf: string): Map<string, number> {
  const dir = dirname(conf);
  const pids = new Map<string, number>();
  for (const file of existsSync(dir) ? readdirSync(dir).sort() : []) {
    const name = /^((?:mon|osd|mgr)\..*)\.pid$/.exec(file)?.[1];
    if (name) pids.set(name, Number(readFileSync(join(dir, file), 'utf8')));
  }
  return pids;
}

/** What a table of figures stands under. */
export function machine(): string {
  const [cpu] = cpus();
  return `${cpus().length} x ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Node ${process.version}`;
}
