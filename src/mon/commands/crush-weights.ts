import { general } from '../../codec/index.ts';
import {
  BUCKET_ALG,
  CHOOSE_ARGS_DEFAULT,
  convertStrawBuckets,
  createWeightSet,
  itemByName,
  positionsOfWeightSet,
  removeWeightSet,
  reweightAll,
  reweightItem,
  reweightSubtree,
  reweightWeightSet,
  weightOf,
} from '../../crush/index.ts';
import { ERRNO, strerror } from '../../errors/index.ts';
import { RELEASE, releaseName } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, type Decision, refuse, unchanged } from '../command.ts';
import { edited, itsWords } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { WEIGHT, word } from './crush-words.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** `reweight` for a device, `reweight-subtree` for all below a bucket. */
function reweight(state: MonState, args: CommandArgs): Decision {
  const name = args.needText('name');
  const weight = args.needNumber('weight');
  const isSubtree = args.prefix === 'osd crush reweight-subtree';
  const id = itemByName(state.osdmap.crushMap, name);
  if (id === undefined) {
    return unchanged(refuse('ENOENT', `device '${name}' does not appear in the crush map`));
  }
  if (isSubtree === id >= 0) {
    const what = isSubtree ? 'subtree' : 'leaf';
    return unchanged(refuse('EINVAL', `device '${name}' is not a ${what} in the crush map`));
  }
  const what = isSubtree ? 'subtree' : 'item';
  return edited(
    state.osdmap,
    (m) => {
      if (isSubtree) reweightSubtree(m, id, weightOf(weight));
      else reweightItem(m, id, weightOf(weight));
      return true;
    },
    { done: `reweighted ${what} id ${id} name '${name}' to ${general(weight)} in crush map` },
  );
}

function everything(state: MonState): Decision {
  return edited(
    state.osdmap,
    (m) => {
      reweightAll(m);
      return true;
    },
    { done: 'reweighted crush hierarchy' },
  );
}

function toStraw2(state: MonState): Decision {
  return edited(state.osdmap, (m) => convertStrawBuckets(m) > 0);
}

/** The weight set that a command means: of its pool, or the one for all. @throws CommandFailure ENOENT */
function keyOf(state: MonState, args: CommandArgs): { key: number; pool: string | undefined } {
  if (args.prefix.endsWith('-compat')) return { key: CHOOSE_ARGS_DEFAULT, pool: undefined };
  const pool = args.needText('pool');
  const found = state.osdmap.poolByName(pool);
  if (!found) throw new CommandFailure('ENOENT', `pool '${pool}' not found`);
  return { key: found.id, pool };
}

function create(state: MonState, args: CommandArgs): Decision {
  const { osdmap } = state;
  if ([...osdmap.crushMap.buckets.values()].some((b) => b.alg !== BUCKET_ALG.STRAW2)) {
    const why = 'crush map contains one or more bucket(s) that are not straw2';
    return unchanged(refuse('EPERM', why));
  }
  const least = osdmap.data.requireMinCompatClient;
  if (!args.prefix.endsWith('-compat') && least > 0 && least < RELEASE.luminous) {
    const why = `require_min_compat_client ${releaseName(least)} < luminous, which is required for per-pool weight-sets. Try 'ceph osd set-require-min-compat-client luminous' before using the new interface`;
    return unchanged(refuse('EPERM', why));
  }
  const { key, pool } = keyOf(state, args);
  const mode = args.text('mode') ?? 'flat';
  if (mode !== 'flat' && mode !== 'positional') {
    return unchanged(refuse('EINVAL', `unrecognized weight-set mode '${mode}'`));
  }
  const positions = mode === 'flat' ? 1 : osdmap.data.pools.get(key)!.size;
  const what = pool === undefined ? 'compat weight-set' : `weight-set for pool '${pool}'`;
  return edited(osdmap, (m) => createWeightSet(m, key, positions), {
    same: `${what} already created`,
  });
}

function remove(state: MonState, args: CommandArgs): Decision {
  const { key } = keyOf(state, args);
  return edited(state.osdmap, (m) => removeWeightSet(m, key));
}

/** Unlike other weights, those of weight sets are never held as floats. @throws CommandFailure EOVERFLOW */
function setWeightOf(value: number): number {
  const weight = Math.trunc(value * 0x10000);
  if (weight >= 0 && weight <= 0x7fffffff) return weight;
  throw new CommandFailure('EOVERFLOW', strerror(ERRNO.EOVERFLOW));
}

function reweightSet(state: MonState, args: CommandArgs): Decision {
  const { crushMap } = state.osdmap;
  const { key, pool } = keyOf(state, args);
  const weights = args.list('weight').map((text) => setWeightOf(Number(text)));
  if (!crushMap.chooseArgs.has(key)) {
    const what =
      pool === undefined ? 'backward-compatible weight-set' : `weight-set for pool '${pool}'`;
    return unchanged(refuse('ENOENT', `no ${what}`));
  }
  const positions = positionsOfWeightSet(crushMap, key);
  if (pool !== undefined && weights.length !== positions) {
    return unchanged(refuse('EINVAL', `must specify exact ${positions} weight values`));
  }
  const item = args.needText('item');
  const id = itemByName(crushMap, item);
  if (id === undefined) return unchanged(refuse('ENOENT', `item '${item}' does not exist`));
  return edited(
    state.osdmap,
    (m) => {
      reweightWeightSet(m, key, id, weights);
      return true;
    },
    { explain: itsWords },
  );
}

const base = { module: 'osd', perm: 'rw' } as const;
const pool = 'name=pool,type=CephPoolname';
const setWeights = 'name=item,type=CephString name=weight,type=CephFloat,range=0.0,n=N';

/** `ceph osd crush ...`: what weighs how much, also for one pool alone. */
export const crushWeightCommands: CommandSpec[] = [
  {
    ...base,
    sig: 'osd crush reweight-all',
    help: 'Let every bucket weigh what its devices weigh together.',
    decide: everything,
  },
  {
    ...base,
    sig: `osd crush reweight ${word('name')} ${WEIGHT}`,
    help: "Set a device's CRUSH weight.",
    decide: reweight,
  },
  {
    ...base,
    sig: `osd crush reweight-subtree ${word('name')} ${WEIGHT}`,
    help: 'Set the CRUSH weight of every device below a bucket.',
    decide: reweight,
  },
  {
    ...base,
    sig: 'osd crush set-all-straw-buckets-to-straw2',
    help: 'Let all straw buckets draw by straw2.',
    decide: toStraw2,
  },
  {
    ...base,
    sig: 'osd crush weight-set create-compat',
    help: 'Make the weight set that all pools without one of their own use.',
    decide: create,
  },
  {
    ...base,
    sig: `osd crush weight-set create ${pool} name=mode,type=CephChoices,strings=flat|positional`,
    help: 'Make a weight set for one pool, for all positions alike or for each.',
    decide: create,
  },
  {
    ...base,
    sig: `osd crush weight-set rm ${pool}`,
    help: 'Remove the weight set of a pool.',
    decide: remove,
  },
  {
    ...base,
    sig: 'osd crush weight-set rm-compat',
    help: 'Remove the weight set that all pools use.',
    decide: remove,
  },
  {
    ...base,
    sig: `osd crush weight-set reweight ${pool} ${setWeights}`,
    help: "Set an item's weights in the weight set of a pool.",
    decide: reweightSet,
  },
  {
    ...base,
    sig: `osd crush weight-set reweight-compat ${setWeights}`,
    help: "Set an item's weight in the weight set that all pools use.",
    decide: reweightSet,
  },
];
