import { CrushTextError } from './errors.ts';
import type { BucketStatement, Statement } from './grammar.ts';

/**
 * Puts buckets that others use before those that use them, by exchanging places as Ceph does: a pair at a time and once
 * through, which is not always enough. Exactly so, since ids are given out in this order.
 * @throws CrushTextError for two buckets that hold each other
 */
export function orderBuckets(statements: Statement[]): void {
  const buckets = statements.filter((s): s is BucketStatement => s.kind === 'bucket');
  const names = buckets.map((b) => b.name);
  const placeOf = new Map<string, number>();
  statements.forEach((s, place) => {
    if (s.kind === 'bucket') placeOf.set(s.name, place);
  });
  // A name that is defined twice is refused later; until then its definitions count as one.
  const itemsOf = new Map<string, Set<string>>();
  const positionsOf = new Map<string, number[]>();
  buckets.forEach((b, position) => {
    const items = itemsOf.get(b.name) ?? new Set();
    itemsOf.set(b.name, items);
    for (const item of b.items) items.add(item.name);
    positionsOf.set(b.name, [...(positionsOf.get(b.name) ?? []), position]);
  });
  names.forEach((name, position) => {
    const later = [...itemsOf.get(name)!]
      .flatMap((item) => positionsOf.get(item) ?? [])
      .filter((p) => p > position)
      .sort((a, b) => a - b);
    for (const p of later) {
      const other = names[p]!;
      if (itemsOf.get(other)!.has(name)) {
        throw new CrushTextError([
          `bucket  '${name}' and bucket '${other}' are included each other`,
        ]);
      }
      const [a, b] = [placeOf.get(name)!, placeOf.get(other)!];
      [statements[a], statements[b]] = [statements[b]!, statements[a]!];
    }
  });
}
