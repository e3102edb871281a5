import { readFileSync } from 'node:fs';

/**
 * When a process began, as text that no other process with its number ever has: a number is given again, after a
 * restart of the machine too. Undefined when it does not live, or has ended and only waits for its parent to take note;
 * '0' where the system does not tell more.
 */
export function processStart(pid: number): string | undefined {
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
