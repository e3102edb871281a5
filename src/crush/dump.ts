import { itemWeights } from './bucket.ts';
import { classOf } from './edit/classes.ts';
import { LEGACY_TUNABLES, TUNABLE_PROFILES } from './tunables.ts';
import {
  BUCKET_ALG,
  BUCKET_ALG_NAMES,
  type ChooseArg,
  type CrushBucket,
  type CrushMap,
  type CrushRuleStep,
  type CrushTunables,
  RULE_OP,
} from './types.ts';

/** The JSON that `ceph osd crush dump` prints, keys in its order. Source: CrushWrapper::dump, release 16.2. */
export function crushDump(map: CrushMap) {
  return {
    devices: Array.from({ length: map.maxDevices }, (_, id) => {
      const deviceClass = classOf(map, id);
      return {
        id,
        name: map.itemNames.get(id) ?? `device${id}`,
        ...(deviceClass === undefined ? {} : { class: deviceClass }),
      };
    }),
    types: [...map.typeNames]
      .sort((a, b) => a[0] - b[0])
      .map(([type_id, name]) => ({ type_id, name })),
    buckets: [...map.buckets.values()].sort((a, b) => b.id - a.id).map((b) => dumpBucket(map, b)),
    rules: crushRuleDump(map),
    tunables: crushTunablesDump(map),
    choose_args: crushChooseArgsDump(map),
  };
}

/**
 * The JSON of `ceph osd crush weight-set dump`: weight sets by pool, `-1` for the one of all other pools. A Map, since
 * an object would put `-1` last.
 */
export function crushChooseArgsDump(map: CrushMap) {
  return new Map(
    [...map.chooseArgs]
      .sort((a, b) => a[0] - b[0])
      .map(([key, args]) => [String(key), dumpChooseArgs(args)]),
  );
}

function dumpBucket(map: CrushMap, b: CrushBucket) {
  const name = map.itemNames.get(b.id);
  const typeName = map.typeNames.get(b.type);
  const weights = itemWeights(b);
  return {
    id: b.id,
    ...(name === undefined ? {} : { name }),
    type_id: b.type,
    ...(typeName === undefined ? {} : { type_name: typeName }),
    weight: b.weight,
    alg: BUCKET_ALG_NAMES[b.alg],
    hash: b.hash === 0 ? 'rjenkins1' : 'unknown',
    items: b.items.map((id, pos) => ({ id, weight: weights[pos]!, pos })),
  };
}

function dumpChooseArgs(args: ReadonlyMap<number, ChooseArg>) {
  return [...args]
    .filter(([, arg]) => arg.weightSets.length > 0 || arg.ids.length > 0)
    .sort((a, b) => b[0] - a[0])
    .map(([bucket_id, { weightSets, ids }]) => ({
      bucket_id,
      ...(weightSets.length > 0 && { weight_set: weightSets.map((set) => set.map(weightNumber)) }),
      ...(ids.length > 0 && { ids: [...ids] }),
    }));
}

/** A 16.16 weight as a number, rounded to a float as Ceph does. */
export function weightNumber(weight: number): number {
  return Math.fround(weight) / 0x10000;
}

/** The JSON of `ceph osd crush rule dump`; with a rule's name the command prints that rule's entry alone. */
export function crushRuleDump(map: CrushMap) {
  return map.rules.flatMap((rule, rule_id) =>
    rule
      ? {
          rule_id,
          rule_name: map.ruleNames.get(rule_id) ?? '',
          ruleset: rule.ruleset,
          type: rule.type,
          min_size: rule.minSize,
          max_size: rule.maxSize,
          steps: rule.steps.map((step) => dumpStep(map, step)),
        }
      : [],
  );
}

const CHOOSE_NAMES: Readonly<Record<number, string>> = {
  [RULE_OP.CHOOSE_FIRSTN]: 'choose_firstn',
  [RULE_OP.CHOOSE_INDEP]: 'choose_indep',
  [RULE_OP.CHOOSELEAF_FIRSTN]: 'chooseleaf_firstn',
  [RULE_OP.CHOOSELEAF_INDEP]: 'chooseleaf_indep',
};
const SET_NAMES: Readonly<Record<number, string>> = {
  [RULE_OP.SET_CHOOSE_TRIES]: 'set_choose_tries',
  [RULE_OP.SET_CHOOSELEAF_TRIES]: 'set_chooseleaf_tries',
};

function dumpStep(map: CrushMap, { op, arg1, arg2 }: CrushRuleStep) {
  if (op === RULE_OP.NOOP) return { op: 'noop' };
  if (op === RULE_OP.EMIT) return { op: 'emit' };
  if (op === RULE_OP.TAKE) {
    return { op: 'take', item: arg1, item_name: map.itemNames.get(arg1) ?? '' };
  }
  const choose = CHOOSE_NAMES[op];
  if (choose) return { op: choose, num: arg1, type: map.typeNames.get(arg2) ?? '' };
  const set = SET_NAMES[op];
  if (set) return { op: set, num: arg1 };
  return { opcode: op, arg1, arg2 };
}

const OP_GENERATION: Readonly<Record<number, 2 | 3 | 5>> = {
  [RULE_OP.CHOOSE_INDEP]: 2,
  [RULE_OP.CHOOSELEAF_INDEP]: 2,
  [RULE_OP.SET_CHOOSE_TRIES]: 2,
  [RULE_OP.SET_CHOOSELEAF_TRIES]: 2,
  [RULE_OP.SET_CHOOSELEAF_VARY_R]: 3,
  [RULE_OP.SET_CHOOSELEAF_STABLE]: 5,
};

/** The JSON of `ceph osd crush show-tunables`, with what clients must understand to use the map. */
export function crushTunablesDump(map: CrushMap) {
  const t = map.tunables;
  const generations = new Set<number | undefined>();
  for (const rule of map.rules) {
    for (const step of rule?.steps ?? []) generations.add(OP_GENERATION[step.op]);
  }
  const straw2 = [...map.buckets.values()].some((b) => b.alg === BUCKET_ALG.STRAW2);
  const tries =
    t.chooseLocalTries !== LEGACY_TUNABLES.chooseLocalTries ||
    t.chooseLocalFallbackTries !== LEGACY_TUNABLES.chooseLocalFallbackTries ||
    t.chooseTotalTries !== LEGACY_TUNABLES.chooseTotalTries;
  const flag = (b: boolean): number => (b ? 1 : 0);
  const needs = {
    tunables5: t.chooseleafStable !== 0,
    tunables3: t.chooseleafVaryR !== 0,
    tunables2: t.chooseleafDescendOnce !== 0,
  };
  return {
    choose_local_tries: t.chooseLocalTries,
    choose_local_fallback_tries: t.chooseLocalFallbackTries,
    choose_total_tries: t.chooseTotalTries,
    chooseleaf_descend_once: t.chooseleafDescendOnce,
    chooseleaf_vary_r: t.chooseleafVaryR,
    chooseleaf_stable: t.chooseleafStable,
    straw_calc_version: t.strawCalcVersion,
    allowed_bucket_algs: t.allowedBucketAlgs,
    profile: profileOf(t),
    optimal_tunables: flag(profileOf(t) === 'jewel'),
    legacy_tunables: flag(profileOf(t) === 'argonaut'),
    minimum_required_version:
      generations.has(5) || needs.tunables5
        ? 'jewel'
        : straw2
          ? 'hammer'
          : needs.tunables3
            ? 'firefly'
            : needs.tunables2 || tries
              ? 'bobtail'
              : 'argonaut',
    require_feature_tunables: flag(tries),
    require_feature_tunables2: flag(needs.tunables2),
    has_v2_rules: flag(generations.has(2)),
    require_feature_tunables3: flag(needs.tunables3),
    has_v3_rules: flag(generations.has(3)),
    has_v4_buckets: flag(straw2),
    require_feature_tunables5: flag(needs.tunables5),
    has_v5_rules: flag(generations.has(5)),
  };
}

/** Name of the profile these tunables are; `unknown` for a mixture. The straw calculation does not count. */
function profileOf(t: CrushTunables): string {
  for (const [name, p] of Object.entries(TUNABLE_PROFILES)) {
    const same = (Object.keys(p) as (keyof CrushTunables)[]).every(
      (key) => key === 'strawCalcVersion' || p[key] === t[key],
    );
    if (same) return name;
  }
  return 'unknown';
}
