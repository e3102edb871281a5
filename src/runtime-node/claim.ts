import { promises as files, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CephError } from '../errors/index.ts';

const NAME = /^lock\.(\d+)\.([0-9a-f-]+)$/;
/** Directories that this process has. */
const ours = new Set<string>();

/**
 * Disk.claim by a file per claimant, `lock.<pid>.<start of that process>`, which counts while that very process lives.
 * Each writes its own file before it looks for others', so of two at the same moment at least one sees the other; both
 * may then refuse. Files of the dead are removed by whoever comes next.
 */
export async function claimDirectory(path: string): Promise<() => Promise<void>> {
  const real = await files.realpath(path);
  if (ours.has(real)) throw new CephError('EBUSY', `${path} is in use by this process`);
  ours.add(real);
  const mine = `lock.${process.pid}.${startOf(process.pid)}`;
  const letGo = async () => {
    await files.rm(join(real, mine), { force: true });
    ours.delete(real);
  };
  try {
    await files.writeFile(join(real, mine), `${process.argv.slice(1).join(' ')}\n`);
    for (const name of await files.readdir(real)) {
      const [, pid, start] = NAME.exec(name) ?? [];
      if (pid === undefined || name === mine) continue;
      if (startOf(Number(pid)) === start) {
        const what = await files.readFile(join(real, name), 'utf8').catch(() => '');
        throw new CephError('EBUSY', `${path} is in use by process ${pid} (${what.trim()})`);
      }
      await files.rm(join(real, name), { force: true });
    }
  } catch (error) {
    await letGo();
    throw error;
  }
  return letGo;
}

/**
 * When a process began, as text that no other process with its number ever has: a number is given again, after a
 * restart of the machine too. Undefined when it does not live; '0' where the system does not tell more.
 */
function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything; the state is the first field after it, the start the twentieth.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${Number(fields[19]).toString(16)}-${boot}`;
  } catch {
    return '0';
  }
}
