import { OSD_STATE, type OSDMap } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import type { OsdMapPatch } from '../change.ts';
import { CommandFailure, type CommandSpec, changed, ok, unchanged } from '../command.ts';
import { MARKS, type Mark } from '../services/osd-marks.ts';
import type { MonState } from '../state.ts';
import { isOsdId, parseOsdIds } from './osd-ids.ts';

// Texts follow Ceph 16.2 (`osd set-group` and its neighbours in OSDMonitor::prepare_command_impl).

/** Whom a command names: OSDs by number, CRUSH nodes by name, device classes. */
interface Targets {
  readonly osds: readonly number[];
  readonly nodes: readonly number[];
  readonly classes: readonly number[];
  /** About what names nothing. */
  readonly text: string;
}

function targetsOf(osdmap: OSDMap, who: readonly string[]): Targets {
  const { itemNames, classNames } = osdmap.crushMap;
  const osds = new Set<number>();
  const nodes = new Set<number>();
  const classes = new Set<number>();
  let text = '';
  for (const word of who) {
    if (word === 'any' || word === 'all' || word === '*') {
      for (const osd of osdmap.osds()) osds.add(osd);
      break;
    }
    const node = [...itemNames].find(([, name]) => name === word)?.[0];
    const deviceClass = [...classNames].find(([, name]) => name === word)?.[0];
    if (isOsdId(word)) osds.add(parseOsdIds([word], () => [])[0]!);
    else if (node !== undefined) nodes.add(node);
    else if (deviceClass !== undefined) classes.add(deviceClass);
    else text += `unable to parse osd id or crush node or device class: "${word}". `;
  }
  if (osds.size + nodes.size + classes.size === 0) throw new CommandFailure('EINVAL', text);
  return { osds: [...osds], nodes: [...nodes], classes: [...classes], text };
}

/** The change that sets or clears marks. */
function mark(state: MonState, marks: readonly Mark[], who: readonly string[], isSet: boolean) {
  const { osdmap } = state;
  const targets = targetsOf(osdmap, who);
  const mask = marks.reduce((bits, name) => bits | OSD_STATE[name], 0);
  const wanted = (bits: number): number => (isSet ? bits | mask : bits & ~mask);
  let { text } = targets;
  const flips = new Map<number, number>();
  for (const osd of targets.osds) {
    if (!osdmap.exists(osd)) text += `osd.${osd} does not exist. `;
    else {
      const bits = osdmap.data.osdState[osd]!;
      const flip = bits ^ wanted(bits);
      if (flip !== 0) flips.set(osd, flip);
    }
  }
  const { crushNodeFlags, deviceClassFlags } = osdmap.data;
  const flagsOf = (ids: readonly number[], known: ReadonlyMap<number, number>) =>
    new Map(ids.map((id) => [id, wanted(known.get(id) ?? 0)]));
  const patch: OsdMapPatch = {
    newState: flips,
    newCrushNodeFlags: flagsOf(targets.nodes, crushNodeFlags),
    newDeviceClassFlags: flagsOf(targets.classes, deviceClassFlags),
  };
  const isIdle = flips.size + targets.nodes.length + targets.classes.length === 0;
  return isIdle ? unchanged(ok('', text)) : changed(ok('', text), { osdmap: patch });
}

function group(isSet: boolean) {
  return (state: MonState, args: CommandArgs) => {
    const words = (args.text('flags') ?? '').split(',');
    const unknown = words.find((word) => !(MARKS as readonly string[]).includes(word));
    if (unknown !== undefined) {
      throw new CommandFailure(
        'EINVAL',
        `unrecognized flag '${unknown}', must be one of {noup,nodown,noin,noout}`,
      );
    }
    return mark(state, words as Mark[], args.list('who'), isSet);
  };
}

const base = { module: 'osd', perm: 'rw' } as const;
const who = 'name=flags,type=CephString name=who,type=CephString,n=N';

/** What OSDs are to be spared. */
export const osdMarkCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd set-group ${who}`,
    help: 'Spare OSDs, or those of CRUSH nodes or device classes: noup, nodown, noin, noout.',
    decide: group(true),
  },
  {
    ...base,
    sig: `osd unset-group ${who}`,
    help: 'Take back what set-group did.',
    decide: group(false),
  },
  ...MARKS.flatMap((name): CommandSpec[] => [
    {
      ...base,
      flags: 4,
      sig: `osd add-${name} name=ids,type=CephString,n=N`,
      help: `Same as osd set-group ${name}.`,
      decide: (state, args) => mark(state, [name], args.list('ids'), true),
    },
    {
      ...base,
      flags: 4,
      sig: `osd rm-${name} name=ids,type=CephString,n=N`,
      help: `Same as osd unset-group ${name}.`,
      decide: (state, args) => mark(state, [name], args.list('ids'), false),
    },
  ]),
];
