/** A holder of a PG's objects, and how many of them it lacks. */
interface HolderCount {
  readonly osd: number;
  readonly lacks: number;
}

/** What the counts of degraded and misplaced objects depend on. */
export interface CountScene {
  /** The pool's. */
  readonly size: number;
  readonly objects: number;
  /** Members in the up set. */
  readonly targets: readonly HolderCount[];
  /** Holders outside it: acting members of the past or the present whose copies still serve. */
  readonly others: readonly HolderCount[];
}

/**
 * Objects with fewer copies than they should have, and those with a copy in the wrong place; each counted once for each
 * copy. A copy that a target lacks but somebody outside the up set has is misplaced, not degraded. Source: the
 * estimate of PeeringState::update_calc_stats, src/osd/PeeringState.cc, 16.2.
 */
export function countCopies(scene: CountScene): { degraded: number; misplaced: number } {
  const { size, objects } = scene;
  const lacks = scene.targets.map((t) => t.lacks);
  for (let i = lacks.length; i < size; i++) lacks.push(objects);
  lacks.sort((a, b) => b - a);
  const others = scene.others.map((o) => o.lacks).sort((a, b) => a - b);
  let degraded = 0;
  let misplaced = 0;
  for (const lacked of lacks) {
    // The largest gap is set against the holder that lacks least.
    const gone = others.shift();
    if (gone !== undefined && lacked >= gone) {
      misplaced += lacked - gone;
      degraded += gone;
    } else {
      degraded += lacked;
    }
  }
  return { degraded, misplaced };
}
