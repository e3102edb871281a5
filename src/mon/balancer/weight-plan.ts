import {
  calcWeightSet,
  distribution,
  edited,
  type WeightSet,
  withWeightSet,
} from '../../balancer/index.ts';
import { fixed } from '../../codec/index.ts';
import {
  CHOOSE_ARGS_DEFAULT,
  type ChooseArg,
  type CrushMap,
  itemWeightAt,
} from '../../crush/index.ts';
import { type OSDMap, WEIGHT_ONE } from '../../maps/index.ts';
import { editCrush } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import type { Found, NoPlan } from './plan-types.ts';

// Source: do_crush_compat of pybind/mgr/balancer/module.py, release 16.2, for limits and texts. The search is ours.

const WORSE = 'Unable to find further optimization, change balancer mode and retry might help';
/** How much of the way to the best weights is tried, as long as the whole moves too much. */
const STEPS = [1, 0.5, 0.25, 0.125, 0.0625, 0.03125];

/** Weights of a compat weight set, as far towards the best ones as moves few enough PGs. */
export function findWeights(state: MonState, ids: readonly number[]): Found | NoPlan {
  const { osdmap } = state;
  const rounds = Number(state.option('mgr/balancer/crush_compat_max_iterations'));
  const best = calcWeightSet(osdmap, { pools: ids, rounds });
  if (!best) return { errno: 'EAGAIN', detail: 'compat weight-set not available' };
  if (best.before === 0) return { errno: 'EALREADY', detail: 'Distribution is already perfect' };
  const spread = (map: OSDMap): number => distribution(map, ids).summary.standardDeviation;
  const maxMisplaced = Number(state.option('target_max_misplaced_ratio'));
  for (const step of STEPS) {
    const args = blended(osdmap.crushMap, best, step);
    const crush = editCrush(osdmap, (copy) => {
      copy.chooseArgs = new Map(withWeightSet(copy, { ...best, args }).chooseArgs);
      return true;
    })!;
    const after = edited(osdmap, { crush });
    if (misplaced(osdmap, after, ids) > maxMisplaced) continue;
    if (spread(after) >= spread(osdmap)) break;
    return { patch: { crush }, commands: commandsOf(osdmap.crushMap, args) };
  }
  return { errno: 'EDOM', detail: WORSE };
}

/** Between the weights that count now and the best ones. Sums of buckets stay sums. */
function blended(crush: CrushMap, best: WeightSet, step: number): Map<number, ChooseArg> {
  const now = crush.chooseArgs.get(CHOOSE_ARGS_DEFAULT);
  const args = new Map<number, ChooseArg>();
  const sumOf = (id: number): number => {
    const bucket = crush.buckets.get(id);
    if (!bucket) return 0;
    const weights = bucket.items.map((item, i) => {
      if (item < 0) return sumOf(item);
      const from = now?.get(id)?.weightSets[0]?.[i] ?? itemWeightAt(bucket, i);
      const to = best.args.get(id)!.weightSets[0]![i]!;
      return Math.round(from + (to - from) * step);
    });
    if (weights.length > 0) args.set(id, { weightSets: [weights], ids: [] });
    return weights.reduce((a, b) => a + b, 0);
  };
  for (const id of best.args.keys()) if (!args.has(id)) sumOf(id);
  return args;
}

/** The share of PGs whose OSDs change. */
function misplaced(before: OSDMap, after: OSDMap, ids: readonly number[]): number {
  let moved = 0;
  let all = 0;
  for (const id of ids) {
    const [a, b] = [before.poolMapping(id)!, after.poolMapping(id)!];
    for (let seed = 0; seed < a.pgNum; seed++) {
      all++;
      const at = seed * a.width;
      if (a.up.subarray(at, at + a.width).some((osd, i) => osd !== b.up[at + i])) moved++;
    }
  }
  return all === 0 ? 0 : moved / all;
}

function commandsOf(crush: CrushMap, args: ReadonlyMap<number, ChooseArg>): string[] {
  const has = crush.chooseArgs.has(CHOOSE_ARGS_DEFAULT);
  const commands = has ? [] : ['ceph osd crush weight-set create-compat'];
  const weights = new Map<number, number>();
  for (const [id, arg] of args) {
    crush.buckets.get(id)!.items.forEach((item, i) => {
      if (item >= 0) weights.set(item, arg.weightSets[0]![i]!);
    });
  }
  for (const [osd, weight] of [...weights].sort((a, b) => a[0] - b[0])) {
    const value = fixed(weight / WEIGHT_ONE, 6);
    commands.push(`ceph osd crush weight-set reweight-compat ${osd} ${value}`);
  }
  return commands;
}
