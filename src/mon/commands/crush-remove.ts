import {
  BUCKET_ALG_NAMES,
  itemByName,
  parentOf,
  removeItem,
  removeItemUnder,
  swapBuckets,
} from '../../crush/index.ts';
import { CephError, strerror } from '../../errors/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, type Decision, ok, refuse, unchanged } from '../command.ts';
import { edited } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { word } from './crush-words.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** `rm` and `unlink`: everywhere, or below one bucket. */
function remove(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  const name = args.needText('name');
  const id = itemByName(osdmap.crushMap, name);
  if (id === undefined) {
    return unchanged(ok('', `device '${name}' does not appear in the crush map`));
  }
  const unlinkOnly = args.prefix === 'osd crush unlink';
  const ancestorName = args.text('ancestor');
  // A device as ancestor counts as none.
  let ancestor: number | undefined = 0;
  if (ancestorName !== undefined) {
    ancestor = itemByName(osdmap.crushMap, ancestorName);
    if (ancestor === undefined) {
      const why = `ancestor item '${ancestorName}' does not appear in the crush map`;
      return unchanged(refuse('ENOENT', why));
    }
  }
  try {
    const decision = edited(
      osdmap,
      (m) => {
        if (ancestor < 0) removeItemUnder(m, id, ancestor, { unlinkOnly });
        else removeItem(m, id, { unlinkOnly });
        return true;
      },
      { done: `removed item id ${id} name '${name}' from crush map` },
    );
    if (unlinkOnly || !osdmap.data.crushNodeFlags.has(id)) return decision;
    const newCrushNodeFlags = new Map([[id, 0]]);
    return { ...decision, change: { osdmap: { ...decision.change?.osdmap, newCrushNodeFlags } } };
  } catch (e) {
    const isElsewhere = e instanceof CephError && e.code === 'ENOENT';
    if (!isElsewhere) throw e;
    return unchanged(ok('', `item ${id} does not appear in that position`));
  }
}

function swap(state: MonState, args: CommandArgs): Decision {
  const { crushMap } = state.osdmap;
  const [source, dest] = [args.needText('source'), args.needText('dest')];
  const [from, to] = [itemByName(crushMap, source), itemByName(crushMap, dest)];
  if (from === undefined)
    return unchanged(refuse('ENOENT', `source item ${source} does not exist`));
  if (to === undefined) return unchanged(refuse('ENOENT', `dest item ${dest} does not exist`));
  if (!args.flag('yes_i_really_mean_it')) {
    const anyway = 'pass --yes-i-really-mean-it to proceed anyway';
    if (parentOf(crushMap, from) !== undefined) {
      return unchanged(refuse('EPERM', `source item ${source} is not an orphan bucket; ${anyway}`));
    }
    const [a, b] = [from, to].map((id) => {
      const alg = crushMap.buckets.get(id)?.alg;
      return alg === undefined ? 'unknown' : BUCKET_ALG_NAMES[alg];
    });
    if (a !== b) {
      return unchanged(
        refuse('EPERM', `source bucket alg ${a} != dest bucket alg ${b}; ${anyway}`),
      );
    }
  }
  return edited(
    state.osdmap,
    (m) => {
      swapBuckets(m, from, to);
      return true;
    },
    {
      done: `swapped bucket of ${source} to ${dest}`,
      explain: (e) => `failed to swap bucket contents: ${strerror(e.errno)}`,
    },
  );
}

const base = { module: 'osd', perm: 'rw' } as const;
const removal = `${word('name')} name=ancestor,type=CephString,req=false,goodchars=[A-Za-z0-9-_.]`;

/** `ceph osd crush ...`: what takes devices and buckets away, or exchanges them. */
export const crushRemoveCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd crush swap-bucket ${word('source')} ${word('dest')} name=yes_i_really_mean_it,type=CephBool,req=false`,
    help: 'Let two buckets change places with all they hold.',
    decide: swap,
  },
  {
    ...base,
    sig: `osd crush rm ${removal}`,
    help: 'Remove a device or an empty bucket, everywhere or below one bucket.',
    decide: remove,
  },
  {
    ...base,
    flags: 4,
    sig: `osd crush remove ${removal}`,
    help: 'Same as osd crush rm.',
    decide: remove,
  },
  {
    ...base,
    sig: `osd crush unlink ${removal}`,
    help: 'Take a bucket out of the tree, everywhere or below one bucket, and keep it.',
    decide: remove,
  },
];
