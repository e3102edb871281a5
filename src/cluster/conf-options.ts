import { readFileSync } from 'node:fs';
import { canonical, OPTIONS, parseOption } from '../config/index.ts';
import { CephError } from '../errors/index.ts';
import { type CephConf, confValue, parseCephConf } from '../rados/index.ts';
import type { Logger } from '../runtime/index.ts';

/**
 * What a ceph.conf says to an entity, by the options' names and in their canonical text. A value that makes no sense is
 * told and left out, as Ceph's daemons have it; so is what we have no option for.
 * @param path of the file; one that is not there says nothing
 * @param entity e.g. `osd.3`: its own section comes before `[osd]`, and that before `[global]`
 * @param manager the entity that options of the manager's are for, where it is the same process
 * @throws CephError EINVAL for a file that cannot be understood, or what the system says of one that cannot be read
 */
export function confOptions(
  path: string,
  entity: string,
  log: Logger,
  manager?: string,
): Map<string, string> {
  const out = new Map<string, string>();
  const conf = read(path);
  for (const [name, option] of OPTIONS) {
    const isManagers = manager !== undefined && option.services?.includes('mgr');
    const text = confValue(conf, isManagers ? manager : entity, name);
    if (text === undefined) continue;
    const parsed = parseOption(option, text);
    if ('ok' in parsed) out.set(name, canonical(option, parsed.ok));
    else log('warn', 'value of an option left out', { path, name, text, reason: parsed.error });
  }
  return out;
}

function read(path: string): CephConf {
  try {
    return parseCephConf(readFileSync(path, 'utf8'));
  } catch (cause) {
    if (cause instanceof CephError) throw new CephError(cause.errno, `${path}: ${cause.message}`);
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    throw cause;
  }
}
