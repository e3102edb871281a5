// `sepiola crush plan|balance|grow`: what is printed, drawn, written and refused.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { XMLValidator } from 'fast-xml-parser';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { checkPgUpmaps, distribution, edited, GrowingTree } from '../src/balancer/index.ts';
import { crushTool } from '../src/cli/crush-plan/crush.ts';
import { crushDocumentToXml } from '../src/cli/crushtool/xml.ts';
import { UsageError } from '../src/cli/usage.ts';
import {
  crushMapToDocument,
  decodeCrushMap,
  decompileCrushMap,
  encodeCrushMap,
} from '../src/crush/index.ts';
import { CephError } from '../src/errors/index.ts';
import { OSD_STATE, OSDMap } from '../src/maps/index.ts';
import { clusterOf, regular } from './support/balancer-maps.ts';
import { tempFolder } from './support/temp-folder.ts';

let dir = '';
const file = (name: string): string => join(dir, name);
let out = '';
let err = '';

/** Runs the words; what they print is in `out` and `err`. */
async function run(...words: string[]): Promise<number> {
  out = '';
  err = '';
  return crushTool.run(words);
}
async function json(...words: string[]): Promise<Record<string, never>> {
  expect(await run(...words, '--format', 'json')).toBe(0);
  return JSON.parse(out) as Record<string, never>;
}
/** The errno and message of a refusal. */
async function refusal(...words: string[]): Promise<[number, string]> {
  try {
    await run(...words);
  } catch (e) {
    if (e instanceof UsageError) return [22, e.message];
    if (e instanceof CephError) return [e.errno, e.message];
    return [Math.abs((e as NodeJS.ErrnoException).errno ?? 0), (e as Error).message];
  }
  throw new Error(`not refused: ${words.join(' ')}`);
}

beforeAll(() => {
  dir = tempFolder('plan');
  const map = clusterOf(regular(3, 3, 4), 256);
  writeFileSync(file('om'), map.encode());
  writeFileSync(
    file('down'),
    edited(map, { newState: new Map([0, 12, 24].map((id) => [id, OSD_STATE.up])) }).encode(),
  );
  const tree = new GrowingTree({
    levels: [
      { type: 'host', count: 8 },
      { type: 'osd', count: 4 },
    ],
  });
  writeFileSync(file('small'), encodeCrushMap(tree.map));
  tree.add('host', 2);
  writeFileSync(file('large'), encodeCrushMap(tree.map));
  writeFileSync(file('large.txt'), decompileCrushMap(tree.map));
  const document = crushMapToDocument(tree.map);
  writeFileSync(file('large.json'), JSON.stringify(document));
  writeFileSync(file('large.xml'), crushDocumentToXml(document));
  writeFileSync(file('cut.json'), JSON.stringify(document).slice(0, -1));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));
beforeEach(() => {
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += text;
    return true;
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('plan', () => {
  test('two CRUSH maps, in any of their forms, with the pool described', async () => {
    const words = ['plan', file('small'), file('large'), '--pg-num', '1024', '--bytes', '3T'];
    expect(await run(...words)).toBe(0);
    expect(out).toMatch(/^\d+ of 3072 shards move \(\d\d\.\d%\), of \d+ PGs\n/);
    expect(out).toMatch(/^POOL +PGS +PGS-MOVED /m);
    expect(out).toMatch(/^pool +1024 +\d+ +3072 /m);
    expect(out).toMatch(/^old +32 +3072 +96\.00 /m);
    expect(out).toMatch(/^new +40 +3072 +76\.80 /m);
    expect(out).toMatch(/TiB to copy in about/);
    const binary = out;
    for (const form of ['txt', 'json', 'xml']) {
      words[2] = file(`large.${form}`);
      expect(await run(...words)).toBe(0);
      expect(out).toBe(binary);
    }
    expect(err).toBe('');
    words[2] = file('cut.json');
    await expect(run(...words)).rejects.toThrow(/cut\.json: .*JSON/);
  });

  test('as JSON, with numbers that agree with each other', async () => {
    const p = await json('plan', file('small'), file('large'), '--pg-num', '1024', '--top', '3');
    expect(p).toMatchObject({
      total: { pgs: 1024, shards: 3072, bytes_moved: 0, pgs_lost: 0 },
      pools: [{ id: 1, name: 'pool' }],
      spread: { old: { devices: 32 }, new: { devices: 40 } },
    });
    const { total, moved_ratio, over_optimum, devices } = p as unknown as {
      total: { shards_moved: number; shards_least: number };
      moved_ratio: number;
      over_optimum: number;
      devices: { osd: number; shards_in: number }[];
    };
    expect(moved_ratio).toBeCloseTo(total.shards_moved / 3072, 12);
    expect(over_optimum).toBeCloseTo(total.shards_moved / total.shards_least, 12);
    expect(devices.length).toBe(3);
    expect(devices.every((d) => d.osd >= 32 && d.shards_in > 0)).toBe(true);
  });

  test('a CRUSH map beside an OSDMap stands for that map with another tree', async () => {
    const osdmap = OSDMap.decode(readFileSync(file('om')));
    writeFileSync(file('tree'), encodeCrushMap(osdmap.crushMap));
    const same = await json('plan', file('om'), file('tree'));
    expect(same).toMatchObject({ total: { shards_moved: 0, pgs: 1024 } });
    const back = await json('plan', file('tree'), file('om'));
    expect(back).toMatchObject({ total: { shards_moved: 0 } });
  });

  test('sizes come from a pg dump', async () => {
    const pg = (pgid: string, bytes: number) => ({
      pgid,
      stat_sum: { num_objects: 1, num_bytes: bytes },
    });
    const dump = { pg_map: { pg_stats: [pg('1.0', 1000), pg('1.ff', 24), pg('3.1', 500)] } };
    writeFileSync(file('dump'), JSON.stringify(dump));
    const p = await json('plan', file('om'), file('om'), '--pg-dump', file('dump'));
    // Three copies of pool 1, four halves of pool 3.
    expect(p).toMatchObject({ total: { bytes: 3 * 1024 + 4 * 250 } });
  });

  test('dangers are told first', async () => {
    expect(await run('plan', file('om'), file('down'))).toBe(0);
    expect(out).toMatch(/^WARNING: \d+ PGs would be below min_size and not serve$/m);
    expect(out).toMatch(/^WARNING: \d+ PGs would have fewer devices than they should$/m);
    expect(out).toContain('no sizes known');
  });

  test('a picture is sound XML, with title, unit and legend, and small for any cluster', async () => {
    const tree = new GrowingTree({
      levels: [
        { type: 'rack', count: 20 },
        { type: 'host', count: 25 },
        { type: 'osd', count: 20 },
      ],
    });
    writeFileSync(file('huge<&>'), encodeCrushMap(tree.map));
    for (const [name, groups] of [
      ['om', /per device/],
      ['huge<&>', /per rack/],
    ] as const) {
      const words = ['plan', file(name), file(name === 'om' ? 'down' : name), '--svg', file('svg')];
      if (name !== 'om') words.push('--pg-num', '8192', '--bytes', '1P');
      expect(await run(...words)).toBe(0);
      const svg = readFileSync(file('svg'), 'utf8');
      expect(XMLValidator.validate(svg)).toBe(true);
      expect(svg).toMatch(groups);
      expect(svg).toContain('old map</text>');
      expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      expect(svg.length).toBeLessThan(60_000);
    }
  });

  test('refuses what it cannot use, in one line', async () => {
    writeFileSync(file('junk'), Buffer.from([8, 7, 255, 0, 0, 0, 1, 2, 3]));
    writeFileSync(file('words'), 'this is no map\n');
    const om = file('om');
    const cases: [string[], number, RegExp][] = [
      [[om], 22, /missing NEW; usage: sepiola crush plan OLD NEW$/],
      [[om, om, 'more'], 22, /unexpected word 'more'/],
      [[om, file('none')], 2, /no such file/],
      [[om, file('junk')], 22, /neither an OSDMap nor a CRUSH map/],
      [[om, file('words')], 22, /words:1 error/],
      [[om, om, '--pg-num', '8'], 22, /--pg-num is for a CRUSH map alone/],
      [[om, om, '--bytes', 'many'], 22, /--bytes takes a size such as 500G, not 'many'/],
      [[om, om, '--read', '0'], 22, /--read takes more than nothing/],
      [[om, om, '--format', 'xml'], 22, /--format takes plain or json/],
      [[om, om, '--pg-dump', om], 22, /is no JSON$/],
      [[om, om, '--pg-dump', om, '--bytes', '1'], 22, /stands in for --pg-dump/],
      [[om, om, '--nonsense'], 22, /Unknown option/],
      [[file('small'), file('large'), '--rule', 'x'], 2, /has no rule x$/],
      [[file('small'), file('large'), '--size', '11'], 22, /serves sizes 1 to 10, not 11/],
      [[file('small'), file('large'), '--data-shards', '4'], 22, /--data-shards 4 of 3 shards/],
      [[om, om, '--svg', file('no/dir')], 2, /no such file/],
    ];
    writeFileSync(file('empty'), '{}');
    cases.push([[om, om, '--pg-dump', file('empty')], 22, /is not what 'ceph pg dump/]);
    for (const [words, errno, message] of cases) {
      const [gotErrno, gotMessage] = await refusal('plan', ...words);
      expect([words, gotErrno]).toEqual([words, errno]);
      expect(gotMessage).toMatch(message);
      expect(gotMessage).not.toContain('\n');
    }
  });
});

describe('balance', () => {
  test('prints a script whose commands are the whole proposal', async () => {
    expect(await run('balance', file('om'), '-o', file('balanced'), '--bytes', '1T')).toBe(0);
    const lines = out.trimEnd().split('\n');
    const commands = lines.filter((line) => !line.startsWith('#'));
    const next = OSDMap.decode(readFileSync(file('balanced')));
    expect(commands.length).toBe(next.data.pgUpmapItems.size);
    for (const command of commands) {
      const [, pgid, pairs] = /^ceph osd pg-upmap-items (\S+) ([\d ]+)$/.exec(command)!;
      expect(next.data.pgUpmapItems.get(pgid!)!.flat().join(' ')).toBe(pairs);
    }
    expect(lines[0]).toMatch(
      new RegExp(`^# commands: ${commands.length}; shards that move: \\d+ .* GiB in about`),
    );
    expect(checkPgUpmaps(next)).toEqual({ cancel: [], replace: new Map() });
    expect(distribution(next).summary.maxDeviation).toBeLessThan(5);
    expect(await run('balance', file('balanced'))).toBe(0);
    expect(out).toMatch(/^# nothing to do$/m);
  });

  test('keeps to the pools and the number asked for', async () => {
    const p = await json('balance', file('om'), '--pool', 'p2,p3', '--max', '7');
    const upmaps = (p as unknown as { upmaps: { pgid: string }[] }).upmaps;
    expect(upmaps.length).toBe(7);
    expect(upmaps.every(({ pgid }) => /^[23]\./.test(pgid))).toBe(true);
  });

  test('a weight set reads back from its commands as it is in the map', async () => {
    const words = ['balance', file('small'), '--mode', 'weight-set', '--pg-num', '512'];
    expect(await run(...words, '-o', file('weighed'))).toBe(0);
    const args = decodeCrushMap(readFileSync(file('weighed'))).chooseArgs.get(-1)!;
    const commands = out.split('\n').filter((line) => line.includes('reweight-compat'));
    expect(out).toContain('\nceph osd crush weight-set create-compat\n');
    expect(commands.length).toBeGreaterThan(20);
    for (const command of commands) {
      const [, osd, weight] = /reweight-compat osd\.(\d+) ([\d.]+)$/.exec(command)!;
      const read = Math.trunc(Math.fround(Number(weight)) * 0x10000);
      const held = [...args.values()].some((arg) => arg.weightSets[0]!.includes(read));
      expect([osd, held]).toEqual([osd, true]);
    }
  });

  test('refuses what it cannot use', async () => {
    expect(await refusal('balance', file('small'))).toEqual([
      22,
      `${file('small')} is a CRUSH map; upmaps stand in an OSDMap`,
    ]);
    expect(await refusal('balance', file('om'), '--pool', 'nil')).toEqual([2, 'no pool nil']);
    expect((await refusal('balance', file('om'), '--mode', 'x'))[0]).toBe(22);
    expect((await refusal('balance', file('om'), '--deviation', '0.5'))[1]).toMatch(
      /--deviation takes a number from 1 to/,
    );
  });
});

describe('grow', () => {
  test('one line per step, and the picture of it', async () => {
    const steps = '+1rack,+2hosts,-1host,osd*2,-1rack';
    const words = ['grow', 'racks=4,hosts=3,osds=4', '--steps', steps, '--pg-num', '512'];
    expect(await run(...words, '--bytes', '10T', '--svg', file('svg'))).toBe(0);
    const [head, ...rows] = out.trimEnd().split('\n');
    expect(head).toMatch(/^STEP +DEVICES .* US\/MAPPING$/);
    expect(rows.map((row) => row.split(/ +/).slice(0, 2))).toEqual([
      ['start', '48'],
      ['+1rack', '60'],
      ['+2hosts', '68'],
      ['-1host', '64'],
      ['osd*2', '64'],
      ['-1rack', expect.stringMatching(/^(48|52)$/)],
    ]);
    const svg = readFileSync(file('svg'), 'utf8');
    expect(XMLValidator.validate(svg)).toBe(true);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
    expect(svg).toContain('+2hosts</text>');
  });

  test('erasure codes and classes, as JSON', async () => {
    const words = ['grow', 'host=8,osd=4', '--erasure', '--size', '6', '--data-shards', '4'];
    words.push('--classes', 'hdd,ssd', '--class', 'ssd', '--pg-num', '128', '--steps=-1host');
    const stages = (await json(...words, '--bytes', '4G')) as unknown as {
      step: string;
      spread: { devices: number };
      movement: { total: { bytes: number } } | null;
    }[];
    expect(stages.map((s) => [s.step, s.spread.devices])).toEqual([
      ['start', 16],
      ['-1host', 14],
    ]);
    expect(stages[0]!.movement).toBeNull();
    expect(stages[1]!.movement!.total.bytes).toBeCloseTo(6 * 2 ** 30, -3);
  });

  test('refuses what it cannot use, in one line', async () => {
    const cases: [string[], number, RegExp][] = [
      [['rack:3'], 22, /a tree is written as rack=25,host=20,osd=20, not 'rack:3'/],
      [['host=2,osd=0'], 22, /not 'osd=0'/],
      [['osd=2,host=2'], 22, /host is no part of osd/],
      [['host=9999,osd=9999'], 7, /at most 4000000/],
      [['host=3,osd=3', '--steps', 'grow'], 22, /a step is written as/],
      [['host=3,osd=3', '--steps', '-9host'], 22, /ambiguous/],
      [['host=3,osd=3', '--steps=-9host'], 22, /no host is left to remove/],
      [['host=3,osd=3', '--weights', '1,x'], 22, /--weights takes numbers/],
      [['host=3,osd=3', '--failure-domain', 'x'], 22, /unknown type x/],
    ];
    for (const [words, errno, message] of cases) {
      const [gotErrno, gotMessage] = await refusal('grow', ...words);
      expect([words, gotErrno]).toEqual([words, errno]);
      expect(gotMessage).toMatch(message);
      expect(gotMessage).not.toContain('\n');
    }
  });
});

describe('words', () => {
  test('help is printed for all and for each', async () => {
    expect(await run('--help')).toBe(0);
    expect(out).toMatch(/^ {2}crush plan OLD NEW$/m);
    for (const word of ['plan', 'balance', 'grow']) {
      expect(await run(word, '--help')).toBe(0);
      expect(out).toContain(`usage: sepiola crush ${word} `);
    }
  });

  test('none, or an unknown one, is a mistake', async () => {
    expect(await run()).toBe(22);
    expect(err).toContain('usage: sepiola crush WORD');
    expect(await refusal('constructor')).toEqual([22, expect.stringMatching(/unknown word/)]);
  });
});
