import { writeFileSync } from 'node:fs';
import {
  calcPgUpmaps,
  calcWeightSet,
  distribution,
  type Movement,
  movement,
  type UpmapChange,
  type WeightSet,
  withCrush,
  withUpmaps,
  withWeightSet,
} from '../../balancer/index.ts';
import { CHOOSE_ARGS_DEFAULT, encodeCrushMap } from '../../crush/index.ts';
import { CephError } from '../../errors/index.ts';
import { type OSDMap, RELEASE } from '../../maps/index.ts';
import { type Command, type Parsed, UsageError } from '../usage.ts';
import { type MapFile, poolIds, singleMap, statsOf } from './inputs.ts';
import {
  bytesText,
  movementJson,
  percent,
  printJson,
  progress,
  spreadJson,
  spreadTable,
  timeText,
} from './report.ts';
import {
  DATA_HELP,
  DATA_OPTIONS,
  numberOption,
  POOL_HELP,
  POOL_OPTIONS,
  ratesOf,
  textOption,
  wantsJson,
} from './words.ts';

export const balanceCommand: Command = {
  words: 'crush balance MAP',
  about:
    'Proposes pg-upmap-items, or a compat weight set, that spread the PGs evenly, as a script of ceph commands with ' +
    'what it costs in its comments.',
  positionals: ['MAP'],
  options: {
    mode: textOption,
    deviation: textOption,
    max: textOption,
    pool: textOption,
    seed: textOption,
    output: { type: 'string', short: 'o' },
    ...POOL_OPTIONS,
    ...DATA_OPTIONS,
    format: textOption,
  },
  help: {
    mode: 'upmap (the default) or weight-set, for clients older than luminous',
    deviation: 'shards by which a device may miss its target, with upmap (1)',
    max: 'PGs that upmap may change (no limit)',
    pool: 'names of the pools to look at, with commas (all)',
    seed: 'chooses among proposals of equal worth (0)',
    output: 'file for the map with the proposal in it (also -o)',
    ...POOL_HELP,
    ...DATA_HELP,
    format: 'plain (the default) or json',
  },
};

interface Proposal {
  readonly after: OSDMap;
  readonly commands: string[];
  /** What `-o` writes. */
  readonly bytes: () => Uint8Array;
  readonly json: unknown;
}

export function balance(args: Parsed): number {
  const asJson = wantsJson(args);
  const mode = args.string('mode') ?? 'upmap';
  if (mode !== 'upmap' && mode !== 'weight-set') {
    throw new UsageError(`--mode takes upmap or weight-set, not '${mode}'`);
  }
  const rates = ratesOf(args);
  const { file, map } = singleMap(args.positionals[0]!, args);
  const pools = poolIds(map, args);
  const { stats, isKnown } = statsOf(args, map);
  progress('searching');
  const proposal =
    mode === 'upmap' ? byUpmaps(file, map, pools, args) : byWeightSet(file, map, pools);
  progress('comparing');
  const spread = {
    before: distribution(map, pools).summary,
    after: distribution(proposal.after, pools).summary,
  };
  const moved = movement(map, proposal.after, stats, rates);
  progress('');
  const output = args.string('output');
  if (output !== undefined) writeFileSync(output, proposal.bytes());
  if (asJson) {
    printJson({
      mode,
      ...(proposal.json as object),
      spread: { old: spreadJson(spread.before), new: spreadJson(spread.after) },
      movement: movementJson(moved),
    });
    return 0;
  }
  const table = spreadTable([
    ['now', spread.before],
    ['then', spread.after],
  ]);
  const comments = [...costLines(proposal, moved, isKnown), ...table.trimEnd().split('\n')];
  process.stdout.write(
    [...comments.map((line) => `# ${line}`.trimEnd()), ...proposal.commands, ''].join('\n'),
  );
  return 0;
}

function costLines({ commands }: Proposal, moved: Movement, hasBytes: boolean): string[] {
  if (commands.length === 0) return ['nothing to do'];
  const { total, movedRatio, recovery } = moved;
  const bytes = hasBytes
    ? `, ${bytesText(total.bytesMoved)} in about ${timeText(recovery.seconds)}`
    : '';
  return [
    `commands: ${commands.length}; shards that move: ${total.shardsMoved} (${percent(movedRatio)})${bytes}`,
  ];
}

function byUpmaps(file: MapFile, map: OSDMap, pools: number[], args: Parsed): Proposal {
  if (file.crush) {
    throw new CephError('EINVAL', `${file.path} is a CRUSH map; upmaps stand in an OSDMap`);
  }
  const changes = calcPgUpmaps(map, {
    maxDeviation: numberOption(args, 'deviation', 1, 1e6) ?? 1,
    maxChanges: args.integer('max', 1, 1 << 30) ?? 1 << 30,
    seed: args.integer('seed', 0, 0xffffffff) ?? 0,
    pools,
  });
  const after = withUpmaps(map, changes);
  const commands = changes.map(upmapCommand);
  if (commands.length > 0 && map.data.requireMinCompatClient < RELEASE.luminous) {
    commands.unshift('ceph osd set-require-min-compat-client luminous');
  }
  const json = { upmaps: changes.map(({ pgid, items }) => ({ pgid, items })) };
  return { after, commands, bytes: () => after.encode(), json };
}

function upmapCommand({ pgid, items }: UpmapChange): string {
  return items.length === 0
    ? `ceph osd rm-pg-upmap-items ${pgid}`
    : `ceph osd pg-upmap-items ${pgid} ${items.flat().join(' ')}`;
}

function byWeightSet(file: MapFile, map: OSDMap, pools: number[]): Proposal {
  const set = calcWeightSet(map, { pools });
  if (!set) {
    throw new CephError('EOPNOTSUPP', `${file.path} has buckets other than straw2, or no pool`);
  }
  const isBetter = set.after < set.before;
  const crush = isBetter ? withWeightSet(map.crushMap, set) : map.crushMap;
  const after = isBetter ? withCrush(map, crush) : map;
  const commands = isBetter ? weightSetCommands(map, set) : [];
  const weights = [...set.devices].map(([osd, weight]) => ({ osd, weight: weight / 0x10000 }));
  return {
    after,
    commands,
    bytes: () => (file.crush ? encodeCrushMap(crush) : after.encode()),
    json: { weight_set: isBetter ? weights : [] },
  };
}

function weightSetCommands(map: OSDMap, set: WeightSet): string[] {
  const { itemNames, chooseArgs } = map.crushMap;
  const create = chooseArgs.has(CHOOSE_ARGS_DEFAULT)
    ? []
    : ['ceph osd crush weight-set create-compat'];
  const reweights = [...set.devices].sort((a, b) => a[0] - b[0]);
  return [
    ...create,
    ...reweights.map(([osd, weight]) => {
      const name = itemNames.get(osd) ?? `osd.${osd}`;
      return `ceph osd crush weight-set reweight-compat ${name} ${weightText(weight)}`;
    }),
  ];
}

/** Reads back as the same 16.16 number, which the monitor makes by cutting off. */
function weightText(weight: number): string {
  return ((weight + 0.5) / 0x10000).toFixed(6);
}
