import { type Column, formatValue, type Json, table } from '../../codec/index.ts';
import {
  type ConfigSetting,
  type ConfigSubject,
  type ConfigTarget,
  canonical,
  canUpdateAtRuntime,
  defaultText,
  OPTIONS,
  type Option,
  optionFlags,
  optionName,
  parseOption,
  parseTarget,
  resolveConfig,
} from '../../config/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { configSubject } from '../config-subject.ts';
import { CHOSEN_BYTES_MAX } from '../keys.ts';
import type { MonState } from '../state.ts';

// Texts follow Ceph 16.2 (src/mon/ConfigMonitor.cc, Option::print).

const left = (title: string): Column => [title, 'l', 'l'];
const COLUMNS = ['WHO', 'MASK', 'LEVEL', 'OPTION', 'VALUE', 'RO'].map(left);

function settingRow(s: ConfigSetting, who: string): string[] {
  const option = OPTIONS.get(s.name);
  const fixed = option !== undefined && !canUpdateAtRuntime(option);
  return [who, s.mask, option?.level ?? 'advanced', s.name, s.value, fixed ? '*' : ''];
}

function maskFields(mask: string): Record<string, string> {
  const [type, value] = mask.split(':');
  if (type === undefined || value === undefined) return {};
  return type === 'class'
    ? { device_class: value }
    : { location_type: type, location_value: value };
}

function isUpdatable(name: string): boolean {
  const option = OPTIONS.get(name);
  return option === undefined || canUpdateAtRuntime(option);
}

function dump(state: MonState, args: CommandArgs) {
  if (args.json) {
    const list = state.config.map((s) => ({
      section: s.section,
      name: s.name,
      value: s.value,
      level: OPTIONS.get(s.name)?.level ?? 'advanced',
      can_update_at_runtime: isUpdatable(s.name),
      mask: s.mask,
      ...maskFields(s.mask),
    }));
    return ok(formatValue(list, args.pretty));
  }
  const depth = (section: string): number =>
    section === 'global' ? 0 : section.includes('.') ? 4 : 2;
  const rows = state.config.map((s) => settingRow(s, ' '.repeat(depth(s.section)) + s.section));
  return ok(table(COLUMNS, rows));
}

function get(state: MonState, args: CommandArgs) {
  const who = args.text('who') ?? '';
  const subject = parseTarget(who) && configSubject(state, who);
  if (!subject) return refuse('EINVAL', `unrecognized entity '${who}'`);
  const settings = resolveConfig(state.config, subject);
  const key = args.text('key');
  if (key !== undefined) return getOne(state, optionName(key), key, settings);
  if (args.json) {
    const byName: { [key: string]: Json } = {};
    for (const s of settings.values()) {
      byName[s.name] = {
        value: s.value,
        section: s.section,
        mask: maskFields(s.mask),
        can_update_at_runtime: isUpdatable(s.name),
      };
    }
    return ok(formatValue(byName, args.pretty));
  }
  return ok(
    table(
      COLUMNS,
      [...settings.values()].map((s) => settingRow(s, s.section)),
    ),
  );
}

function getOne(
  state: MonState,
  name: string,
  asked: string,
  settings: ReadonlyMap<string, ConfigSetting>,
) {
  if (name === 'fsid') return ok(`${state.fsid}\n`);
  const set = settings.get(name);
  if (set) return ok(`${set.value}\n`);
  if (!OPTIONS.has(name)) return refuse('ENOENT', `unrecognized key '${asked}'`);
  return ok(`${defaultText(name)}\n`);
}

/** What a daemon of the cluster runs with, or one client that is connected. */
function runningSubject(state: MonState, who: string): ConfigSubject | undefined {
  const known =
    who === `mon.${state.name}` ||
    (state.mgr.available && who === `mgr.${state.mgr.name}`) ||
    state.osdMetadata.has(Number(/^osd\.(\d+)$/.exec(who)?.[1] ?? -1));
  return known ? configSubject(state, who) : undefined;
}

function show(state: MonState, args: CommandArgs, withDefaults: boolean) {
  const who = args.text('who') ?? '';
  const subject = runningSubject(state, who);
  if (!subject) return refuse('ENOENT', `no config state for daemon ${who}`);
  const settings = resolveConfig(state.config, subject);
  const key = args.text('key');
  if (key !== undefined) return getOne(state, optionName(key), key, settings);
  const names = withDefaults ? [...OPTIONS.keys()].sort() : [...settings.keys()];
  const list = names.map((name) => {
    const set = settings.get(name);
    return { name, value: set?.value ?? defaultText(name), source: set ? 'mon' : 'default' };
  });
  if (args.json) return ok(formatValue(list, args.pretty));
  const columns = ['NAME', 'VALUE', 'SOURCE', 'OVERRIDES', 'IGNORES'].map(left);
  return ok(
    table(
      columns,
      list.map((e) => [e.name, e.value, e.source, '', '']),
    ),
  );
}

function set(state: MonState, args: CommandArgs) {
  const who = args.text('who') ?? '';
  const name = optionName(args.text('name') ?? '');
  const text = args.text('value') ?? '';
  const option = OPTIONS.get(name);
  if (!option && !args.flag('force')) {
    return unchanged(refuse('EINVAL', `unrecognized config option '${name}'`));
  }
  let value = text;
  if (option) {
    const parsed = parseOption(option, text);
    if ('error' in parsed) {
      return unchanged(refuse('EINVAL', `error parsing value: ${parsed.error}`));
    }
    if (option.noMonUpdate) {
      return unchanged(refuse('EINVAL', `${name} is special and cannot be stored by the mon`));
    }
    value = canonical(option, parsed.ok);
  }
  const target = parseTarget(who);
  if (!target) return unchanged(refuse('EINVAL', `unrecognized config target '${who}'`));
  if (Buffer.byteLength(who + name) > CHOSEN_BYTES_MAX) {
    const text = `target and option have at most ${CHOSEN_BYTES_MAX} bytes`;
    return unchanged(refuse('ENAMETOOLONG', text));
  }
  if (stored(state, target, name)?.value === value) return unchanged(ok());
  return changed(ok(), { config: [{ ...target, name, value }] });
}

function stored(state: MonState, t: ConfigTarget, name: string): ConfigSetting | undefined {
  return state.config.find((s) => s.section === t.section && s.mask === t.mask && s.name === name);
}

function remove(state: MonState, args: CommandArgs) {
  const who = args.text('who') ?? '';
  const name = optionName(args.text('name') ?? '');
  const target = parseTarget(who);
  if (!target) return unchanged(refuse('EINVAL', `unrecognized config target '${who}'`));
  if (!stored(state, target, name)) return unchanged(ok());
  return changed(ok(), { config: [{ ...target, name, value: undefined }] });
}

/** The fields of `config help --format json`, also used by `ceph tell`. */
export function optionFields(name: string, o: Option): { [key: string]: Json } {
  const textual = o.type === 'str' || o.type === 'addr' || o.type === 'uuid';
  const asText = textual || o.type === 'size' || o.type === 'secs';
  return {
    name,
    type: o.type,
    level: o.level,
    desc: o.desc,
    long_desc: '',
    default: asText ? String(o.default) : o.default,
    daemon_default: '',
    tags: [],
    services: o.services ?? [],
    see_also: o.seeAlso ?? [],
    ...(textual && o.type === 'str' ? { enum_values: o.allowed ?? [] } : {}),
    min: o.min ?? '',
    max: o.max ?? '',
    can_update_at_runtime: canUpdateAtRuntime(o),
    flags: optionFlags(o),
  };
}

function help(_state: MonState, args: CommandArgs) {
  const name = optionName(args.text('key') ?? '');
  const o = OPTIONS.get(name);
  if (!o) return refuse('ENOENT', '');
  if (args.json) return ok(formatValue(optionFields(name, o), args.pretty));
  const bound = (v: number | undefined): string => (v === undefined ? '' : String(v));
  const lines = [
    `${name} - ${o.desc}`,
    `  (${o.type}, ${o.level})`,
    `  Default: ${canonical(o, o.default)}`,
    ...(o.allowed ? [`  Possible values:  ${o.allowed.join(' ')}`] : []),
    ...(o.min !== undefined || o.max !== undefined
      ? [`  Minimum: ${bound(o.min)}`, `  Maximum: ${bound(o.max)}`]
      : []),
    `  Can update at runtime: ${canUpdateAtRuntime(o)}`,
    ...(o.services?.length ? [`  Services: [${o.services.join(',')}]`] : []),
    ...(o.seeAlso?.length ? [`  See also: [${o.seeAlso.join(',')}]`] : []),
  ];
  return ok(`${lines.join('\n')}\n`);
}

function list(_state: MonState, args: CommandArgs) {
  const names = [...OPTIONS.keys()];
  return ok(args.json ? formatValue(names, args.pretty) : names.map((n) => `${n}\n`).join(''));
}

function minimalConf(state: MonState) {
  const addrs = [...state.monmap.monInfo.values()].flatMap((m) =>
    m.publicAddrs.map((a) => `v2:${a.host}:${a.port}/${a.nonce}`),
  );
  const lines = [
    `# minimal ceph.conf for ${state.fsid}`,
    '[global]',
    `\tfsid = ${state.fsid}`,
    `\tmon_host = [${addrs.join(',')}]`,
  ];
  return ok(`${lines.join('\n')}\n`);
}

const base = { module: 'config', perm: 'rw' } as const;
const read = { module: 'config', perm: 'r' } as const;

/** `ceph config ...`. */
export const configCommands: CommandSpec[] = [
  {
    ...base,
    sig: 'config set name=who,type=CephString name=name,type=CephString name=value,type=CephString name=force,type=CephBool,req=false',
    help: 'Store a setting for an entity, a type or everybody.',
    decide: set,
  },
  {
    ...base,
    sig: 'config rm name=who,type=CephString name=name,type=CephString',
    help: 'Remove a stored setting.',
    decide: remove,
  },
  {
    ...read,
    sig: 'config get name=who,type=CephString name=key,type=CephString,req=false',
    help: 'Show what is stored for an entity, or the value of one option.',
    run: get,
  },
  { ...read, module: 'mon', sig: 'config dump', help: 'Show every stored setting.', run: dump },
  { ...read, sig: 'config ls', help: 'List the names of all options.', run: list },
  {
    ...read,
    sig: 'config help name=key,type=CephString',
    help: 'Describe one option.',
    run: help,
  },
  {
    ...read,
    module: 'mgr',
    sig: 'config show name=who,type=CephString name=key,type=CephString,req=false',
    help: 'Show what a running daemon was told by the monitor.',
    run: (state, args) => show(state, args, false),
  },
  {
    ...read,
    module: 'mgr',
    sig: 'config show-with-defaults name=who,type=CephString',
    help: 'Show every option of a running daemon.',
    run: (state, args) => show(state, args, true),
  },
  {
    ...read,
    sig: 'config generate-minimal-conf',
    help: 'Print the least a client needs in its ceph.conf.',
    run: minimalConf,
  },
];
