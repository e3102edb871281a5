import { formatValue } from '../../codec/index.ts';
import { parseInteger, parseSize } from '../../config/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { heldByPool } from '../services/fullness.ts';
import type { MonState } from '../state.ts';
import { bytes, count } from '../views/units.ts';
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

function get(state: MonState, args: CommandArgs) {
  const name = args.text('pool') ?? '';
  const { id, pool } = needPool(state.osdmap, name);
  const held = heldByPool(state).get(id) ?? { bytes: 0, objects: 0 };
  const maxObjects = Number(pool.quotaMaxObjects);
  const maxBytes = Number(pool.quotaMaxBytes);
  if (args.json) {
    const quotas = {
      pool_name: name,
      pool_id: id,
      quota_max_objects: maxObjects,
      current_num_objects: held.objects,
      quota_max_bytes: maxBytes,
      current_num_bytes: held.bytes,
    };
    const end = args.format === 'json' ? '\n' : '\n\n';
    return ok(formatValue(quotas, args.pretty) + end);
  }
  const objects =
    maxObjects === 0
      ? 'N/A'
      : `${count(maxObjects)} objects  (current num objects: ${held.objects} objects)`;
  const size =
    maxBytes === 0 ? 'N/A' : `${bytes(maxBytes)}  (current num bytes: ${held.bytes} bytes)`;
  return ok(`quotas for pool '${name}':\n  max objects: ${objects}\n  max bytes  : ${size}\n`);
}

export const poolQuotaCommands: CommandSpec[] = [
  {
    module: 'osd',
    perm: 'rw',
    sig: 'osd pool set-quota name=pool,type=CephPoolname name=field,type=CephChoices,strings=max_objects|max_bytes name=val,type=CephString',
    help: 'Limit what a pool may hold; 0 is no limit.',
    decide: set,
  },
  {
    module: 'osd',
    perm: 'r',
    sig: 'osd pool get-quota name=pool,type=CephPoolname',
    help: 'Show the limits of a pool and what it holds.',
    run: get,
  },
];
