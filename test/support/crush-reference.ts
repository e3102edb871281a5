import { execFile } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CrushMapper, crushHash2, encodeCrushMap } from '../../src/crush/index.ts';
import { type GeneratedForest, randomForest, randomReweights } from './crush-maps.ts';
import { dice } from './sim-disk.ts';
import { tempFolder } from './temp-folder.ts';

/**
 * Equality with the reference on random maps. One run of crushtool maps the inputs of many maps: they are independent
 * trees of one file, each with devices, weights and rules of its own, and the tool runs each rule for the size it
 * serves. What the whole file shares (tunables, types) is drawn anew per batch.
 */
export interface Batch {
  seed: number;
  forest: GeneratedForest;
  /** OSD weights that are not 1. */
  reweights: Map<number, number>;
  /** Inputs per rule, from `firstX` on. */
  firstX: number;
  inputs: number;
  /** Hashed together with the input, as for a pool, so that the inputs are spread over 32 bits. */
  poolId: number | undefined;
}

export interface BatchResult {
  maps: number;
  mappings: number;
  /** The first difference, with what is needed to see it again; undefined when all are equal. */
  difference: string | undefined;
}

/** At most this many rules of a map have an id that a pool can name. */
const RULES_MAX = 256;

/** The batch of a seed. */
export function makeBatch(seed: number, maps: number, inputs: number): Batch {
  const roll = dice(crushHash2(seed, maps));
  const forest = randomForest(roll, { trees: maps, rulesMax: 4, oddSteps: true });
  if (forest.map.rules.length > RULES_MAX) throw new Error(`${maps} maps have too many rules`);
  const reweights = new Map<number, number>();
  for (const tree of forest.trees) {
    for (const [device, weight] of randomReweights(roll, tree.devices)) {
      reweights.set(device, weight);
    }
  }
  const firstX = [0, 0, 1_000_000, 0x7ffffff0 - inputs][roll(4)]! + roll(10);
  return {
    seed,
    forest,
    reweights,
    firstX,
    inputs,
    poolId: roll(2) === 1 ? roll(1000) : undefined,
  };
}

/** What the tool prints for a batch. */
async function referenceMappings(batch: Batch, dir: string): Promise<string> {
  const file = join(dir, `batch-${batch.seed}.crush`);
  writeFileSync(file, encodeCrushMap(batch.forest.map));
  const args = ['-i', file, '--test', '--show-mappings'];
  args.push('--min-x', `${batch.firstX}`, '--max-x', `${batch.firstX + batch.inputs - 1}`);
  if (batch.poolId !== undefined) args.push('--pool-id', `${batch.poolId}`);
  for (const [device, weight] of batch.reweights) {
    args.push('--weight', `${device}`, `${weight / 0x10000}`);
  }
  const { stdout } = await promisify(execFile)('crushtool', args, { maxBuffer: 2 ** 28 });
  return stdout;
}

/** The same text from our mapper. */
function ourMappings(batch: Batch, mapper: CrushMapper): string {
  const { map } = batch.forest;
  const weights = new Uint32Array(map.maxDevices);
  for (const bucket of map.buckets.values()) {
    for (const item of bucket.items) if (item >= 0) weights[item] = 0x10000;
  }
  // The tool takes no weight above 1.
  for (const [device, weight] of batch.reweights) weights[device] = Math.min(weight, 0x10000);
  const out = new Int32Array(32);
  const lines: string[] = [];
  map.rules.forEach((rule, id) => {
    if (!rule) return;
    for (let x = batch.firstX; x < batch.firstX + batch.inputs; x++) {
      const input = batch.poolId === undefined ? x : crushHash2(x, batch.poolId);
      const length = mapper.runInto(id, input, rule.maxSize, weights, out, 0);
      lines.push(`CRUSH rule ${id} x ${x} [${out.subarray(0, length).join(',')}]\n`);
    }
  });
  return lines.join('');
}

/** Runs one batch through the tool and through our mapper, with each of its engines. */
export async function compareBatch(batch: Batch): Promise<BatchResult> {
  const dir = tempFolder('crush-batch');
  try {
    const reference = referenceMappings(batch, dir);
    const { map } = batch.forest;
    const engines = ['js', 'wasm'] as const;
    const ours = engines.map((engine) => ourMappings(batch, new CrushMapper(map, { engine })));
    const theirs = await reference;
    const wrong = ours.find((text) => text !== theirs);
    return judge(batch, wrong ?? theirs, theirs);
  } finally {
    rmSync(dir, { recursive: true });
  }
}

function judge(batch: Batch, ours: string, theirs: string): BatchResult {
  const { trees, map } = batch.forest;
  const mappings = map.rules.filter((rule) => rule).length * batch.inputs;
  const result = { maps: trees.length, mappings, difference: undefined };
  if (ours === theirs) return result;
  const ourLines = ours.split('\n');
  const theirLines = theirs.split('\n');
  const at = ourLines.findIndex((line, i) => line !== theirLines[i]);
  const rule = Number(/rule (\d+)/.exec(ourLines[at] ?? '')?.[1] ?? -1);
  const tree = trees.findIndex((t) => t.rules.includes(rule));
  return {
    ...result,
    difference: [
      `seed ${batch.seed}, ${trees.length} maps of ${batch.inputs} inputs: map ${tree}`,
      `ours ${ourLines[at]}`,
      `tool ${theirLines[at]}`,
      `pool ${batch.poolId} tunables ${JSON.stringify(map.tunables)}`,
      `rule ${JSON.stringify(map.rules[rule])}`,
    ].join('\n'),
  };
}
