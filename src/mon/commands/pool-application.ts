import { formatValue, type Json } from '../../codec/index.ts';
import type { PgPool } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';
import { needPool } from './pools.ts';

// Limits and texts: OSDMonitor::prepare_command_pool_application, release 16.2.

const APPLICATIONS_MAX = 4;
const LENGTH_MAX = 128;
const KEYS_MAX = 64;

type Applications = PgPool['applicationMetadata'];

interface Found {
  readonly name: string;
  readonly id: number;
  readonly pool: PgPool;
  readonly app: string;
  readonly known: ReadonlyMap<string, string> | undefined;
}

function find(state: MonState, args: CommandArgs): Found {
  const name = args.text('pool') ?? '';
  const { id, pool } = needPool(state.osdmap, name);
  const app = args.text('app') ?? '';
  return { name, id, pool, app, known: pool.applicationMetadata.get(app) };
}

function replace(f: Found, edit: (apps: Applications) => void) {
  const applicationMetadata: Applications = new Map(f.pool.applicationMetadata);
  edit(applicationMetadata);
  return { osdmap: { newPools: new Map([[f.id, { ...f.pool, applicationMetadata }]]) } };
}

function enable(state: MonState, args: CommandArgs) {
  const f = find(state, args);
  const reply = ok('', `enabled application '${f.app}' on pool '${f.name}'`);
  if (f.app === '') return unchanged(refuse('EINVAL', 'application name must be provided'));
  if (f.known) return unchanged(reply);
  const count = f.pool.applicationMetadata.size;
  if (count >= 1 && !args.flag('yes_i_really_mean_it')) {
    const text = `Are you SURE? Pool '${f.name}' already has an enabled application; pass --yes-i-really-mean-it to proceed anyway`;
    return unchanged(refuse('EPERM', text));
  }
  if (count >= APPLICATIONS_MAX) {
    return unchanged(
      refuse(
        'EINVAL',
        `too many enabled applications on pool '${f.name}'; max ${APPLICATIONS_MAX}`,
      ),
    );
  }
  if (f.app.length > LENGTH_MAX) {
    const text = `application name '${f.app}' too long; max length ${LENGTH_MAX}`;
    return unchanged(refuse('EINVAL', text));
  }
  return changed(
    reply,
    replace(f, (apps) => apps.set(f.app, new Map())),
  );
}

function disable(state: MonState, args: CommandArgs) {
  const f = find(state, args);
  if (!args.flag('yes_i_really_mean_it')) {
    const text =
      'Are you SURE? Disabling an application within a pool might result in loss of application functionality; pass --yes-i-really-mean-it to proceed anyway';
    return unchanged(refuse('EPERM', text));
  }
  if (!f.known) {
    return unchanged(ok('', `application '${f.app}' is not enabled on pool '${f.name}'`));
  }
  return changed(
    ok('', `disable application '${f.app}' on pool '${f.name}'`),
    replace(f, (apps) => apps.delete(f.app)),
  );
}

function notEnabled(f: Found) {
  return refuse('ENOENT', `application '${f.app}' is not enabled on pool '${f.name}'`);
}

function setKey(state: MonState, args: CommandArgs) {
  const f = find(state, args);
  const key = args.text('key') ?? '';
  const value = args.text('value') ?? '';
  if (!f.known) return unchanged(notEnabled(f));
  if (key === '') return unchanged(refuse('EINVAL', 'key cannot be empty'));
  if (!f.known.has(key) && f.known.size >= KEYS_MAX) {
    const text = `too many keys set for application '${f.app}' on pool '${f.name}'; max ${KEYS_MAX}`;
    return unchanged(refuse('EINVAL', text));
  }
  for (const [what, text] of [
    ['key', key],
    ['value', value],
  ]) {
    if (text!.length > LENGTH_MAX) {
      return unchanged(refuse('EINVAL', `${what} '${text}' too long; max length ${LENGTH_MAX}`));
    }
  }
  return changed(
    ok('', `set application '${f.app}' key '${key}' to '${value}' on pool '${f.name}'`),
    replace(f, (apps) => apps.set(f.app, new Map(f.known).set(key, value))),
  );
}

function removeKey(state: MonState, args: CommandArgs) {
  const f = find(state, args);
  const key = args.text('key') ?? '';
  if (!f.known) return unchanged(notEnabled(f));
  if (!f.known.has(key)) {
    const text = `application '${f.app}' on pool '${f.name}' does not have key '${key}'`;
    return unchanged(ok('', text));
  }
  return changed(
    ok('', `removed application '${f.app}' key '${key}' on pool '${f.name}'`),
    replace(f, (apps) => {
      const left = new Map(f.known);
      left.delete(key);
      apps.set(f.app, left);
    }),
  );
}

const objectOf = (apps: Applications): Record<string, Record<string, string>> =>
  Object.fromEntries([...apps].map(([app, keys]) => [app, Object.fromEntries(keys)]));

/** JSON even when no format was asked for. */
function json(args: CommandArgs, value: Json) {
  return args.json ? ok(formatValue(value, args.pretty)) : ok(`${formatValue(value, true)}\n`);
}

function get(state: MonState, args: CommandArgs) {
  if (!args.text('pool')) {
    const { pools, poolNames } = state.osdmap.data;
    const byPool = [...pools].map(([id, p]) => [
      poolNames.get(id) ?? String(id),
      objectOf(p.applicationMetadata),
    ]);
    return json(args, Object.fromEntries(byPool));
  }
  const f = find(state, args);
  if (f.app === '') return json(args, objectOf(f.pool.applicationMetadata));
  if (!f.known) return refuse('ENOENT', `pool '${f.name}' has no application '${f.app}'`);
  const key = args.text('key') ?? '';
  if (key === '') return json(args, Object.fromEntries(f.known));
  const value = f.known.get(key);
  if (value !== undefined) return ok(`${value}\n`);
  const text = `application '${f.app}' on pool '${f.name}' does not have key '${key}'`;
  return refuse('ENOENT', text);
}

const base = { module: 'osd', perm: 'rw' } as const;
const pool = 'name=pool,type=CephPoolname';

/** `ceph osd pool application ...`: who uses a pool, and what they noted there. */
export const poolApplicationCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd pool application enable ${pool} name=app,type=CephString,goodchars=[A-Za-z0-9-_.] name=yes_i_really_mean_it,type=CephBool,req=false`,
    help: 'Say which application uses a pool.',
    decide: enable,
  },
  {
    ...base,
    sig: `osd pool application disable ${pool} name=app,type=CephString name=yes_i_really_mean_it,type=CephBool,req=false`,
    help: 'Say that an application no longer uses a pool.',
    decide: disable,
  },
  {
    ...base,
    sig: `osd pool application set ${pool} name=app,type=CephString name=key,type=CephString,goodchars=[A-Za-z0-9-_.] name=value,type=CephString,goodchars=[A-Za-z0-9-_.=]`,
    help: 'Note a value for an application of a pool.',
    decide: setKey,
  },
  {
    ...base,
    sig: `osd pool application rm ${pool} name=app,type=CephString name=key,type=CephString`,
    help: 'Remove a noted value.',
    decide: removeKey,
  },
  {
    ...base,
    perm: 'r',
    sig: 'osd pool application get name=pool,type=CephPoolname,req=false name=app,type=CephString,req=false name=key,type=CephString,req=false',
    help: 'Show the applications of pools and their values.',
    run: get,
  },
];
