import { parseInteger, parseSize } from '../../config/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';
import { needPool } from './pools.ts';

function set(state: MonState, args: CommandArgs) {
  const name = args.text('pool') ?? '';
  const { id, pool } = needPool(state.osdmap, name);
  const field = args.text('field') ?? '';
  const text = args.text('val') ?? '';
  if (field !== 'max_objects' && field !== 'max_bytes') {
    return unchanged(refuse('EINVAL', `unrecognized field '${field}'`));
  }
  const parsed = field === 'max_bytes' ? parseSize(text) : parseInteger(text, false);
  if ('error' in parsed) {
    return unchanged(refuse('EINVAL', `error parsing value '${text}': ${parsed.error}`));
  }
  const value = BigInt(parsed.ok);
  const next =
    field === 'max_bytes' ? { ...pool, quotaMaxBytes: value } : { ...pool, quotaMaxObjects: value };
  return changed(ok('', `set-quota ${field} = ${value} for pool ${name}`), {
    osdmap: { newPools: new Map([[id, next]]) },
  });
}

export const poolQuotaCommands: CommandSpec[] = [
  {
    module: 'osd',
    perm: 'rw',
    sig: 'osd pool set-quota name=pool,type=CephPoolname name=field,type=CephChoices,strings=max_objects|max_bytes name=val,type=CephString',
    help: 'Limit what a pool may hold; 0 is no limit.',
    decide: set,
  },
];
