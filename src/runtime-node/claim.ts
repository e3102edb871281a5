import { promises as files } from 'node:fs';
import { join } from 'node:path';
import { CephError } from '../errors/index.ts';
import { processStart } from './process-start.ts';

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
  const mine = `lock.${process.pid}.${processStart(process.pid)}`;
  const letGo = async () => {
    await files.rm(join(real, mine), { force: true });
    ours.delete(real);
  };
  try {
    await files.writeFile(join(real, mine), `${process.argv.slice(1).join(' ')}\n`);
    for (const name of await files.readdir(real)) {
      const [, pid, start] = NAME.exec(name) ?? [];
      if (pid === undefined || name === mine) continue;
      if (processStart(Number(pid)) === start) {
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
