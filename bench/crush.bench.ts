/**
 * Placement on one core, ours beside Debian's crushtool on the same map: `npm run bench:crush [-- ROUNDS]`. The runs take
 * turns and the best of each counts, in processor time, so that other work on the machine matters little. Of the tool's
 * time that for a single input is taken off, which is its start-up. The tool is asked for no output, so it maps and adds
 * up what each device gets.
 */
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { makeBucket } from '../src/crush/bucket.ts';
import {
  BUCKET_ALG,
  type BucketAlg,
  type CrushMap,
  CrushMapper,
  createDefaultCrushMap,
  encodeCrushMap,
  RULE_OP,
} from '../src/crush/index.ts';
import { emptyIncremental, firstOSDMap, newPgPool, OSD_STATE, OSDMap } from '../src/maps/index.ts';
import { tempFolder } from '../test/support/temp-folder.ts';

const rounds = Number(process.argv[2] ?? 3);
const ONE = 0x10000;
const REPLICAS = 3;
const HOST = 1;
const TYPES = [HOST, 3, 11];

/** A tree of so many items per level, from the root down. Weights are 1 to `weights`, one after the other. */
function tree(
  fanout: readonly number[],
  alg: BucketAlg,
  failureDomain: number,
  weights = 1,
): CrushMap {
  const map = createDefaultCrushMap();
  map.buckets.clear();
  let devices = 0;
  let nextId = -2;
  const grow = (level: number, id: number): number => {
    const [count] = fanout.slice(level);
    const items: number[] = [];
    const itemWeights: number[] = [];
    for (let i = 0; i < count!; i++) {
      const isDevice = level === fanout.length - 1;
      const item = isDevice ? devices++ : nextId--;
      items.push(item);
      itemWeights.push(isDevice ? ONE * (1 + (item % weights)) : grow(level + 1, item));
    }
    const type = level === 0 ? 11 : TYPES[fanout.length - 1 - level]!;
    const bucket = makeBucket({ id, type, alg, hash: 0 }, items, itemWeights, 1);
    map.buckets.set(id, bucket);
    map.itemNames.set(id, `b${-id}`);
    return bucket.weight;
  };
  grow(0, -1);
  map.maxBuckets = -1 - nextId;
  map.maxDevices = devices;
  const op = failureDomain === 0 ? RULE_OP.CHOOSE_FIRSTN : RULE_OP.CHOOSELEAF_FIRSTN;
  map.rules[0]!.steps = [
    { op: RULE_OP.TAKE, arg1: -1, arg2: 0 },
    { op, arg1: 0, arg2: failureDomain },
    { op: RULE_OP.EMIT, arg1: 0, arg2: 0 },
  ];
  return map;
}

/** A weight set for every bucket, a tenth off the weights here and there. */
function withWeightSets(map: CrushMap): CrushMap {
  const args = new Map();
  for (const b of map.buckets.values()) {
    if (b.alg !== BUCKET_ALG.STRAW2) continue;
    const weightSets = [b.itemWeights.map((w, i) => Math.trunc((w * (10 - (i % 2))) / 10))];
    args.set(b.id, { weightSets, ids: [] });
  }
  map.chooseArgs.set(-1, args);
  return map;
}

const { STRAW2, STRAW, LIST, TREE, UNIFORM } = BUCKET_ALG;
const LEVELS = [10, 10, 10];
interface Row {
  name: string;
  map: CrushMap;
  inputs: number;
  /** Every so manieth device is in, the others are out. Default: all are in. */
  oneOf?: number;
}
const rows: Row[] = [
  { name: '1,000 straw2 in 3 levels, hosts', map: tree(LEVELS, STRAW2, HOST), inputs: 400_000 },
  { name: '  racks', map: tree(LEVELS, STRAW2, 3), inputs: 400_000 },
  { name: '  unequal weights', map: tree(LEVELS, STRAW2, HOST, 7), inputs: 400_000 },
  { name: '  weight sets', map: withWeightSets(tree(LEVELS, STRAW2, HOST)), inputs: 400_000 },
  { name: '  half of them out', map: tree(LEVELS, STRAW2, HOST), inputs: 200_000, oneOf: 2 },
  { name: '  99 % out', map: tree(LEVELS, STRAW2, HOST), inputs: 10_000, oneOf: 100 },
  { name: '  all but one out', map: tree(LEVELS, STRAW2, HOST), inputs: 10_000, oneOf: 1000 },
  { name: '1,000 straw', map: tree(LEVELS, STRAW, HOST), inputs: 400_000 },
  { name: '1,000 list', map: tree(LEVELS, LIST, HOST), inputs: 400_000 },
  { name: '1,000 tree', map: tree(LEVELS, TREE, HOST), inputs: 400_000 },
  { name: '1,000 uniform', map: tree(LEVELS, UNIFORM, HOST), inputs: 400_000 },
  { name: '1,000 straw2 in one bucket', map: tree([1000], STRAW2, 0), inputs: 10_000 },
  { name: '  unequal weights', map: tree([1000], STRAW2, 0, 7), inputs: 10_000 },
  { name: '10,000 straw2 in 3 levels', map: tree([20, 25, 20], STRAW2, HOST), inputs: 200_000 },
  {
    name: '  all but one out',
    map: tree([20, 25, 20], STRAW2, HOST),
    inputs: 5_000,
    oneOf: 10_000,
  },
];

const isOut = (device: number, oneOf = 1): boolean => (device + 1) % oneOf !== 0;

/** Processor seconds of some work in this process. */
function cpuSeconds(run: () => void): number {
  const before = process.cpuUsage();
  run();
  return process.cpuUsage(before).user / 1e6;
}

/** Processor seconds of a command, as bash tells them. */
function toolCpuSeconds(command: string, args: string[]): number {
  const script = 'TIMEFORMAT=%U; time "$@" >/dev/null 2>&1';
  const { stderr } = spawnSync('bash', ['-c', script, 'bash', command, ...args], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  });
  return Number(stderr);
}

function toolSeconds(file: string, { map, inputs, oneOf }: Row): number {
  const weights = Array.from({ length: map.maxDevices }, (_, id) => id)
    .filter((id) => isOut(id, oneOf))
    .flatMap((id) => ['--weight', `${id}`, '0']);
  const run = (last: number): number => {
    const what = ['--test', '--rule', '0', '--num-rep', `${REPLICAS}`];
    const args = ['-i', file, ...what, '--min-x', '0', '--max-x', `${last}`, ...weights];
    return toolCpuSeconds('crushtool', args);
  };
  return run(inputs - 1) - Math.min(run(0), run(0));
}

function ourSeconds(mapper: CrushMapper, { map, inputs, oneOf }: Row): number {
  const weights = Uint32Array.from({ length: map.maxDevices }, (_, id) =>
    isOut(id, oneOf) ? 0 : ONE,
  );
  const result = new Int32Array(REPLICAS);
  return cpuSeconds(() => {
    for (let x = 0; x < inputs; x++) mapper.runInto(0, x, REPLICAS, weights, result, 0);
  });
}

function compare(dir: string, row: Row): void {
  const file = join(dir, 'map');
  writeFileSync(file, encodeCrushMap(row.map));
  const wasm = new CrushMapper(row.map, { engine: 'wasm' });
  const js = new CrushMapper(row.map, { engine: 'js' });
  let [best, bestJs, bestTool] = [Infinity, Infinity, Infinity];
  for (let i = 0; i < rounds; i++) {
    best = Math.min(best, ourSeconds(wasm, row));
    bestTool = Math.min(bestTool, toolSeconds(file, row));
    bestJs = Math.min(bestJs, ourSeconds(js, row));
  }
  const rate = (seconds: number): string => (row.inputs / seconds / 1000).toFixed(0).padStart(9);
  const ratio = (seconds: number): string => (bestTool / seconds).toFixed(2).padStart(8);
  console.log(
    row.name.padEnd(34),
    ...[rate(bestTool), rate(best), ratio(best), rate(bestJs), ratio(bestJs)],
  );
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heapKib(): number {
  collect();
  return process.memoryUsage().heapUsed / 1024;
}

/** The tool maps nothing where no device is in, so this row is ours alone. */
function allOut(): void {
  const map = tree(LEVELS, STRAW2, HOST);
  const mapper = new CrushMapper(map);
  const row = { name: '', map, inputs: 200_000, oneOf: Number.POSITIVE_INFINITY };
  const best = Math.min(...Array.from({ length: rounds }, () => ourSeconds(mapper, row)));
  const rate = (row.inputs / best / 1000).toFixed(0);
  console.log(`\n1,000 straw2 in 3 levels, all out: ${rate} thousand (empty) mappings a second`);
}

/** What a million mappings leave on the heap, nothing collected in between. */
function allocation(): void {
  const map = tree(LEVELS, STRAW2, HOST);
  const mapper = new CrushMapper(map);
  ourSeconds(mapper, { name: '', map, inputs: 100_000 });
  const before = heapKib();
  ourSeconds(mapper, { name: '', map, inputs: 1_000_000 });
  const grown = process.memoryUsage().heapUsed / 1024 - before;
  console.log(`1,000,000 mappings leave ${grown.toFixed(0)} KiB on the heap`);
}

/** A cluster of 1,000 OSDs and a pool of 65,536 PGs. */
function cluster(): OSDMap {
  const stamp = { sec: 1, nsec: 0 };
  const crush = tree(LEVELS, STRAW2, HOST);
  const data = firstOSDMap({ fsid: '11111111-2222-3333-4444-555555555555', stamp, crush });
  const pool = newPgPool({
    ...{ type: 1, size: REPLICAS, minSize: 2, crushRule: 0, pgNum: 65_536, createTime: stamp },
  });
  const perOsd = <T>(value: T): T[] => new Array<T>(1000).fill(value);
  return new OSDMap({
    ...data,
    ...{ maxOsd: 1000, osdWeight: perOsd(ONE), osdState: perOsd(OSD_STATE.exists | OSD_STATE.up) },
    ...{ osdUuid: perOsd(data.fsid), clientAddrs: perOsd([]), clusterAddrs: perOsd([]) },
    ...{ hbBackAddrs: perOsd([]), hbFrontAddrs: perOsd([]) },
    pools: new Map([[1, pool]]),
    poolNames: new Map([[1, 'p']]),
  });
}

/** Epoch after epoch in which one more OSD goes out, the whole pool mapped anew in each. */
function remap(): void {
  let map = cluster();
  const next = (): void => {
    const modified = { sec: 1, nsec: 0 };
    const inc = emptyIncremental({ fsid: map.fsid, epoch: map.epoch + 1, modified });
    map = map.applyIncremental({ ...inc, newWeight: new Map([[map.epoch, 0]]) });
    map.poolMapping(1);
  };
  next();
  const before = heapKib();
  const times = Array.from({ length: 20 }, () => cpuSeconds(next) * 1000).sort((a, b) => a - b);
  const grown = heapKib() - before;
  console.log(
    `a new map over 65,536 PGs of 1,000 OSDs, all mapped: median ${times[10]!.toFixed(0)} ms, slowest ${times[19]!.toFixed(0)} ms; 20 maps leave ${grown.toFixed(0)} KiB on the heap`,
  );
}

console.log(
  `${cpus()[0]!.model}, Node ${process.version}; thousands of mappings a second, ${REPLICAS} replicas`,
);
console.log(`${''.padEnd(34)} crushtool      ours    ratio  ours, JS    ratio`);
const dir = tempFolder('bench-crush');
try {
  for (const row of rows) compare(dir, row);
} finally {
  rmSync(dir, { recursive: true });
}
allOut();
allocation();
remap();
