import { CephError } from '../../errors/index.ts';
import { itemByName, keyOf, typeByName } from '../lookup.ts';
import { type CrushMap, type CrushRuleStep, RULE_OP, RULE_TYPE } from '../types.ts';
import { shadowOf } from './classes.ts';
import { rebuildShadows } from './shadows.ts';

/** A rule's id is one byte in a pool. */
const RULES_MAX = 256;

export interface SimpleRule {
  name: string;
  /** Name of the bucket below which everything is placed. */
  root: string;
  /** Name of the type of which no two replicas share an item. */
  failureDomain: string;
  deviceClass?: string;
  /** Default: firstn and replicated. `indep` is for erasure codes. */
  mode?: 'firstn' | 'indep';
  type?: number;
  /** Largest pool size served; the shards of an erasure code. */
  maxSize?: number;
}

/**
 * Adds a rule that spreads over a failure domain. Source: add_simple_rule_at in crush/CrushWrapper.cc, release 16.2.
 * @returns its id, the lowest that is free
 * @throws CephError EEXIST for the name, ENOENT for the root, EINVAL for the failure domain or class, ENOSPC
 */
export function addSimpleRule(map: CrushMap, rule: SimpleRule): number {
  if (ruleByName(map, rule.name) !== undefined) {
    throw new CephError('EEXIST', `rule ${rule.name} exists`);
  }
  const root = itemByName(map, rule.root);
  if (root === undefined) throw new CephError('ENOENT', `root item ${rule.root} does not exist`);
  const type = typeByName(map, rule.failureDomain);
  if (type === undefined) throw new CephError('EINVAL', `unknown type ${rule.failureDomain}`);
  const take = rule.deviceClass === undefined ? root : shadowOf(map, root, rule.deviceClass);
  const indep = rule.mode === 'indep';
  const steps: CrushRuleStep[] = indep
    ? [step(RULE_OP.SET_CHOOSELEAF_TRIES, 5), step(RULE_OP.SET_CHOOSE_TRIES, 100)]
    : [];
  steps.push(
    step(RULE_OP.TAKE, take),
    step(chooseOp(indep, type > 0), 0, type),
    step(RULE_OP.EMIT),
  );
  const id = freeRuleId(map);
  map.rules[id] = {
    ruleset: id,
    type: rule.type ?? (indep ? RULE_TYPE.ERASURE : RULE_TYPE.REPLICATED),
    minSize: indep ? 3 : 1,
    maxSize: rule.maxSize ?? (indep ? 20 : 10),
    steps,
  };
  map.ruleNames.set(id, rule.name);
  return id;
}

function step(op: number, arg1 = 0, arg2 = 0): CrushRuleStep {
  return { op, arg1, arg2 };
}

function chooseOp(indep: boolean, toLeaf: boolean): number {
  if (indep) return toLeaf ? RULE_OP.CHOOSELEAF_INDEP : RULE_OP.CHOOSE_INDEP;
  return toLeaf ? RULE_OP.CHOOSELEAF_FIRSTN : RULE_OP.CHOOSE_FIRSTN;
}

function freeRuleId(map: CrushMap): number {
  const taken = new Set(map.rules.map((rule) => rule?.ruleset));
  for (let id = 0; id < RULES_MAX; id++) if (!map.rules[id] && !taken.has(id)) return id;
  throw new CephError('ENOSPC', `all ${RULES_MAX} rules are in use`);
}

/** Id of the rule of this name. */
export function ruleByName(map: CrushMap, name: string): number | undefined {
  return keyOf(map.ruleNames, name);
}

/** Removes a rule. Whether a pool uses it is for the caller to know. @throws CephError ENOENT */
export function removeRule(map: CrushMap, id: number): void {
  if (!map.rules[id]) throw new CephError('ENOENT', `rule ${id} does not exist`);
  map.rules[id] = undefined;
  map.ruleNames.delete(id);
  rebuildShadows(map);
}

/** Gives a rule another name. @throws CephError ENOENT, EEXIST */
export function renameRule(map: CrushMap, from: string, to: string): void {
  const id = ruleByName(map, from);
  if (id === undefined) {
    throw new CephError('ENOENT', `source rule name '${from}' does not exist`);
  }
  if (ruleByName(map, to) !== undefined) {
    throw new CephError('EEXIST', `destination rule name '${to}' already exists`);
  }
  map.ruleNames.set(id, to);
}
