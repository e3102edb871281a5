import type { ShapeBlock, ShapeNode } from './rule-shape.ts';

/** The deepest level whose items a full PG's shards cannot leave one by one; -1 for none. */
export function fixedLevel({ levels, tree, capacity, count }: ShapeBlock): number {
  // Above the failure domain, an item has all its shards of the PG, and no other has room for one.
  let fixed = capacity === count ? Math.max(levels.length - 3, -1) : -1;
  for (let l = fixed + 1; l < levels.length - 1; l++) {
    const parents = l === 0 ? [tree] : nodesAt(tree, l - 1);
    const isFull = ({ children }: ShapeNode): boolean =>
      children.filter((child) => child.weight > 0).length <= levels[l]!.perParent;
    if (capacity === count && parents.every(isFull)) fixed = l;
  }
  return fixed;
}

/** The items of a level, below this root. */
export function nodesAt(root: ShapeNode, level: number): ShapeNode[] {
  let nodes = [...root.children];
  for (let l = 0; l < level; l++) nodes = nodes.flatMap((node) => node.children);
  return nodes;
}
