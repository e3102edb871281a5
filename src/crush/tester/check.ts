import { crushTree } from '../tree.ts';
import type { CrushMap, CrushRule } from '../types.ts';

/**
 * The first item that `ceph osd tree` could not print: without a name or a type name, or with an id too large. Source:
 * CrushTester::check_name_maps, release 16.2.
 * @param idLimit device ids must be below this; 0 for any
 * @returns the complaint, or undefined
 */
export function nameProblem(map: CrushMap, idLimit: number): string | undefined {
  for (const { id, typeId } of crushTree(map)) {
    if (id < 0 && !map.itemNames.has(id)) return `unknown item name: item#${id}`;
    if (id >= 0 && idLimit > 0 && id >= idLimit) return `item id too large: item#${id}`;
    if (!map.typeNames.has(typeId)) return `unknown type name: item#${id}`;
  }
  // A device that is in no bucket is printed too.
  return map.typeNames.has(0) ? undefined : 'unknown type name: item#0';
}

/**
 * One line per range of sizes that several rules of one ruleset and type serve. Source:
 * CrushTester::check_overlapped_rules, release 16.2.
 */
export function overlappedRules(map: CrushMap): string[] {
  const groups = new Map<string, { rule: CrushRule; name: string }[]>();
  const sorted = map.rules
    .flatMap((rule, id) => (rule ? { rule, name: map.ruleNames.get(id) ?? `rule${id}` } : []))
    .sort((a, b) => a.rule.ruleset - b.rule.ruleset || a.rule.type - b.rule.type);
  for (const entry of sorted) {
    const key = `${entry.rule.ruleset} ${entry.rule.type}`;
    groups.set(key, [...(groups.get(key) ?? []), entry]);
  }
  return [...groups.values()].flatMap((group) => {
    const edges = new Set(group.flatMap(({ rule }) => [rule.minSize, rule.maxSize + 1]));
    const lines: string[] = [];
    let former = '';
    for (const size of [...edges].sort((a, b) => a - b)) {
      const here = group.filter(({ rule }) => rule.minSize <= size && size <= rule.maxSize);
      const names = [...new Set(here.map(({ name }) => name))].sort(byBytes);
      const joined = names.join(', ');
      // Neighbouring ranges of the same rules are one range.
      if (names.length > 1 && joined !== former) {
        lines.push(`overlapped rules in ruleset ${group[0]!.rule.ruleset}: ${joined}`);
      }
      former = joined;
    }
    return lines;
  });
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
