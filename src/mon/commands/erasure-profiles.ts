import { formatValue } from '../../codec/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';

// Texts follow Ceph 16.2 (OSDMonitor.cc, ErasureCodeJerasure::parse for what a profile is completed with).

const DEFAULTS: Readonly<Record<string, string>> = {
  'crush-device-class': '',
  'crush-failure-domain': 'host',
  'crush-root': 'default',
  'jerasure-per-chunk-alignment': 'false',
  k: '2',
  m: '1',
  plugin: 'jerasure',
  technique: 'reed_sol_van',
  w: '8',
};

function sorted(entries: Iterable<readonly [string, string]>): Map<string, string> {
  return new Map([...entries].sort((a, b) => (a[0] < b[0] ? -1 : 1)));
}

function shown(profile: ReadonlyMap<string, string>): string {
  return `{${[...profile].map(([k, v]) => `${k}=${v}`).join(',')}}`;
}

function set(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  const given = args.list('profile').map((word) => {
    const at = word.indexOf('=');
    return at < 0 ? ([word, ''] as const) : ([word.slice(0, at), word.slice(at + 1)] as const);
  });
  const profile = sorted(new Map([...Object.entries(DEFAULTS), ...given]));
  const existing = state.osdmap.data.erasureCodeProfiles.get(name);
  if (existing && shown(sorted(existing)) === shown(profile)) return unchanged(ok());
  if (existing && !args.flag('force')) {
    const text = `will not override erasure code profile ${name} because the existing profile ${shown(sorted(existing))} is different from the proposed profile ${shown(profile)}`;
    return unchanged(refuse('EPERM', text));
  }
  return changed(ok(), { osdmap: { newErasureCodeProfiles: new Map([[name, profile]]) } });
}

function remove(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  if (!state.osdmap.data.erasureCodeProfiles.has(name)) {
    return unchanged(ok('', `erasure-code-profile ${name} does not exist`));
  }
  return changed(ok(), { osdmap: { oldErasureCodeProfiles: [name] } });
}

function get(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  const profile = state.osdmap.data.erasureCodeProfiles.get(name);
  if (!profile) return refuse('ENOENT', `unknown erasure code profile '${name}'`);
  const entries = sorted(profile);
  if (args.json) return ok(`${formatValue(Object.fromEntries(entries), args.pretty)}\n`);
  return ok([...entries].map(([k, v]) => `${k}=${v}\n`).join(''));
}

function list(state: MonState, args: CommandArgs) {
  const names = [...state.osdmap.data.erasureCodeProfiles.keys()].sort();
  if (args.json) return ok(`${formatValue(names, args.pretty)}\n`);
  return ok(names.map((n) => `${n}\n`).join(''));
}

const base = { module: 'osd', perm: 'rw' } as const;
const name = 'name=name,type=CephString,goodchars=[A-Za-z0-9-_.]';

/** Profiles can be kept, though pools that use them cannot be made. */
export const erasureProfileCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd erasure-code-profile set ${name} name=profile,type=CephString,n=N,req=false name=force,type=CephBool,req=false`,
    help: 'Store an erasure code profile.',
    decide: set,
  },
  {
    ...base,
    sig: `osd erasure-code-profile rm ${name}`,
    help: 'Remove an erasure code profile.',
    decide: remove,
  },
  {
    ...base,
    perm: 'r',
    sig: `osd erasure-code-profile get ${name}`,
    help: 'Show an erasure code profile.',
    run: get,
  },
  {
    ...base,
    perm: 'r',
    sig: 'osd erasure-code-profile ls',
    help: 'List erasure code profiles.',
    run: list,
  },
];
