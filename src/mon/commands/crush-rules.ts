import {
  addSimpleRule,
  RULE_TYPE,
  removeRule,
  renameRule,
  ruleByName,
  type SimpleRule,
} from '../../crush/index.ts';
import type { CommandArgs } from '../args.ts';
import {
  CommandFailure,
  type CommandSpec,
  type Decision,
  ok,
  refuse,
  unchanged,
} from '../command.ts';
import { edited, itsWords } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { word } from './crush-words.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

function added(state: MonState, rule: SimpleRule, done = ''): Decision {
  if (ruleByName(state.osdmap.crushMap, rule.name) !== undefined) {
    return unchanged(ok('', `rule ${rule.name} already exists`));
  }
  return edited(
    state.osdmap,
    (m) => {
      addSimpleRule(m, rule);
      return true;
    },
    { done, explain: itsWords },
  );
}

/** `create-simple` and `create-replicated`: both make rules for replicated pools. */
function create(state: MonState, args: CommandArgs): Decision {
  const deviceClass = args.text('class');
  return added(state, {
    name: args.needText('name'),
    root: args.needText('root'),
    failureDomain: args.needText('type'),
    mode: args.text('mode') === 'indep' ? 'indep' : 'firstn',
    type: RULE_TYPE.REPLICATED,
    ...(deviceClass && { deviceClass }),
  });
}

function createErasure(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const name = args.needText('name');
  const id = freeId(osdmap.crushMap.rules);
  if (ruleByName(osdmap.crushMap, name) !== undefined) {
    return unchanged(ok('', `rule ${name} already exists`));
  }
  const profile = osdmap.data.erasureCodeProfiles.get(args.text('profile') || 'default');
  const plugin = profile?.get('plugin');
  if (!profile || plugin === undefined) {
    const text = [...(profile ?? [])].map(([key, value]) => `${key}=${value}`).sort();
    const why = `cannot determine the erasure code plugin because there is no 'plugin' entry in the erasure_code_profile {${text.join(',')}}`;
    return unchanged(refuse('EINVAL', why));
  }
  const deviceClass = profile.get('crush-device-class');
  return added(
    state,
    {
      name,
      root: profile.get('crush-root') || 'default',
      failureDomain: profile.get('crush-failure-domain') || 'host',
      mode: 'indep',
      type: RULE_TYPE.ERASURE,
      maxSize: chunksOf(plugin, profile),
      ...(deviceClass && { deviceClass }),
    },
    `created rule ${name} at ${id}`,
  );
}

function freeId(rules: readonly unknown[]): number {
  const free = rules.indexOf(undefined);
  return free < 0 ? rules.length : free;
}

/** How many chunks an object has. @throws CommandFailure EINVAL */
function chunksOf(plugin: string, profile: ReadonlyMap<string, string>): number {
  // The layers of lrc decide on steps of their own.
  if (!['jerasure', 'isa', 'shec', 'clay'].includes(plugin)) {
    throw new CommandFailure('EINVAL', `no rule can be made for plugin ${plugin}`);
  }
  const [k, m] = [Number(profile.get('k') ?? 2), Number(profile.get('m') ?? 1)];
  if (!(k >= 1 && m >= 1 && k + m <= 255)) {
    throw new CommandFailure(
      'EINVAL',
      `k=${profile.get('k')} and m=${profile.get('m')} do not fit`,
    );
  }
  return k + m;
}

function remove(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const name = args.needText('name');
  const id = ruleByName(osdmap.crushMap, name);
  if (id === undefined) return unchanged(ok('', `rule ${name} does not exist`));
  if ([...osdmap.data.pools.values()].some((p) => p.crushRule === id)) {
    return unchanged(refuse('EBUSY', `crush ruleset ${name} ${id} is in use`));
  }
  return edited(osdmap, (m) => {
    removeRule(m, id);
    return true;
  });
}

function rename(state: MonState, args: CommandArgs): Decision {
  const { crushMap } = state.osdmap;
  const [from, to] = [args.needText('srcname'), args.needText('dstname')];
  if (from === to) {
    return unchanged(ok('', 'destination rule name is equal to source rule name'));
  }
  if (ruleByName(crushMap, from) === undefined && ruleByName(crushMap, to) !== undefined) {
    return unchanged(ok('', `already renamed to '${to}'`));
  }
  return edited(
    state.osdmap,
    (m) => {
      renameRule(m, from, to);
      return true;
    },
    { explain: itsWords },
  );
}

const base = { module: 'osd', perm: 'rw' } as const;

/** `ceph osd crush rule ...`. */
export const crushRuleCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd crush rule create-simple ${word('name')} ${word('root')} ${word('type')} name=mode,type=CephChoices,strings=firstn|indep,req=false`,
    help: 'Make a rule without a device class.',
    decide: create,
  },
  {
    ...base,
    sig: `osd crush rule create-replicated ${word('name')} ${word('root')} ${word('type')} name=class,type=CephString,req=false,goodchars=[A-Za-z0-9-_.]`,
    help: 'Make a rule that spreads copies over a failure domain.',
    decide: create,
  },
  {
    ...base,
    sig: `osd crush rule create-erasure ${word('name')} name=profile,type=CephString,req=false,goodchars=[A-Za-z0-9-_.=]`,
    help: 'Make a rule that places the chunks of an erasure code as its profile says.',
    decide: createErasure,
  },
  { ...base, sig: `osd crush rule rm ${word('name')}`, help: 'Remove a rule.', decide: remove },
  {
    ...base,
    sig: `osd crush rule rename ${word('srcname')} ${word('dstname')}`,
    help: 'Give a rule another name.',
    decide: rename,
  },
];
