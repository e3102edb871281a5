import { formatValue, type Json } from '../codec/index.ts';
import { OPTIONS, optionName } from '../config/index.ts';
import { ERRNO } from '../errors/index.ts';
import { CEPH_RELEASE } from '../wire/index.ts';
import type { CommandArgs } from './args.ts';
import { type CommandSpec, ok, refuse } from './command.ts';
import { optionFields } from './commands/config.ts';
import type { MonState } from './state.ts';

// Commands to the daemon itself (`ceph tell mon.a ...`). Forms follow Ceph 16.2 (AdminSocket, CephContext::_do_command).

/** Pretty by default, as everything that a daemon's own socket answers. */
function json(args: CommandArgs, value: Json) {
  return args.json && args.format === 'json'
    ? ok(formatValue(value, false))
    : ok(`${formatValue(value, true)}\n`);
}

function version(_state: MonState, args: CommandArgs) {
  return json(args, { version: CEPH_RELEASE, release: 'pacific', release_type: 'stable' });
}

function configGet(state: MonState, args: CommandArgs) {
  const asked = args.text('var') ?? '';
  const name = optionName(asked);
  if (!OPTIONS.has(name)) {
    const text = `error getting '${asked}': (${ERRNO.ENOENT}) No such file or directory`;
    return refuse('ENOENT', text);
  }
  return json(args, { [name]: String(state.option(name)) });
}

function configShow(state: MonState, args: CommandArgs) {
  const entries = [...OPTIONS.keys()].sort().map((name) => [name, String(state.option(name))]);
  return json(args, Object.fromEntries(entries));
}

function configHelp(_state: MonState, args: CommandArgs) {
  const asked = args.text('var');
  if (asked === undefined) {
    return json(args, { options: [...OPTIONS].map(([name, o]) => optionFields(name, o)) });
  }
  const name = optionName(asked);
  const option = OPTIONS.get(name);
  if (!option) return refuse('ENOENT', `Setting not found: '${asked}'`);
  return json(args, { option: optionFields(name, option) });
}

const base = { module: 'mon', perm: 'r' } as const;

export const tellCommands: CommandSpec[] = [
  { ...base, sig: 'version', help: 'Show the release of this daemon.', run: version },
  {
    ...base,
    sig: 'config get name=var,type=CephString',
    help: "Show an option's value in this daemon.",
    run: configGet,
  },
  { ...base, sig: 'config show', help: 'Show all options of this daemon.', run: configShow },
  {
    ...base,
    sig: 'config help name=var,type=CephString,req=false',
    help: 'Describe one option, or all.',
    run: configHelp,
  },
];
