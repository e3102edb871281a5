import { devicesBelow, itemByName } from '../../crush/index.ts';
import {
  isDestroyed,
  type OSDMap,
  osdTreeJson,
  osdTreeText,
  placementTreeJson,
  placementTreeText,
} from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandReply, type ReadCommand, refuse } from '../command.ts';
import { mapFor } from './epoch.ts';
import { textOrValue } from './reply.ts';

const STATE_WORDS = ['up', 'down', 'in', 'out', 'destroyed'];

/** The test that `states` names: any of them. */
function filterOf(map: OSDMap, states: readonly string[]): ((osd: number) => boolean) | undefined {
  if (states.length === 0) return undefined;
  for (const s of states) {
    if (!STATE_WORDS.includes(s)) throw new CommandFailure('EINVAL', `unrecognized state '${s}'`);
  }
  const wants = (s: string): boolean => states.includes(s);
  if (wants('in') && wants('out'))
    throw new CommandFailure('EINVAL', "cannot specify both 'in' and 'out'");
  if (wants('up') && wants('down'))
    throw new CommandFailure('EINVAL', "cannot specify both 'up' and 'down'");
  return (osd) =>
    (wants('up') && map.isUp(osd)) ||
    (wants('down') && map.exists(osd) && !map.isUp(osd)) ||
    (wants('in') && map.isIn(osd)) ||
    (wants('out') && map.exists(osd) && !map.isIn(osd)) ||
    (wants('destroyed') && isDestroyed(map, osd));
}

function osdTree(map: OSDMap, args: CommandArgs, start?: number): CommandReply {
  const keep = filterOf(map, args.list('states'));
  const options = { ...(keep && { keep }), ...(start !== undefined && { start }) };
  return textOrValue(
    args,
    () => osdTreeText(map, options),
    () => osdTreeJson(map, options),
    { end: 'newline' },
  );
}

function treeFrom(map: OSDMap, args: CommandArgs): CommandReply {
  const name = args.needText('bucket');
  const id = itemByName(map.crushMap, name);
  if (id === undefined) return refuse('ENOENT', `bucket '${name}' does not exist`);
  if (id >= 0) return refuse('EINVAL', `"${name}" is not a bucket`);
  return osdTree(map, args, id);
}

function placementTree(map: OSDMap, args: CommandArgs): CommandReply {
  const shadow = args.text('shadow') === '--show-shadow';
  return textOrValue(
    args,
    () => placementTreeText(map, shadow),
    () => placementTreeJson(map, shadow),
  );
}

function lsTree(map: OSDMap, args: CommandArgs): CommandReply {
  const name = args.needText('name');
  const id = itemByName(map.crushMap, name);
  if (id === undefined) return refuse('ENOENT', `"${name}" does not exist`);
  const osds = devicesBelow(map.crushMap, id).filter((osd) => map.exists(osd));
  return textOrValue(
    args,
    () => osds.map((osd) => `${osd}\n`).join(''),
    () => osds,
    { end: 'newline' },
  );
}

function osdLs(map: OSDMap, args: CommandArgs): CommandReply {
  const osds = map.osds();
  return textOrValue(
    args,
    () => osds.map((osd) => `${osd}\n`).join(''),
    () => osds,
    { end: 'newline' },
  );
}

const EPOCH = 'name=epoch,type=CephInt,range=0,req=false';
const STATES = `name=states,type=CephChoices,strings=${STATE_WORDS.join('|')},n=N,req=false`;

export const osdTreeCommands: ReadCommand[] = [
  {
    sig: `osd tree ${EPOCH} ${STATES}`,
    help: 'Print the hierarchy of the OSDs with their state',
    module: 'osd',
    perm: 'r',
    run: (state, args) => osdTree(mapFor(state, args), args),
  },
  {
    sig: `osd tree-from ${EPOCH} name=bucket,type=CephString ${STATES}`,
    help: 'Print the hierarchy below one bucket',
    module: 'osd',
    perm: 'r',
    run: (state, args) => treeFrom(mapFor(state, args), args),
  },
  {
    sig: 'osd crush tree name=shadow,type=CephChoices,strings=--show-shadow,req=false',
    help: 'Print the CRUSH hierarchy with its weights',
    module: 'osd',
    perm: 'r',
    run: (state, args) => placementTree(state.osdmap, args),
  },
  {
    sig: `osd ls ${EPOCH}`,
    help: 'List the ids of all OSDs',
    module: 'osd',
    perm: 'r',
    run: (state, args) => osdLs(mapFor(state, args), args),
  },
  {
    sig: `osd ls-tree ${EPOCH} name=name,type=CephString,req=true`,
    help: 'List the ids of the OSDs below a bucket',
    module: 'osd',
    perm: 'r',
    run: (state, args) => lsTree(mapFor(state, args), args),
  },
  {
    sig: 'osd crush ls name=node,type=CephString,goodchars=[A-Za-z0-9-_.]',
    help: 'List what a bucket holds',
    module: 'osd',
    perm: 'r',
    run: (state, args) => {
      const crush = state.osdmap.crushMap;
      const node = args.needText('node');
      const id = itemByName(crush, node);
      if (id === undefined) return refuse('ENOENT', `node '${node}' does not exist`);
      const held = id < 0 ? (crush.buckets.get(id)?.items ?? []) : [id];
      const names = held.map((child) => crush.itemNames.get(child) ?? `osd.${child}`);
      return textOrValue(
        args,
        () => names.map((n) => `${n}\n`).join(''),
        () => names,
      );
    },
  },
];
