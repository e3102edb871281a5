import {
  addSimpleRule,
  type CrushMap,
  classOf,
  itemByName,
  removeDeviceClass,
  removeRule,
  renameRule,
  ruleByName,
  setDeviceClass,
  typeByName,
} from '../../crush/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { asCommandFailure, editCrush } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { parseOsdIds } from './osd-ids.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

function edited(state: MonState, text: string, edit: (m: CrushMap) => void) {
  const crush = asCommandFailure(() =>
    editCrush(state.osdmap, (m) => {
      edit(m);
      return true;
    }),
  )!;
  return changed(ok('', text), { osdmap: { crush } });
}

function create(state: MonState, args: CommandArgs) {
  const map = state.osdmap.crushMap;
  const name = args.text('name') ?? '';
  const root = args.text('root') ?? '';
  const failureDomain = args.text('type') ?? '';
  const deviceClass = args.text('class');
  const mode = args.text('mode') === 'indep' ? 'indep' : 'firstn';
  if (ruleByName(map, name) !== undefined) {
    return unchanged(ok('', `rule ${name} already exists`));
  }
  if (itemByName(map, root) === undefined) {
    return unchanged(refuse('ENOENT', `root item ${root} does not exist`));
  }
  if (typeByName(map, failureDomain) === undefined) {
    return unchanged(refuse('EINVAL', `unknown type ${failureDomain}`));
  }
  if (deviceClass !== undefined && ![...map.classNames.values()].includes(deviceClass)) {
    return unchanged(refuse('EINVAL', `device class ${deviceClass} does not exist`));
  }
  return edited(state, '', (m) => {
    addSimpleRule(m, { name, root, failureDomain, deviceClass, mode });
  });
}

function remove(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  const id = ruleByName(state.osdmap.crushMap, name);
  if (id === undefined) return unchanged(ok('', `rule ${name} does not exist`));
  if ([...state.osdmap.data.pools.values()].some((p) => p.crushRule === id)) {
    return unchanged(refuse('EBUSY', `crush ruleset ${name} ${id} is in use`));
  }
  return edited(state, '', (m) => removeRule(m, id));
}

function rename(state: MonState, args: CommandArgs) {
  const from = args.text('srcname') ?? '';
  const to = args.text('dstname') ?? '';
  const map = state.osdmap.crushMap;
  if (ruleByName(map, from) === undefined && ruleByName(map, to) !== undefined) {
    return unchanged(ok('', `already renamed to '${to}'`));
  }
  return edited(state, '', (m) => renameRule(m, from, to));
}

function setClass(state: MonState, args: CommandArgs) {
  const name = args.text('class') ?? '';
  const { osdmap } = state;
  const ids = parseOsdIds(args.list('ids'), () => osdmap.osds());
  const set: number[] = [];
  let text = '';
  for (const osd of ids) {
    const known = classOf(osdmap.crushMap, osd);
    if (!osdmap.exists(osd)) text += `osd.${osd} does not exist. `;
    else if (known === name) {
      text += `osd.${osd} already set to class ${name}. set-device-class item id ${osd} name 'osd.${osd}' device_class '${name}': no change. `;
    } else if (known !== undefined) {
      const why = `osd.${osd} has already bound to class '${known}', can not reset class to '${name}'; use 'ceph osd crush rm-device-class <id>' to remove old class first`;
      return unchanged(refuse('EBUSY', why));
    } else set.push(osd);
  }
  text += `set osd(s) ${set.join(',')} to class '${name}'`;
  if (set.length === 0) return unchanged(ok('', text));
  return edited(state, text, (m) => {
    for (const osd of set) setDeviceClass(m, osd, name);
  });
}

function removeClass(state: MonState, args: CommandArgs) {
  const { osdmap } = state;
  const ids = parseOsdIds(args.list('ids'), () => osdmap.osds());
  const bound = ids.filter((osd) => classOf(osdmap.crushMap, osd) !== undefined);
  let text = ids
    .filter((osd) => !bound.includes(osd))
    .map((osd) =>
      osdmap.exists(osd) ? `osd.${osd} belongs to no class, ` : `osd.${osd} does not exist. `,
    )
    .join('');
  text += `done removing class of osd(s): ${bound.join(',')}`;
  if (bound.length === 0) return unchanged(ok('', text));
  return edited(state, text, (m) => {
    for (const osd of bound) removeDeviceClass(m, osd);
  });
}

const base = { module: 'osd', perm: 'rw' } as const;
const word = (name: string): string => `name=${name},type=CephString,goodchars=[A-Za-z0-9-_.]`;

/** `ceph osd crush rule ...` and device classes. */
export const crushRuleCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd crush rule create-replicated ${word('name')} ${word('root')} ${word('type')} name=class,type=CephString,req=false,goodchars=[A-Za-z0-9-_.]`,
    help: 'Make a rule that spreads copies over a failure domain.',
    decide: create,
  },
  {
    ...base,
    sig: `osd crush rule create-simple ${word('name')} ${word('root')} ${word('type')} name=mode,type=CephChoices,strings=firstn|indep,req=false`,
    help: 'Make a rule without a device class.',
    decide: create,
  },
  { ...base, sig: `osd crush rule rm ${word('name')}`, help: 'Remove a rule.', decide: remove },
  {
    ...base,
    sig: `osd crush rule rename ${word('srcname')} ${word('dstname')}`,
    help: 'Give a rule another name.',
    decide: rename,
  },
  {
    ...base,
    sig: 'osd crush set-device-class name=class,type=CephString,goodchars=[A-Za-z0-9-_] name=ids,type=CephString,n=N',
    help: 'Set the device class of OSDs that have none.',
    decide: setClass,
  },
  {
    ...base,
    sig: 'osd crush rm-device-class name=ids,type=CephString,n=N',
    help: 'Take the device class of OSDs away.',
    decide: removeClass,
  },
];
