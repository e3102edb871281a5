import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { type CrushMap, decodeCrushMap } from '../src/crush/index.ts';

const DIR = new URL('./golden/crush/', import.meta.url);

/** Bytes of one file of test/golden/crush. */
export function golden(name: string): Buffer {
  return readFileSync(new URL(name, DIR));
}

export function goldenMap(name: string): CrushMap {
  return decodeCrushMap(golden(`${name}.crush`));
}

export function goldenJson(name: string): unknown {
  return JSON.parse(golden(name).toString());
}

export function goldenDump(name: string): unknown {
  return JSON.parse(gunzipSync(golden(`${name}.dump.json.gz`)).toString());
}

/** The compiled maps whose sources, dumps and mappings lie beside them. */
export const GOLDEN_MAPS = [
  'argonaut-straw',
  'argonaut-uniform',
  'bobtail-mixed',
  'choose-args',
  'classes',
  'list-jewel',
  'straw-hammer',
  'straw2-jewel',
  'straw2-small',
  'tree-jewel',
  'uniform-jewel',
];

export interface Mapping {
  x: number;
  numRep: number;
  result: number[];
}

/** The lines of a `crushtool --test --show-mappings` run, in sections of one num-rep each. */
export function goldenMappings(file: string): Mapping[] {
  return parseMappings(gunzipSync(golden(file)).toString());
}

function parseMappings(text: string): Mapping[] {
  const out: Mapping[] = [];
  let numRep = 0;
  for (const line of text.split('\n')) {
    const section = /^# num-rep (\d+)$/.exec(line);
    if (section) numRep = Number(section[1]);
    const mapping = /^CRUSH rule \d+ x (\d+) \[([\d,]*)\]$/.exec(line);
    if (!mapping) continue;
    const ids = mapping[2]!;
    const result = ids === '' ? [] : ids.split(',').map(Number);
    out.push({ x: Number(mapping[1]), numRep, result });
  }
  return out;
}

/** crushtool's weights: 1.0 for every device in a bucket, 0 for the other ids, then its `--weight` options. */
export function toolWeights(map: CrushMap, overrides: Record<string, number>): number[] {
  const weights: number[] = new Array(map.maxDevices).fill(0);
  for (const bucket of map.buckets.values()) {
    for (const item of bucket.items) if (item >= 0) weights[item] = 0x10000;
  }
  for (const [id, w] of Object.entries(overrides))
    weights[Number(id)] = Math.trunc(Math.fround(w) * 0x10000);
  return weights;
}
