import { createHash } from 'node:crypto';
import { afterAll, describe, it } from 'vitest';
import { runCrushtool } from '../../src/cli/crushtool/index.ts';
import {
  BUCKET_ALG,
  type CrushMap,
  decodeCrushMap,
  encodeCrushMap,
} from '../../src/crush/index.ts';
import { type CrushMapShape, randomCrushMap, withoutInnerNodes } from '../support/crush-maps.ts';
import { toolsMissing } from '../support/interop.ts';
import { type Dice, dice } from '../support/sim-disk.ts';
import { ToolPair } from '../support/tool-pair.ts';

const SEEDS = Number(process.env.SEPIOLA_CRUSHTOOL_SEEDS ?? 25);

function sameFile(bytes: Uint8Array): unknown {
  const map = withoutInnerNodes(decodeCrushMap(bytes));
  return createHash('sha1').update(encodeCrushMap(map)).digest('hex');
}

function pick<T>(roll: Dice, ...of: readonly T[]): T {
  return of[roll(of.length)]!;
}

/** Each with a chance of one in `odds`. */
function some(roll: Dice, odds: number, ...words: readonly string[][]): string[] {
  return words.filter(() => roll(odds) === 0).flat();
}

function testWords(map: CrushMap, roll: Dice): string[] {
  const devices = [...map.itemNames.keys()].filter((id) => id >= 0);
  const rule = String(roll(map.rules.length + 1));
  const first = roll(100000);
  return [
    '--test',
    ...pick(roll, ['--num-rep', String(roll(8))], []),
    '--min-x',
    String(first),
    '--max-x',
    String(first + roll(60)),
    ...some(
      roll,
      3,
      ['--show-mappings'],
      ['--show-bad-mappings'],
      ['--show-statistics'],
      ['--show-utilization'],
      ['--show-utilization-all'],
      ['--show-choose-tries'],
    ),
    ...some(
      roll,
      4,
      ['--rule', rule],
      ['--ruleset', rule],
      ['--simulate'],
      ['--pool-id', String(roll(1000))],
      ['--set-choose-total-tries', String(1 + roll(80))],
      ['--weight', String(pick(roll, ...devices)), pick(roll, '0', '0.5', '0.00002', '1')],
      ['--weight', String(pick(roll, ...devices)), '0'],
      ['--batches', String(1 + roll(5)), '--output-csv', '--output-name', '@csv'],
    ),
  ];
}

function buildWords(roll: Dice): string[] {
  const count = 1 + roll(60);
  const layer = (name: string): string[] => [
    name,
    pick(roll, 'straw2', 'straw', 'list', 'tree', 'uniform'),
    String(roll(7)),
  ];
  const names = ['host', 'rack', 'row', 'root'].slice(0, 1 + roll(4));
  return [
    '--build',
    '--num_osds',
    String(count),
    ...names.flatMap(layer),
    '--tree',
    '-o',
    '@built',
  ];
}

function reclassifyWords(map: CrushMap, roll: Dice): string[] {
  const buckets = [...map.buckets.keys()].map((id) => map.itemNames.get(id)!);
  const bucket = (): string => pick(roll, ...buckets);
  /** A pattern, its class, and a parent that it does not match: below one that it does, Ceph loses what it makes. */
  const merge = (): string[] => {
    const name = bucket();
    const cut = 1 + roll(name.length);
    const [head, tail] = [name.slice(0, cut), name.slice(-cut)];
    const [pattern, others] = pick(
      roll,
      [name, buckets.filter((b) => b !== name)] as const,
      [`${head}%`, buckets.filter((b) => !b.startsWith(head))] as const,
      [`%${tail}`, buckets.filter((b) => !b.endsWith(tail))] as const,
    );
    return others.length > 0 ? ['--reclassify-bucket', pattern, kind(), pick(roll, ...others)] : [];
  };
  const kind = (): string => pick(roll, 'hdd', 'ssd', 'nvme');
  return [
    ...some(roll, 2, ['--set-subtree-class', bucket(), kind()]),
    '--reclassify',
    ...some(
      roll,
      2,
      ['--reclassify-root', bucket(), kind()],
      ['--reclassify-root', bucket(), kind()],
      merge(),
    ),
    '--tree',
    '-o',
    '@changed',
  ];
}

/** Keeps Ceph's log, with its times, out of the output, and its crashes out of the system's files. */
const QUIET = '--debug-crush 0 --err-to-stderr=false --log-to-stderr=false --crash-dir=';
const skip = toolsMissing('crushtool');

describe.skipIf(skip)('crushtool on random maps, as Ceph has it', () => {
  const pair = new ToolPair(
    'crushtool',
    runCrushtool,
    (bytes) => (bytes[0] === 0 && bytes[2] === 1 ? sameFile(bytes) : Buffer.from(bytes).toString()),
    { CEPH_ARGS: QUIET },
  );
  pair.crashes = 'allowed';
  afterAll(() => pair.remove());

  async function each(
    name: string,
    words: (map: CrushMap, roll: Dice) => string[],
    shape: CrushMapShape = {},
  ): Promise<void> {
    for (let seed = 1; seed <= SEEDS; seed++) {
      const roll = dice(seed * 7919 + name.length);
      const map = randomCrushMap(roll, shape);
      pair.write('map', encodeCrushMap(map));
      const line = words(map, roll);
      await pair.expectSame(line.join(' '), `${name}, seed ${seed}: ${line.join(' ')}`);
    }
  }

  it('tests', () => each('test', (map, roll) => ['-i', '@map', ...testWords(map, roll)]));
  it('shows', () =>
    each(
      'show',
      (_map, roll) => [
        '-i',
        '@map',
        ...some(roll, 2, ['--tree'], ['--dump', '-f', pick(roll, 'json', 'xml', 'html')]),
        '--check',
        String(roll(40)),
        '--show-location',
        String(roll(20)),
      ],
      { textual: true },
    ));
  it('builds', () => each('build', (_, roll) => buildWords(roll)));
  it('reclassifies', () =>
    each('reclassify', (map, roll) => ['-i', '@map', ...reclassifyWords(map, roll)], {
      textual: true,
      chooseArgs: false,
      // Where devices in uniform buckets get a class, Ceph fails for want of a shadow; we make one.
      algs: [BUCKET_ALG.STRAW2, BUCKET_ALG.STRAW, BUCKET_ALG.LIST],
    }));
});
