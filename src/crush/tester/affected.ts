import { type CrushMap, type CrushRuleStep, RULE_OP } from '../types.ts';

/** Steps that name a type, and as Ceph's tester sees it also those that set a tunable, whose type is then 0. */
export function typedSteps(map: CrushMap, ruleId: number): CrushRuleStep[] {
  const steps = map.rules[ruleId]?.steps ?? [];
  return steps.filter(({ op }) => op > RULE_OP.TAKE && op !== RULE_OP.EMIT);
}

/**
 * The most devices a rule can be expected to find: of the types it names, the number of buckets of the rarest, or what
 * the rule asks of it. Source: CrushTester::get_maximum_affected_by_rule, release 16.2; it counts a type twice that the
 * rule names twice.
 */
export function devicesAffectedMax(map: CrushMap, ruleId: number): number {
  const steps = typedSteps(map, ruleId);
  const asked = new Map<number, number>();
  for (const { arg1, arg2 } of steps) asked.set(arg2, arg1);
  const found = new Map<number, number>();
  for (const { arg2: type } of steps) {
    let count = found.get(type) ?? 0;
    for (const id of map.itemNames.keys()) if (map.buckets.get(id)?.type === type) count++;
    found.set(type, count);
  }
  let most = Math.max(map.maxBuckets, map.maxDevices);
  for (const [type, count] of found) {
    const wanted = asked.get(type)!;
    const limit = wanted > 0 && wanted < count ? wanted : count;
    if (limit > 0 && limit < most) most = limit;
  }
  return most;
}
