import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  BUCKET_ALG,
  type CrushMap,
  createWeightSet,
  crushHash2,
  decodeCrushMap,
  encodeCrushMap,
  reweightWeightSet,
} from '../../src/crush/index.ts';
import { randomEditStep } from './crush-edit-steps.ts';
import { randomCrushMap } from './crush-maps.ts';
import { differenceOf, runOurs, runReference } from './crush-tool-runs.ts';
import { dice } from './sim-disk.ts';
import { tempFolder } from './temp-folder.ts';

export interface EditCounts {
  changed: number;
  refused: number;
  /** Ceph's tool dies of a failed assertion, of memory it corrupted, or hangs dying. */
  crashed: number;
}

/**
 * Edits the map of a seed step by step with crushtool and with our command, each step from the map that crushtool made.
 * Tree buckets are left out, whose inner nodes crushtool leaves to chance, and uniform ones, whose shadows it cannot
 * make.
 * @throws Error on the first difference: exit status, output, or map
 */
export async function compareEdits(seed: number, steps: number): Promise<EditCounts> {
  const dir = tempFolder('crush-edit');
  const roll = dice(crushHash2(seed, steps));
  const counts: EditCounts = { changed: 0, refused: 0, crashed: 0 };
  const file = join(dir, 'map');
  try {
    let bytes: Uint8Array = encodeCrushMap(mapToEdit(seed));
    for (let step = 0; step < steps; step++) {
      const words = ['-i', file, ...randomEditStep(decodeCrushMap(bytes), roll)];
      writeFileSync(file, bytes);
      const theirs = runReference(words, join(dir, 'theirs'));
      if (theirs === undefined) {
        counts.crashed++;
        continue;
      }
      const ours = await runOurs(words, join(dir, 'ours'));
      const difference = differenceOf(ours, theirs);
      if (difference)
        throw new Error(`seed ${seed} step ${step}: ${words.join(' ')}\n${difference}`);
      if (theirs.status === 0) counts.changed++;
      else counts.refused++;
      bytes = theirs.bytes ?? bytes;
    }
    return counts;
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/**
 * Every other map has weight sets; these are whole, as commands make them, and all buckets straw2, as the monitor demands
 * of them: where other buckets lie between, what Ceph leaves in the sums above depends on the order of its recursion, and
 * may be no sum.
 */
function mapToEdit(seed: number): CrushMap {
  const roll = dice(crushHash2(seed, 0));
  const { LIST, STRAW, STRAW2 } = BUCKET_ALG;
  const hasWeightSets = seed % 2 === 1;
  const algs = hasWeightSets ? [STRAW2] : [LIST, STRAW, STRAW2, STRAW2];
  const map = randomCrushMap(roll, { trees: 2, algs, chooseArgs: false });
  map.tunables.allowedBucketAlgs |= 1 << STRAW2; // for new buckets
  if (!hasWeightSets) return map;
  const positions = 1 + roll(3);
  createWeightSet(map, -1, positions);
  if (roll(2) === 1) createWeightSet(map, 3, 1 + roll(3));
  const held = new Set([...map.buckets.values()].flatMap((b) => (b.alg === STRAW2 ? b.items : [])));
  for (const item of [...held].filter((id) => id >= 0).slice(0, 4)) {
    const weights = Array.from({ length: positions }, () => roll(5 * 0x10000));
    reweightWeightSet(map, -1, item, weights);
  }
  return map;
}
