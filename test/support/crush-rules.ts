import { type CrushMap, type CrushRuleStep, RULE_OP, RULE_TYPE } from '../../src/crush/index.ts';
import type { CrushMapShape, GeneratedTree } from './crush-maps.ts';
import type { Dice } from './sim-disk.ts';

/**
 * Adds a random rule over a tree: one to three groups of take, set, choose and emit steps. It serves pools of one size,
 * so that `crushtool --test` runs it for that many replicas. It ends with devices, never with buckets: of those
 * crushtool counts what they hold beyond the end of its array.
 * @returns its id
 */
export function randomRule(
  map: CrushMap,
  tree: GeneratedTree,
  roll: Dice,
  shape: CrushMapShape = {},
): number {
  // A rule id is seldom left free, as by a rule that was removed.
  if (roll(12) === 11) map.rules.push(undefined);
  const id = map.rules.length;
  const size = [3, 1, 2, 4, 5, 6, 8, 11][roll(8)]!;
  const indep = roll(2) === 1;
  const steps: CrushRuleStep[] = [];
  const groups = [1, 1, 1, 2, 3][roll(5)]!;
  for (let i = 0; i < groups; i++) {
    for (let set = roll(3); set > 1; set--) steps.push(randomSetting(roll, shape));
    steps.push({ op: RULE_OP.TAKE, arg1: randomStart(map, tree, roll), arg2: 0 });
    steps.push(...randomChoices(map, roll, indep, groups > 1));
    if (roll(10) === 9) steps.splice(-1, 0, randomSetting(roll, shape));
    steps.push({ op: RULE_OP.EMIT, arg1: 0, arg2: 0 });
  }
  map.rules.push({
    ruleset: id,
    type: indep ? RULE_TYPE.ERASURE : RULE_TYPE.REPLICATED,
    minSize: size,
    maxSize: size,
    steps,
  });
  map.ruleNames.set(id, `rule${id}`);
  return id;
}

/** Mostly a root or its shadow, else any bucket of the tree, seldom a device. */
function randomStart(map: CrushMap, tree: GeneratedTree, roll: Dice): number {
  let id = tree.roots[roll(tree.roots.length)]!;
  if (roll(30) === 29) return tree.devices[roll(tree.devices.length)]!;
  if (roll(4) === 3) {
    const below = map.buckets.get(id)!.items.filter((item) => item < 0);
    id = below[roll(below.length || 1)] ?? id;
  }
  const shadows = [...(map.classBuckets.get(id)?.values() ?? [])];
  return shadows.length > 0 && roll(3) > 0 ? shadows[roll(shadows.length)]! : id;
}

/** Choose steps from high types to low ones, the last of which gives devices. */
function randomChoices(map: CrushMap, roll: Dice, indep: boolean, partly: boolean) {
  const types = [...map.typeNames.keys()].filter((type) => type > 0).reverse();
  const out: CrushRuleStep[] = [];
  const count = () => {
    if (partly) return [1, 2, 1, -1, -2, 3][roll(6)]!;
    return [0, 0, 0, 2, 3, -1, 1, 12][roll(8)]!;
  };
  // Both families in one rule are seldom, but legal.
  const op = (firstn: number, independent: number) =>
    indep !== (roll(20) === 19) ? independent : firstn;
  while (roll(3) === 2 && types.length > 0) {
    const [type] = types.splice(0, 1 + roll(types.length));
    const arg1 = [2, 3, 1, 4, 0][roll(5)]!;
    out.push({ op: op(RULE_OP.CHOOSE_FIRSTN, RULE_OP.CHOOSE_INDEP), arg1, arg2: type! });
  }
  const leafType = [0, ...types][roll(types.length + 1)]!;
  const last =
    leafType > 0 || roll(6) === 5
      ? op(RULE_OP.CHOOSELEAF_FIRSTN, RULE_OP.CHOOSELEAF_INDEP)
      : op(RULE_OP.CHOOSE_FIRSTN, RULE_OP.CHOOSE_INDEP);
  out.push({ op: last, arg1: count(), arg2: leafType });
  return out;
}

function randomSetting(roll: Dice, shape: CrushMapShape): CrushRuleStep {
  const settings = [
    [RULE_OP.SET_CHOOSE_TRIES, 100],
    [RULE_OP.SET_CHOOSELEAF_TRIES, 10],
    [RULE_OP.SET_CHOOSE_LOCAL_TRIES, 4],
    [RULE_OP.SET_CHOOSE_LOCAL_FALLBACK_TRIES, 6],
    [RULE_OP.SET_CHOOSELEAF_VARY_R, 6],
    [RULE_OP.SET_CHOOSELEAF_STABLE, 2],
  ] as const;
  if (shape.oddSteps && roll(8) === 7) return { op: RULE_OP.NOOP, arg1: 0, arg2: 0 };
  const [op, below] = settings[roll(settings.length)]!;
  return { op, arg1: roll(below) - (shape.oddSteps ? roll(2) : 0), arg2: 0 };
}
