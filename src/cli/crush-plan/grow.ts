import { writeFileSync } from 'node:fs';
import {
  type GrowthStage,
  type GrowthStep,
  growthPicture,
  simulateGrowth,
  type TreeSpec,
} from '../../balancer/index.ts';
import { table } from '../../codec/index.ts';
import { systemClock } from '../../runtime-node/index.ts';
import { type Command, type Parsed, UsageError } from '../usage.ts';
import { poolShape, usualPgNum } from './inputs.ts';
import {
  bytesText,
  leastText,
  left,
  movementJson,
  numbers,
  percent,
  printJson,
  progress,
  ratioText,
  spreadJson,
  timeText,
} from './report.ts';
import {
  DATA_HELP,
  flagOption,
  OUTPUT_HELP,
  OUTPUT_OPTIONS,
  ratesOf,
  sizeOption,
  textOption,
  wantsJson,
} from './words.ts';

export const growCommand: Command = {
  words: 'crush grow TREE [--steps STEPS]',
  about:
    'Describes a tree (rack=25,host=20,osd=20: so many of each in one of the type before), changes it step by step, ' +
    'and tells how evenly PGs are spread, what moves, and what a mapping costs.',
  positionals: ['TREE'],
  options: {
    steps: textOption,
    weights: textOption,
    classes: textOption,
    'failure-domain': textOption,
    class: textOption,
    erasure: flagOption,
    'pg-num': textOption,
    size: textOption,
    'data-shards': textOption,
    objects: textOption,
    bytes: textOption,
    read: textOption,
    write: textOption,
    backfills: textOption,
    ...OUTPUT_OPTIONS,
  },
  help: {
    steps:
      'what to change: +1rack,+10host,-1host,osd*2 or 20host*0.5 (weight of the first ones times)',
    weights: "weights of a host's devices in turn, with commas (1)",
    classes: "device classes of a host's devices in turn (none)",
    'failure-domain': 'type of which no two shards share an item (the one above osd)',
    class: 'device class that the rule takes (all)',
    erasure: 'an erasure-coded pool',
    'pg-num': 'PGs of the pool (about 100 shards per device)',
    size: 'copies, or shards of an erasure code (3)',
    'data-shards': 'data shards, with --erasure (size - 1)',
    objects: DATA_HELP.objects,
    bytes: "bytes of clients' data: 500G, 2.5T, 1P (powers of 1024)",
    read: DATA_HELP.read,
    write: DATA_HELP.write,
    backfills: DATA_HELP.backfills,
    ...OUTPUT_HELP,
  },
};

export function grow(args: Parsed): number {
  const asJson = wantsJson(args);
  const spec = treeSpec(args);
  const steps = (args.string('steps') ?? '').split(',').filter((s) => s !== '');
  const parsed = steps.map(parseStep);
  const { size, pgNum, dataShards } = poolShape(args);
  const devices = spec.levels.reduce((product, { count }) => product * count, 1);
  const pool = {
    pgNum: pgNum ?? usualPgNum(devices, size),
    size,
    erasure: args.flag('erasure'),
    ...(dataShards !== undefined && { dataShards }),
  };
  const bytes = sizeOption(args, 'bytes');
  const objects = args.integer('objects', 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const each = { objects: objects / pool.pgNum, bytes: (bytes ?? 0) / pool.pgNum };
  const stages: GrowthStage[] = [];
  progress('building the tree');
  const simulation = simulateGrowth(spec, parsed, {
    pool,
    rates: ratesOf(args),
    stats: () => each,
    clock: systemClock,
  });
  for (const stage of simulation) {
    stages.push(stage);
    progress(`${stages.length} of ${steps.length + 1} stages`);
  }
  progress('');
  const names = ['start', ...steps];
  const svg = args.string('svg');
  if (svg !== undefined) {
    const title = `${args.positionals[0]}: ${pool.pgNum} PGs of ${size} shards`;
    writeFileSync(svg, growthPicture({ title, stages, names }));
  }
  if (asJson) printJson(growthJson(stages, names));
  else process.stdout.write(growthTable(stages, names, bytes !== undefined));
  return 0;
}

function treeSpec(args: Parsed): TreeSpec {
  const levels = args.positionals[0]!.split(/[ ,]+/).map((word) => {
    const match = /^([a-z]+)=(\d{1,7})$/.exec(word);
    if (!match || Number(match[2]) < 1) {
      throw new UsageError(`a tree is written as rack=25,host=20,osd=20, not '${word}'`);
    }
    return { type: singular(match[1]!), count: Number(match[2]) };
  });
  const weights = args.string('weights')?.split(',').map(Number);
  if (weights?.some((w) => !(w >= 0 && w < 65_536))) {
    throw new UsageError(`--weights takes numbers with commas, not '${args.string('weights')}'`);
  }
  const classes = args.string('classes')?.split(',');
  const failureDomain = args.string('failure-domain');
  const ruleClass = args.string('class');
  return {
    levels,
    ...(weights && { weights }),
    ...(classes && { classes }),
    ...(failureDomain !== undefined && { failureDomain }),
    ...(ruleClass !== undefined && { ruleClass }),
    erasure: args.flag('erasure'),
  };
}

function parseStep(word: string): GrowthStep {
  const change = /^([+-])(\d{1,7})([a-z]+)$/.exec(word);
  if (change) {
    const kind = change[1] === '+' ? 'add' : 'remove';
    return { kind, count: Number(change[2]), type: singular(change[3]!) };
  }
  const scale = /^(\d{0,7})([a-z]+)\*(\d+(?:\.\d+)?)$/.exec(word);
  if (!scale) {
    throw new UsageError(`a step is written as +1rack, -1host, 20osd*2, not '${word}'`);
  }
  const count = scale[1] === '' ? 1 : Number(scale[1]);
  return { kind: 'scale', count, type: singular(scale[2]!), factor: Number(scale[3]) };
}

/** Both `rack` and `racks`. */
function singular(type: string): string {
  return type.endsWith('s') ? type.slice(0, -1) : type;
}

function growthTable(
  stages: readonly GrowthStage[],
  names: readonly string[],
  hasBytes: boolean,
): string {
  const columns = [
    left('STEP'),
    ...numbers('DEVICES MEAN STDDEV VS-CHANCE FULLEST EMPTIEST USABLE'),
    ...numbers('MOVED RATIO LEAST MOVED/LEAST'),
    ...numbers(hasBytes ? 'BYTES TIME US/MAPPING' : 'US/MAPPING'),
  ];
  const rows = stages.map(({ quality: q, movement: m, microsecondsPerMapping }, i) => [
    names[i]!,
    `${q.devices}`,
    q.mean.toFixed(2),
    q.standardDeviation.toFixed(2),
    q.varianceRatio.toFixed(3),
    percent(q.fullest),
    percent(q.emptiest),
    percent(q.usable),
    ...(m
      ? [
          `${m.total.shardsMoved}`,
          percent(m.movedRatio),
          leastText(m.total.shardsLeast),
          ratioText(m.total.shardsMoved, m.total.shardsLeast),
        ]
      : ['-', '-', '-', '-']),
    ...(hasBytes
      ? [m ? bytesText(m.total.bytesMoved) : '-', m ? timeText(m.recovery.seconds) : '-']
      : []),
    microsecondsPerMapping.toFixed(2),
  ]);
  return table(columns, rows);
}

function growthJson(stages: readonly GrowthStage[], names: readonly string[]): unknown {
  return stages.map((stage, i) => ({
    step: names[i],
    spread: spreadJson(stage.quality),
    movement: stage.movement ? movementJson(stage.movement) : null,
    microseconds_per_mapping: stage.microsecondsPerMapping,
  }));
}
