import { BUCKET_ALG_NAMES, RULE_OP } from '../../src/crush/index.ts';
import type { Batch } from './crush-reference.ts';

/** What occurs in generated maps, so that a comparison can say what it covered. */
export type Coverage = Map<string, number>;

/** How often each algorithm, step, weight set, share of devices out and so on occurs in a batch. */
export function coverageOf({ forest: { map, trees }, reweights }: Batch): Coverage {
  const out: Coverage = new Map();
  const add = (key: string, n = 1) => out.set(key, (out.get(key) ?? 0) + n);
  add(`tunables ${JSON.stringify(map.tunables)}`);
  for (const b of map.buckets.values()) {
    add(`${BUCKET_ALG_NAMES[b.alg]} buckets`);
    if (b.items.length === 0) add('empty buckets');
    if (map.classMap.has(b.id)) add('shadow buckets');
  }
  for (const { devices } of trees) {
    const outCount = devices.filter((device) => reweights.get(device) === 0).length;
    const share = outCount / devices.length;
    if (share === 0 || share === 1) add(`maps with ${100 * share}% of the devices out`);
    else add(`maps with ${share < 0.5 ? 'less than' : 'at least'} 50% of the devices out`);
    if (devices.some((device) => (reweights.get(device) ?? 0) % 0x10000 > 0)) {
      add('maps with devices partly out');
    }
  }
  const steps = Object.entries(RULE_OP);
  for (const rule of map.rules) {
    if (rule) add('rules');
    for (const { op } of rule?.steps ?? []) {
      add(`${steps.find(([, n]) => n === op)?.[0].toLowerCase()} steps`);
    }
  }
  for (const args of map.chooseArgs.values()) {
    for (const arg of args.values()) {
      if (arg.weightSets.length > 0) add('weight sets', arg.weightSets.length);
      if (arg.ids.length > 0) add('id sets');
    }
  }
  return out;
}

/** The sum, as lines; tunables are counted by how many different ones there were. */
export function totalCoverage(parts: readonly Coverage[]): string {
  const total: Coverage = new Map();
  for (const part of parts) {
    for (const [key, n] of part) total.set(key, (total.get(key) ?? 0) + n);
  }
  const isTunables = (key: string) => key.startsWith('tunables ');
  const different = [...total.keys()].filter(isTunables).length;
  const lines = [...total].filter(([key]) => !isTunables(key)).sort();
  return [`${different} different tunables`, ...lines.map(([key, n]) => `${n} ${key}`)].join('\n');
}
