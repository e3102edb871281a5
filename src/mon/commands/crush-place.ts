import {
  addBucket,
  type CrushLocation,
  type CrushMap,
  createOrMoveItem,
  itemByName,
  moveBucket,
  removeItem,
  renameBucket,
  reweightItem,
  setItem,
  typeByName,
  weightAt,
  weightOf,
} from '../../crush/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { asCommandFailure, editCrush } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { needOsd } from './osd-ids.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** `host=a root=default`. @throws CommandFailure EINVAL for a word without a type */
function parseLocation(words: readonly string[]): CrushLocation {
  const loc: Record<string, string> = {};
  for (const word of words) {
    const [type, name] = word.split('=');
    if (!type || !name) throw new CommandFailure('EINVAL', `bad location ${word}`);
    loc[type] = name;
  }
  return loc;
}

/** `{host=a,root=default}`, by type. */
function shown(loc: CrushLocation): string {
  const parts = Object.keys(loc).sort();
  return `{${parts.map((type) => `${type}=${loc[type]}`).join(',')}}`;
}

function edited(
  state: MonState,
  edit: (m: CrushMap) => boolean | undefined,
  done: string,
  same = done,
) {
  const crush = asCommandFailure(() => editCrush(state.osdmap, edit));
  return crush ? changed(ok('', done), { osdmap: { crush } }) : unchanged(ok('', same));
}

function reweight(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  const weight = args.needNumber('weight');
  const id = itemByName(state.osdmap.crushMap, name);
  if (id === undefined) {
    return unchanged(refuse('ENOENT', `device '${name}' does not appear in the crush map`));
  }
  if (id < 0) return unchanged(refuse('EINVAL', `device '${name}' is not a leaf in the crush map`));
  const text = `reweighted item id ${id} name '${name}' to ${weight} in crush map`;
  return edited(
    state,
    (m) => {
      reweightItem(m, id, weightOf(weight));
      return true;
    },
    text,
  );
}

function createOrMove(state: MonState, args: CommandArgs) {
  const osd = needOsd(state.osdmap, args.needNumber('id'));
  const weight = args.needNumber('weight');
  const loc = parseLocation(args.list('args'));
  const what = `item name 'osd.${osd}' weight ${weight} at location ${shown(loc)} to crush map`;
  return edited(
    state,
    (m) => createOrMoveItem(m, osd, weightOf(weight), `osd.${osd}`, loc),
    `create-or-move updating ${what}`,
    `create-or-move updated ${what}`,
  );
}

/** `osd crush set` and `add`; without an id, the input is a whole map. */
function place(state: MonState, args: CommandArgs) {
  const osd = needOsd(state.osdmap, args.needNumber('id'));
  const weight = args.needNumber('weight');
  const loc = parseLocation(args.list('args'));
  const verb = args.prefix === 'osd crush add' ? 'add' : 'set';
  const what = `item id ${osd} name 'osd.${osd}' weight ${weight} at location ${shown(loc)}`;
  return edited(
    state,
    (m) => setItem(m, osd, weightOf(weight), `osd.${osd}`, loc),
    `${verb} ${what} to crush map`,
    `set ${what}: no change`,
  );
}

function move(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  const loc = parseLocation(args.list('args'));
  const id = itemByName(state.osdmap.crushMap, name);
  if (id === undefined) return unchanged(refuse('ENOENT', `item ${name} does not exist`));
  const moveIt = (m: CrushMap): boolean => {
    if (weightAt(m, id, loc) !== undefined) return false;
    if (id < 0) {
      moveBucket(m, id, loc);
      return true;
    }
    return createOrMoveItem(m, id, 0, name, loc);
  };
  return edited(
    state,
    moveIt,
    `moved item id ${id} name '${name}' to location ${shown(loc)} in crush map`,
    `no need to move item id ${id} name '${name}' to location ${shown(loc)} in crush map`,
  );
}

function remove(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  const id = itemByName(state.osdmap.crushMap, name);
  if (id === undefined) {
    return unchanged(ok('', `device '${name}' does not appear in the crush map`));
  }
  return edited(
    state,
    (m) => {
      removeItem(m, id);
      return true;
    },
    `removed item id ${id} name '${name}' from crush map`,
  );
}

function add(state: MonState, args: CommandArgs) {
  const name = args.text('name') ?? '';
  const type = args.text('type') ?? '';
  const loc = parseLocation(args.list('args'));
  const { crushMap } = state.osdmap;
  if (itemByName(crushMap, name) !== undefined) {
    return unchanged(ok('', `bucket '${name}' already exists`));
  }
  const number = typeByName(crushMap, type);
  if (number === undefined) {
    return unchanged(refuse('EINVAL', `type '${type}' does not exist`));
  }
  if (number === 0)
    return unchanged(refuse('EINVAL', `type '${type}' is for devices, not buckets`));
  const hasPlace = Object.keys(loc).length > 0;
  return edited(
    state,
    (m) => {
      const id = addBucket(m, name, type);
      if (hasPlace) moveBucket(m, id, loc);
      return true;
    },
    `added bucket ${name} type ${type} to ${hasPlace ? `location ${shown(loc)}` : 'crush map'}`,
  );
}

function rename(state: MonState, args: CommandArgs) {
  const from = args.text('srcname') ?? '';
  const to = args.text('dstname') ?? '';
  return edited(
    state,
    (m) => {
      renameBucket(m, from, to);
      return true;
    },
    `renamed bucket ${from} into ${to}`,
  );
}

const base = { module: 'osd', perm: 'rw' } as const;
const name = 'name=name,type=CephString,goodchars=[A-Za-z0-9-_.]';
const where = 'name=args,type=CephString,n=N,goodchars=[A-Za-z0-9-_.=]';
const device = `name=id,type=CephOsdName name=weight,type=CephFloat,range=0.0 ${where}`;
const ancestor = 'name=ancestor,type=CephString,req=false,goodchars=[A-Za-z0-9-_.]';

/** `ceph osd crush ...`: where devices and buckets are, and what they weigh. */
export const crushPlaceCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd crush reweight ${name} name=weight,type=CephFloat,range=0.0`,
    help: "Set a device's CRUSH weight.",
    decide: reweight,
  },
  {
    ...base,
    sig: `osd crush create-or-move ${device}`,
    help: 'Put a device at a location unless it is there; it keeps a weight it has.',
    decide: createOrMove,
  },
  { ...base, sig: `osd crush add ${device}`, help: 'Put a device at a location.', decide: place },
  { ...base, sig: `osd crush move ${name} ${where}`, help: 'Move an item.', decide: move },
  {
    ...base,
    sig: `osd crush rm ${name} ${ancestor}`,
    help: 'Remove a device or an empty bucket.',
    decide: remove,
  },
  {
    ...base,
    flags: 4,
    sig: `osd crush remove ${name} ${ancestor}`,
    help: 'Same as osd crush rm.',
    decide: remove,
  },
  {
    ...base,
    sig: `osd crush add-bucket ${name} name=type,type=CephString name=args,type=CephString,n=N,req=false,goodchars=[A-Za-z0-9-_.=]`,
    help: 'Make an empty bucket.',
    decide: add,
  },
  {
    ...base,
    sig: 'osd crush rename-bucket name=srcname,type=CephString,goodchars=[A-Za-z0-9-_.] name=dstname,type=CephString,goodchars=[A-Za-z0-9-_.]',
    help: 'Give a bucket another name.',
    decide: rename,
  },
];

/** The form of `osd crush set` that names a device; the other is in crush-map.ts. */
export const placeDevice = place;
export const PLACE_DEVICE_SIG = `osd crush set ${device}`;
