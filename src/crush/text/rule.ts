import { keyOf } from '../lookup.ts';
import { type CrushMap, type CrushRuleStep, RULE_OP, RULE_TYPE } from '../types.ts';
import { RULE_SLOTS_MAX } from '../words.ts';
import { CrushTextError } from './errors.ts';
import type { RuleStatement, StepStatement } from './grammar.ts';

const RULES_MAX = 256;

/** Ids by name, and who wants to know what is taken. */
interface Known {
  items: ReadonlyMap<string, number>;
  types: ReadonlyMap<string, number>;
  log(line: string): void;
}

/** Adds a rule to the map. @throws CrushTextError for a name or id twice, items, types and classes that are not there */
export function compileRule(map: CrushMap, rule: RuleStatement, known: Known): void {
  const { id, name } = rule;
  if (name !== '' && keyOf(map.ruleNames, name) !== undefined) {
    throw new CrushTextError([`rule name '${name}' already defined`, '']);
  }
  if (map.rules[id]) throw new CrushTextError([`rule ${id} already exists`]);
  // One rule may go beyond, by however much: the check is of the room before.
  if (id < 0 || id >= RULE_SLOTS_MAX || (id >= map.rules.length && map.rules.length >= RULES_MAX)) {
    throw new CrushTextError([`unable to add rule id ${id} for rule '${name}'`]);
  }
  while (map.rules.length < id) map.rules.push(undefined);
  map.rules[id] = {
    ruleset: id & 0xff,
    type: rule.type === 'replicated' ? RULE_TYPE.REPLICATED : RULE_TYPE.ERASURE,
    minSize: rule.minSize & 0xff,
    maxSize: rule.maxSize & 0xff,
    steps: rule.steps.map((step) => compileStep(map, name, step, known)),
  };
  if (name !== '') map.ruleNames.set(id, name);
}

function compileStep(
  map: CrushMap,
  ruleName: string,
  step: StepStatement,
  known: Known,
): CrushRuleStep {
  switch (step.kind) {
    case 'emit':
      return { op: RULE_OP.EMIT, arg1: 0, arg2: 0 };
    case 'take':
      return { op: RULE_OP.TAKE, arg1: takenItem(map, ruleName, step, known), arg2: 0 };
    case 'choose':
    case 'chooseleaf': {
      const type = known.types.get(step.typeName);
      if (type === undefined) {
        throw new CrushTextError([`in rule '${ruleName}' type '${step.typeName}' not defined`]);
      }
      return { op: CHOOSE_OP[step.kind][step.mode], arg1: step.count, arg2: type };
    }
    default:
      return { op: SET_OP[step.kind], arg1: step.value, arg2: 0 };
  }
}

/** The item of a `take`, or its shadow for the class. A class that nothing has is refused without a word, as by Ceph. */
function takenItem(
  map: CrushMap,
  ruleName: string,
  { item, className }: StepStatement & { kind: 'take' },
  known: Known,
): number {
  const id = known.items.get(item);
  if (id === undefined) {
    throw new CrushTextError([`in rule '${ruleName}' item '${item}' not defined`]);
  }
  const taken = `rule ${ruleName} take ${item}`;
  if (className === undefined) {
    known.log(taken);
    return id;
  }
  const classId = keyOf(map.classNames, className);
  if (classId === undefined) throw new CrushTextError([]);
  const shadows = map.classBuckets.get(id);
  const where = `in rule '${ruleName}' step take ${item}`;
  if (!shadows) throw new CrushTextError([`${where} has no class information`]);
  const shadow = shadows.get(classId);
  if (shadow === undefined) {
    throw new CrushTextError([`${where} no matching bucket for class ${className}`]);
  }
  known.log(`${taken} remapped to ${map.itemNames.get(shadow)}`);
  return shadow;
}

const CHOOSE_OP = {
  choose: { firstn: RULE_OP.CHOOSE_FIRSTN, indep: RULE_OP.CHOOSE_INDEP },
  chooseleaf: { firstn: RULE_OP.CHOOSELEAF_FIRSTN, indep: RULE_OP.CHOOSELEAF_INDEP },
} as const;
const SET_OP = {
  set_choose_tries: RULE_OP.SET_CHOOSE_TRIES,
  set_choose_local_tries: RULE_OP.SET_CHOOSE_LOCAL_TRIES,
  set_choose_local_fallback_tries: RULE_OP.SET_CHOOSE_LOCAL_FALLBACK_TRIES,
  set_chooseleaf_tries: RULE_OP.SET_CHOOSELEAF_TRIES,
  set_chooseleaf_vary_r: RULE_OP.SET_CHOOSELEAF_VARY_R,
  set_chooseleaf_stable: RULE_OP.SET_CHOOSELEAF_STABLE,
} as const;
