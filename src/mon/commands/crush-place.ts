import { general } from '../../codec/index.ts';
import {
  addBucket,
  createOrMoveItem,
  insertItem,
  itemByName,
  linkBucket,
  moveBucket,
  renameBucket,
  setItem,
  typeByName,
  weightAt,
  weightOf,
} from '../../crush/index.ts';
import { CephError } from '../../errors/index.ts';
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
import {
  LOCATION,
  OPTIONAL_LOCATION,
  parseLocation,
  shownLocation,
  WEIGHT,
  word,
} from './crush-words.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** What a command that places a device says of it. */
function deviceOf(state: MonState, args: CommandArgs, unknown: string) {
  const osd = args.needNumber('id');
  if (!state.osdmap.exists(osd)) {
    throw new CommandFailure(
      'ENOENT',
      `osd.${osd} does not exist.${unknown} it before updating the crush map`,
    );
  }
  const name = `osd.${osd}`;
  const weight = args.needNumber('weight');
  const loc = parseLocation(args.list('args'));
  const where = `name '${name}' weight ${general(weight)} at location ${shownLocation(loc)}`;
  return { osd, name, weight, loc, where };
}

function createOrMove(state: MonState, args: CommandArgs): Decision {
  const { osd, name, weight, loc, where } = deviceOf(state, args, '  create');
  return edited(state.osdmap, (m) => createOrMoveItem(m, osd, weightOf(weight), name, loc), {
    done: `create-or-move updating item ${where} to crush map`,
    same: `create-or-move updated item ${where} to crush map`,
  });
}

/** `osd crush set` for a device, and `osd crush add`, which leaves it where it is besides. */
export function placeDevice(state: MonState, args: CommandArgs): Decision {
  const { osd, name, weight, loc, where } = deviceOf(state, args, ' Create');
  const { crushMap } = state.osdmap;
  const isSet = args.prefix === 'osd crush set';
  if (isSet && !crushMap.itemNames.has(osd)) {
    return unchanged(refuse('ENOENT', `unable to set item id ${osd} ${where}: does not exist`));
  }
  if (isSet || weightAt(crushMap, osd, loc) !== undefined) {
    const what = `set item id ${osd} ${where}`;
    return edited(state.osdmap, (m) => setItem(m, osd, weightOf(weight), name, loc), {
      done: `${what} to crush map`,
      same: `${what}: no change`,
    });
  }
  return edited(
    state.osdmap,
    (m) => {
      insertItem(m, osd, weightOf(weight), name, loc);
      return true;
    },
    { done: `add item id ${osd} ${where} to crush map` },
  );
}

function move(state: MonState, args: CommandArgs): Decision {
  const name = args.needText('name');
  const loc = parseLocation(args.list('args'));
  const id = itemByName(state.osdmap.crushMap, name);
  if (id === undefined) return unchanged(refuse('ENOENT', `item ${name} does not exist`));
  const where = `item id ${id} name '${name}' to location ${shownLocation(loc)} in crush map`;
  if (weightAt(state.osdmap.crushMap, id, loc) !== undefined) {
    return unchanged(ok('', `no need to move ${where}`));
  }
  return edited(
    state.osdmap,
    (m) => {
      if (id < 0) moveBucket(m, id, loc);
      else createOrMoveItem(m, id, 0, name, loc);
      return true;
    },
    { done: `moved ${where}` },
  );
}

function link(state: MonState, args: CommandArgs): Decision {
  const name = args.needText('name');
  const loc = parseLocation(args.list('args'));
  const id = itemByName(state.osdmap.crushMap, name);
  if (id === undefined) return unchanged(refuse('ENOENT', `item ${name} does not exist`));
  const what = `item id ${id} name '${name}' to location ${shownLocation(loc)}`;
  if (weightAt(state.osdmap.crushMap, id, loc) !== undefined) {
    return unchanged(ok('', `no need to move ${what} in crush map`));
  }
  return edited(
    state.osdmap,
    (m) => {
      linkBucket(m, id, loc);
      return true;
    },
    { done: `linked ${what} in crush map`, explain: () => `cannot link ${what}` },
  );
}

function add(state: MonState, args: CommandArgs): Decision {
  const name = args.needText('name');
  const type = args.needText('type');
  const loc = parseLocation(args.list('args'));
  const { crushMap } = state.osdmap;
  if (itemByName(crushMap, name) !== undefined) {
    return unchanged(ok('', `bucket '${name}' already exists`));
  }
  const number = typeByName(crushMap, type);
  if (number === undefined) {
    return unchanged(refuse('EINVAL', `type '${type}' does not exist`));
  }
  if (number === 0) {
    return unchanged(refuse('EINVAL', `type '${type}' is for devices, not buckets`));
  }
  const hasPlace = Object.keys(loc).length > 0;
  const where = `location ${shownLocation(loc)}`;
  return edited(
    state.osdmap,
    (m) => {
      const id = addBucket(m, name, type);
      if (hasPlace) moveBucket(m, id, loc);
      return true;
    },
    {
      done: `added bucket ${name} type ${type} to ${hasPlace ? where : 'crush map'}`,
      explain: () => `error moving bucket '${name}' to ${where}`,
    },
  );
}

function rename(state: MonState, args: CommandArgs): Decision {
  const from = args.needText('srcname');
  const to = args.needText('dstname');
  try {
    return edited(
      state.osdmap,
      (m) => {
        renameBucket(m, from, to);
        return true;
      },
      { done: `renamed bucket ${from} into ${to}`, explain: itsWords },
    );
  } catch (e) {
    // Only the new name exists: a request that was sent twice succeeded the first time.
    const isDone = e instanceof CephError && e.code === 'EALREADY';
    if (!isDone) throw e;
    return unchanged(ok('', e.message));
  }
}

const base = { module: 'osd', perm: 'rw' } as const;
const device = `name=id,type=CephOsdName ${WEIGHT} ${LOCATION}`;

/** The form of `osd crush set` that names a device; the other is in crush-map.ts. */
export const PLACE_DEVICE_SIG = `osd crush set ${device}`;

/** `ceph osd crush ...`: where devices and buckets are put. */
export const crushPlaceCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd crush add-bucket ${word('name')} name=type,type=CephString ${OPTIONAL_LOCATION}`,
    help: 'Make an empty bucket.',
    decide: add,
  },
  {
    ...base,
    sig: `osd crush rename-bucket ${word('srcname')} ${word('dstname')}`,
    help: 'Give a bucket another name.',
    decide: rename,
  },
  {
    ...base,
    sig: `osd crush add ${device}`,
    help: 'Put a device at a location, besides where it is.',
    decide: placeDevice,
  },
  {
    ...base,
    sig: `osd crush create-or-move ${device}`,
    help: 'Put a device at a location unless it is there; it keeps a weight it has.',
    decide: createOrMove,
  },
  {
    ...base,
    sig: `osd crush move ${word('name')} ${LOCATION}`,
    help: 'Move a bucket with all below it, or a device.',
    decide: move,
  },
  {
    ...base,
    sig: `osd crush link name=name,type=CephString ${LOCATION}`,
    help: 'Put a bucket at one more location.',
    decide: link,
  },
];
