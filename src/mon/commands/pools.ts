import type { OSDMap, PgPool } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { createPool, type PoolRequest } from '../services/pool-create.ts';
import { removePool } from '../services/pool-remove.ts';
import type { MonState } from '../state.ts';
import { withNumber } from './pool-options.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** The pool of this name. @throws CommandFailure ENOENT */
export function needPool(osdmap: OSDMap, name: string): { id: number; pool: PgPool } {
  const found = osdmap.poolByName(name);
  if (!found) throw new CommandFailure('ENOENT', `unrecognized pool '${name}'`);
  return found;
}

function create(state: MonState, args: CommandArgs) {
  const name = args.text('pool') ?? '';
  const type = args.text('pool_type') ?? String(state.option('osd_pool_default_type'));
  const exists = ok('', `pool '${name}' already exists`);
  if (state.osdmap.poolByName(name)) return unchanged(exists);
  if (type === 'erasure') {
    return unchanged(refuse('EOPNOTSUPP', 'erasure coded pools are not supported'));
  }
  if (type !== 'replicated') return unchanged(refuse('EINVAL', `unknown pool type '${type}'`));
  const mode = args.text('autoscale_mode') as PoolRequest['autoscaleMode'];
  if (mode !== undefined && !['off', 'warn', 'on'].includes(mode)) {
    return unchanged(refuse('EINVAL', `specified invalid mode ${mode}`));
  }
  const change = createPool(state, {
    name,
    pgNum: args.number('pg_num'),
    pgpNum: args.number('pgp_num'),
    // Without a type in between, the word after the PG counts is the rule.
    rule: args.text('rule') ?? args.text('erasure_code_profile'),
    size: args.number('size'),
    autoscaleMode: mode,
    bulk: args.flag('bulk'),
  });
  const newPools = new Map(
    [...change.osdmap!.newPools!].map(([id, pool]) => [id, withOptions(pool, args)]),
  );
  return changed(ok('', `pool '${name}' created`), { osdmap: { ...change.osdmap, newPools } });
}

/** A new pool with the options that the command named. */
function withOptions(pool: PgPool, args: CommandArgs): PgPool {
  let out = pool;
  for (const name of OPTION_ARGS) {
    const value = args.number(name);
    if (value !== undefined) out = withNumber(out, name, value);
  }
  return out;
}
const OPTION_ARGS = ['pg_num_min', 'pg_num_max', 'target_size_bytes', 'target_size_ratio'] as const;

function remove(state: MonState, args: CommandArgs) {
  const name = args.text('pool') ?? '';
  const found = state.osdmap.poolByName(name);
  if (!found) return unchanged(ok('', `pool '${name}' does not exist`));
  const confirmed =
    args.flag('yes_i_really_really_mean_it_not_faking') ||
    (args.text('pool2') === name && args.flag('yes_i_really_really_mean_it'));
  if (!confirmed) {
    return unchanged(
      refuse(
        'EPERM',
        `WARNING: this will *PERMANENTLY DESTROY* all data stored in pool ${name}.  If you are *ABSOLUTELY CERTAIN* that is what you want, pass the pool name *twice*, followed by --yes-i-really-really-mean-it.`,
      ),
    );
  }
  return changed(ok('', `pool '${name}' removed`), removePool(state, found.id));
}

function rename(state: MonState, args: CommandArgs) {
  const from = args.text('srcpool') ?? '';
  const to = args.text('destpool') ?? '';
  const source = state.osdmap.poolByName(from);
  const target = state.osdmap.poolByName(to);
  if (!source && target) {
    const text = `pool '${from}' does not exist; pool '${to}' does -- assuming successful rename`;
    return unchanged(ok('', text));
  }
  if (!source) return unchanged(refuse('ENOENT', `unrecognized pool '${from}'`));
  if (target) return unchanged(refuse('EEXIST', `pool '${to}' already exists`));
  if (to === '') return unchanged(refuse('EINVAL', '(22) Invalid argument'));
  return changed(ok('', `pool '${from}' renamed to '${to}'`), {
    osdmap: { newPoolNames: new Map([[source.id, to]]) },
  });
}

function noSnapshots() {
  return unchanged(refuse('EOPNOTSUPP', 'pool snapshots are not supported'));
}

const base = { module: 'osd', perm: 'rw' } as const;
const removeArgs =
  'name=pool,type=CephPoolname name=pool2,type=CephPoolname,req=false name=yes_i_really_really_mean_it,type=CephBool,req=false name=yes_i_really_really_mean_it_not_faking,type=CephBool,req=false';

/** `ceph osd pool create|rm|rename|mksnap|rmsnap`. */
export const poolCommands: CommandSpec[] = [
  {
    ...base,
    sig: 'osd pool create name=pool,type=CephPoolname name=pg_num,type=CephInt,range=0,req=false name=pgp_num,type=CephInt,range=0,req=false name=pool_type,type=CephChoices,strings=replicated|erasure,req=false name=erasure_code_profile,type=CephString,req=false,goodchars=[A-Za-z0-9-_.] name=rule,type=CephString,req=false name=expected_num_objects,type=CephInt,range=0,req=false name=size,type=CephInt,range=0,req=false name=pg_num_min,type=CephInt,range=0,req=false name=pg_num_max,type=CephInt,range=0,req=false name=autoscale_mode,type=CephChoices,strings=on|off|warn,req=false name=bulk,type=CephBool,req=false name=target_size_bytes,type=CephInt,range=0,req=false name=target_size_ratio,type=CephFloat,range=0.0,req=false',
    help: 'Make a pool.',
    decide: create,
  },
  {
    ...base,
    sig: `osd pool rm ${removeArgs}`,
    help: 'Remove a pool and its data.',
    decide: remove,
  },
  {
    ...base,
    flags: 4,
    sig: `osd pool delete ${removeArgs}`,
    help: 'Same as osd pool rm.',
    decide: remove,
  },
  {
    ...base,
    sig: 'osd pool rename name=srcpool,type=CephPoolname name=destpool,type=CephPoolname',
    help: 'Give a pool another name.',
    decide: rename,
  },
  {
    ...base,
    sig: 'osd pool mksnap name=pool,type=CephPoolname name=snap,type=CephString',
    help: 'Take a snapshot of a pool (refused: not supported).',
    decide: noSnapshots,
  },
  {
    ...base,
    sig: 'osd pool rmsnap name=pool,type=CephPoolname name=snap,type=CephString',
    help: 'Remove a snapshot of a pool (refused: not supported).',
    decide: noSnapshots,
  },
];
