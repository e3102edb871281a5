import type { Json } from '../../codec/index.ts';
import {
  CHOOSE_ARGS_DEFAULT,
  classOf,
  crushChooseArgsDump,
  crushDump,
  crushRuleDump,
  crushTunablesDump,
  devicesOfClass,
  rulesOfClass,
} from '../../crush/index.ts';
import type { CommandArgs } from '../args.ts';
import {
  CommandFailure,
  type CommandReply,
  ok,
  type ReadCommand,
  readCommand,
  refuse,
} from '../command.ts';
import type { MonState } from '../state.ts';
import { textOrValue, valueReply } from './reply.ts';

/** These dumps end with one more newline than others. */
function dump(args: CommandArgs, value: Json): CommandReply {
  const reply = valueReply(args, value);
  return ok(`${reply.output}\n`);
}

function ruleDump(state: MonState, args: CommandArgs): CommandReply {
  const rules = crushRuleDump(state.osdmap.crushMap);
  const name = args.text('name');
  if (!name) return dump(args, rules);
  const rule = rules.find((r) => r.rule_name === name);
  return rule ? dump(args, rule) : refuse('ENOENT', `unknown crush rule '${name}'`);
}

function ruleLs(state: MonState, args: CommandArgs): CommandReply {
  const names = crushRuleDump(state.osdmap.crushMap).map((rule) => rule.rule_name);
  return textOrValue(
    args,
    () => names.map((n) => `${n}\n`).join(''),
    () => names,
  );
}

/** Names of the rules that take devices of a class. */
function rulesByClass(state: MonState, args: CommandArgs): CommandReply {
  const crush = state.osdmap.crushMap;
  const name = args.needText('class');
  if (![...crush.classNames.values()].includes(name)) {
    return refuse('ENOENT', `failed to get rules by class '${name}'`);
  }
  const names = rulesOfClass(crush, name).map((id) => crush.ruleNames.get(id) ?? '');
  return textOrValue(
    args,
    () => names.map((n) => `${n}\n`).join(''),
    () => names,
  );
}

function classLsOsd(state: MonState, args: CommandArgs): CommandReply {
  const osds = devicesOfClass(state.osdmap.crushMap, args.needText('class'));
  return textOrValue(
    args,
    () => osds.map((osd) => `${osd}\n`).join(''),
    () => osds,
  );
}

/** Classes of the OSDs named; an OSD may be given as `osd.1` or `1`. Of one alone the class stands alone. */
function deviceClasses(state: MonState, args: CommandArgs): CommandReply {
  const crush = state.osdmap.crushMap;
  const ids = args.list('ids').map((word): number => {
    const m = /^(?:osd\.)?(\d+)$/.exec(word);
    if (!m) throw new CommandFailure('EINVAL', `unable to parse osd id:'${word}'`);
    return Number(m[1]);
  });
  const osds = [...new Set(ids)].sort((a, b) => a - b);
  const nameOf = (osd: number): string => classOf(crush, osd) ?? '';
  return textOrValue(
    args,
    () => {
      if (osds.length > 1) return osds.map((osd) => `osd.${osd} ${nameOf(osd)}\n`).join('');
      return osds.map((osd) => (nameOf(osd) === '' ? '' : `${nameOf(osd)}\n`)).join('');
    },
    () => osds.map((osd) => ({ osd, device_class: nameOf(osd) })),
  );
}

/** Names of the pools that have weights of their own, and `(compat)` for the set of all others. */
function weightSets(state: MonState, args: CommandArgs): CommandReply {
  const keys = [...state.osdmap.crushMap.chooseArgs.keys()];
  const pools = keys.filter((id) => id >= 0).sort((a, b) => a - b);
  const names = [
    ...(keys.includes(CHOOSE_ARGS_DEFAULT) ? ['(compat)'] : []),
    ...pools.map((id) => state.osdmap.poolName(id) ?? ''),
  ];
  return textOrValue(
    args,
    () => names.map((n) => `${n}\n`).join(''),
    () => names,
  );
}

export const crushDumpCommands: ReadCommand[] = [
  readCommand('osd', 'osd crush dump', 'Print the CRUSH map', (state, args) =>
    dump(args, crushDump(state.osdmap.crushMap)),
  ),
  readCommand('osd', 'osd crush rule ls', 'List the CRUSH rules', ruleLs),
  readCommand('osd', 'osd crush rule list', 'List the CRUSH rules', ruleLs, 4),
  readCommand(
    'osd',
    'osd crush rule ls-by-class name=class,type=CephString,goodchars=[A-Za-z0-9-_.]',
    'List the CRUSH rules that take devices of a class',
    rulesByClass,
  ),
  readCommand(
    'osd',
    'osd crush rule dump name=name,type=CephString,goodchars=[A-Za-z0-9-_.],req=false',
    'Print one CRUSH rule, or all',
    ruleDump,
  ),
  readCommand('osd', 'osd crush class ls', 'List the device classes', (state, args) => {
    const { classNames } = state.osdmap.crushMap;
    return valueReply(
      args,
      [...classNames].sort((a, b) => a[0] - b[0]).map(([, name]) => name),
    );
  }),
  readCommand(
    'osd',
    'osd crush class ls-osd name=class,type=CephString,goodchars=[A-Za-z0-9-_]',
    'List the OSDs of a device class',
    classLsOsd,
  ),
  readCommand(
    'osd',
    'osd crush get-device-class name=ids,type=CephString,n=N',
    'Show the device classes of OSDs',
    deviceClasses,
  ),
  readCommand('osd', 'osd crush weight-set ls', 'List the weight sets', weightSets),
  readCommand('osd', 'osd crush weight-set dump', 'Print the weight sets', (state, args) =>
    valueReply(args, crushChooseArgsDump(state.osdmap.crushMap)),
  ),
  readCommand('osd', 'osd crush show-tunables', 'Show the tunables of CRUSH', (state, args) =>
    dump(args, crushTunablesDump(state.osdmap.crushMap)),
  ),
  readCommand(
    'osd',
    'osd crush get-tunable name=tunable,type=CephChoices,strings=straw_calc_version',
    'Show one tunable of CRUSH',
    (state, args) => {
      const version = state.osdmap.crushMap.tunables.strawCalcVersion;
      return textOrValue(
        args,
        () => `${version}\n`,
        () => ({ straw_calc_version: version }),
      );
    },
  ),
];
