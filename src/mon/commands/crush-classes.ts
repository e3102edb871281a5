import {
  type CrushMap,
  classIdFor,
  classOf,
  editMany,
  removeClass,
  removeDeviceClass,
  renameClass,
  setDeviceClass,
} from '../../crush/index.ts';
import { strerror } from '../../errors/index.ts';
import type { CommandArgs } from '../args.ts';
import {
  CommandFailure,
  type CommandSpec,
  type Decision,
  ok,
  refuse,
  unchanged,
} from '../command.ts';
import { edited } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { parseOsdIds } from './osd-ids.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

const isKnown = (map: CrushMap, name: string): boolean =>
  [...map.classNames.values()].includes(name);

/** Whether the command means every OSD there is. */
function meansAll(words: readonly string[]): boolean {
  return ['any', 'all', '*'].includes(words[0] ?? '');
}

function setClass(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const name = args.needText('class');
  const words = args.list('ids');
  const isQuiet = meansAll(words);
  let text = '';
  const set = new Set<number>();
  for (const word of isQuiet ? ['all'] : words) {
    let ids: number[] = [];
    try {
      ids = parseOsdIds([word], () => osdmap.osds());
    } catch (e) {
      if (!(e instanceof CommandFailure)) throw e;
      // Ceph goes on with the others.
      text += `${parseProblem(e)}, unable to parse osd id:"${word}". `;
    }
    for (const osd of ids) {
      const known = set.has(osd) ? name : classOf(osdmap.crushMap, osd);
      if (!osdmap.exists(osd)) {
        text += `osd.${osd} does not exist. `;
      } else if (known === undefined) {
        set.add(osd);
      } else if (known === name) {
        text += `osd.${osd} already set to class ${name}. `;
        if (isQuiet) continue;
        text += `set-device-class item id ${osd} name 'osd.${osd}' device_class '${name}': no change. `;
      } else {
        const why = `osd.${osd} has already bound to class '${known}', can not reset class to '${name}'; use 'ceph osd crush rm-device-class <id>' to remove old class first`;
        return unchanged(refuse('EBUSY', text + why));
      }
    }
  }
  text += `set osd(s) ${ascending(set)} to class '${name}'`;
  if (set.size === 0) return unchanged(ok('', text));
  return edited(
    osdmap,
    (m) =>
      editMany(m, () => {
        for (const osd of set) setDeviceClass(m, osd, name);
        return true;
      }),
    { done: text },
  );
}

function unsetClass(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const words = args.list('ids');
  let text = '';
  const done = new Set<number>();
  for (const word of meansAll(words) ? ['all'] : words) {
    try {
      for (const osd of parseOsdIds([word], () => osdmap.osds())) {
        if (!osdmap.exists(osd)) text += `osd.${osd} does not exist. `;
        else if (done.has(osd) || classOf(osdmap.crushMap, osd) === undefined) {
          text += `osd.${osd} belongs to no class, `;
        } else done.add(osd);
      }
    } catch (e) {
      if (!(e instanceof CommandFailure)) throw e;
      const why = `${parseProblem(e)}, unable to parse osd id:"${word}". `;
      return unchanged(refuse('EINVAL', text + why));
    }
  }
  text += `done removing class of osd(s): ${ascending(done)}`;
  if (done.size === 0) return unchanged(ok('', text));
  return edited(
    osdmap,
    (m) =>
      editMany(m, () => {
        for (const osd of done) removeDeviceClass(m, osd);
        return true;
      }),
    { done: text },
  );
}

/** What is wrong with the word for an OSD, without what other commands add to it. */
function parseProblem(e: CommandFailure): string {
  return e.message.replace(/invalid osd id-\d+$/, '');
}

function ascending(ids: ReadonlySet<number>): string {
  return [...ids].sort((a, b) => a - b).join(',');
}

function create(state: MonState, args: CommandArgs): Decision {
  const name = args.needText('class');
  if (isKnown(state.osdmap.crushMap, name)) {
    return unchanged(ok('', `class '${name}' already exists`));
  }
  const id = Math.max(-1, ...state.osdmap.crushMap.classNames.keys()) + 1;
  return edited(state.osdmap, (m) => classIdFor(m, name) >= 0, {
    done: `created class ${name} with id ${id} to crush map`,
  });
}

function remove(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const name = args.needText('class');
  if (!isKnown(osdmap.crushMap, name)) return unchanged(ok());
  const profiles = [...osdmap.data.erasureCodeProfiles]
    .filter(([, profile]) => profile.get('crush-device-class') === name)
    .map(([profileName]) => profileName)
    .sort();
  const id = [...osdmap.crushMap.classNames].find(([, known]) => known === name)![0];
  return edited(
    osdmap,
    (m) => {
      removeClass(m, name);
      if (profiles.length === 0) return true;
      const why = `class '${name}' is still referenced by erasure-code-profile(s): ${profiles.join(',')}`;
      throw new CommandFailure('EBUSY', why);
    },
    {
      done: `removed class ${name} with id ${id} from crush map`,
      explain: (e) => (e instanceof CommandFailure ? e.message : `class '${name}' ${e.message}`),
    },
  );
}

function rename(state: MonState, args: CommandArgs): Decision {
  const { crushMap } = state.osdmap;
  const [from, to] = [args.needText('srcname'), args.needText('dstname')];
  if (!isKnown(crushMap, from) && isKnown(crushMap, to)) {
    return unchanged(ok('', `already renamed to '${to}'`));
  }
  return edited(
    state.osdmap,
    (m) => {
      renameClass(m, from, to);
      return true;
    },
    {
      done: `rename class '${from}' to '${to}'`,
      explain: (e) => `fail to rename '${from}' to '${to}' : ${strerror(e.errno)}`,
    },
  );
}

const base = { module: 'osd', perm: 'rw' } as const;
const className = (name: string): string => `name=${name},type=CephString,goodchars=[A-Za-z0-9-_]`;

/** `ceph osd crush ...`: device classes. */
export const crushClassCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd crush class create ${className('class')}`,
    help: 'Make a device class.',
    decide: create,
  },
  {
    ...base,
    sig: `osd crush class rm ${className('class')}`,
    help: 'Remove a device class, from all devices too.',
    decide: remove,
  },
  {
    ...base,
    sig: 'osd crush set-device-class name=class,type=CephString name=ids,type=CephString,n=N',
    help: 'Set the device class of OSDs that have none.',
    decide: setClass,
  },
  {
    ...base,
    sig: 'osd crush rm-device-class name=ids,type=CephString,n=N',
    help: 'Take the device class of OSDs away.',
    decide: unsetClass,
  },
  {
    ...base,
    sig: `osd crush class rename ${className('srcname')} ${className('dstname')}`,
    help: 'Give a device class another name.',
    decide: rename,
  },
];
