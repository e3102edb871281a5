import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { runOsdmaptool } from '../../src/cli/osdmaptool/index.ts';
import { type CrushTunables, decodeCrushMap, encodeCrushMap } from '../../src/crush/index.ts';
import {
  type Incremental,
  OSD_STATE,
  OSDMAP_FLAG,
  OSDMap,
  type PgPool,
  POOL_FLAG,
} from '../../src/maps/index.ts';
import { builtMap, nextMap, overrides } from '../support/built-osdmap.ts';
import { toolsMissing } from '../support/interop.ts';
import { ToolPair } from '../support/tool-pair.ts';

/** A map without the time it was made, after its bytes were found to be what our encoder makes of them. */
function sameFile(bytes: Uint8Array): unknown {
  let map: OSDMap;
  try {
    map = OSDMap.decode(bytes);
  } catch {
    return Buffer.from(bytes).toString('latin1');
  }
  expect(map.encode().equals(bytes)).toBe(true);
  const { created: _created, modified, ...data } = map.data;
  return { ...data, hasModified: modified.sec > 0 };
}

const skip = toolsMissing('osdmaptool');
const CONF = `[global]
osd pool default size = 3
[osd]
room = hall
[osd.0]
host = a
rack = r1
[osd.10]
host = b
row = w
[osd.2]
[osd.x]
host = f
[osd.3]
host = a
rack = r1
`;
const CONF_2 = `[global]
osd pool default size = 5
osd pool default min size = 4
osd crush chooseleaf type = 0
osd pool default pg autoscale mode = warn
osd pool default flag hashpspool = false
osd pool default flag nodelete = true
[osd.0]
host = h1
[osd.1]
host = h2
`;

/** Scripts: the lines of each run one after the other on the same files. */
const SCRIPTS: Record<string, string[]> = {
  'make and show': [
    '--createsimple 3 @om --with-default-pool',
    '--print @om',
    '-p @om',
    '--dump json @om',
    '--dump json-pretty @om',
    '--dump plain @om',
    '--dump nonsense @om',
    '--print --dump json @om',
    '--tree=plain @om',
    '--tree=json @om',
    '--tree=json-pretty @om',
    '@om --tree',
    '--print --tree plain @om',
    '--createsimple 3 @om',
    '--createsimple 5 @om --clobber --print',
    '--createsimple 200 @big --pg_bits 4 --pgp-bits 2 --with-default-pool',
    '--print @big',
    '--createsimple 7 @odd --osd-pg-bits 3 --osd_pgp_bits 9 --with_default_pool --print',
    '--clobber --print @blank',
    '--clobber --import-crush @none @blank',
  ],
  'make from a configuration': [
    '-c @conf --create-from-conf @om --with-default-pool --pg_bits 1 --pgp_bits 3',
    '--print --tree=plain @om',
    '-c @conf2 --create-from-conf --with-default-pool @two --print',
    '@two --tree=json-pretty',
    '-c @conf2 --createsimple 4 --with-default-pool @three --print',
    '--create-from-conf @none --print',
    '--tree=plain @none',
    '--createsimple 2 @four --osd_pool_default_size 2 --osd-crush-chooseleaf-type 0 --with-default-pool --print',
  ],
  'refuse bad words': [
    '',
    '--print',
    '@a @b',
    '@nosuch',
    '--print @nosuch',
    '--print .',
    '--createsimple 0 @y',
    '--createsimple -1 @y',
    '--createsimple x @y',
    '@y --createsimple',
    '@y --createsimple 3 --pg_bits q',
    '@y --upmap-deviation 0 --upmap -',
    '--print @bad',
    '--print @empty',
    '--createsimple 3 @om',
    '@om',
    '@om --save',
    '@om --mark-up-in',
    '@om --clear-temp --clean-temps',
    '@om --mark-up 1x --print',
    '@om --mark-out 77 --print',
    '@om --mark-out 1 --print',
    '@om --mark-up 1.9 --mark-out 0 --tree=plain',
    '@om --test-map-object foo',
    '@om --test-map-object foo --pool',
    '@om --test-map-object foo --pool bar',
    '@om --test-map-object foo --pool 123',
    '@om --test-map-pgs --pool 123',
    '@om --test-map-pg x',
    '@om --test-map-pg 1.0',
    '@om --pg_num x --test-map-pgs',
    '@om --test-map-pgs --pg_num',
    '@om --adjust-crush-weight 0',
    '@om --import-crush @nosuch',
    '@om --export-crush @nosuch/x',
    '@om --range-first 0 --range-last 1',
    '@om --upmap - --upmap-pool nope',
    '@om --upmap @nosuch/x',
    '@om -- --print',
  ],
  'weigh, export and import': [
    '--createsimple 4 @om --with-default-pool',
    '@om --adjust-crush-weight 0:3',
    '@om --adjust-crush-weight 0:3,1:2.5 --save',
    '@om --adjust-crush-weight 9:3 --save',
    '@om --adjust-crush-weight 2:0 --mark-up-in --tree=plain',
    '@om --export-crush @crush',
    '@om --import-crush @crush',
    '@om --print --tree=plain',
    '--createsimple 2 @small',
    '@small --import-crush @crush',
    '--clobber @blank --export-crush @nothing',
    '--clobber @blank --import-crush @nothing',
    '@blank --dump json-pretty',
    '--range-first 1 --range-last 2 @.',
  ],
  'map pgs': [
    '--createsimple 12 @om --with-default-pool --osd_crush_chooseleaf_type 0',
    '@om --test-map-pgs',
    '@om --test-map-pgs-dump',
    '@om --mark-up-in --test-map-pgs',
    '@om --mark-up-in --test-map-pgs --pool 1',
    '@om --mark-up-in --test-map-pgs-dump',
    '@om --mark-up-in --test-map-pgs-dump-all',
    '@om --mark-up-in --mark-out 3 --test-map-pgs-dump-all',
    '@om --mark-up-in --adjust-crush-weight 3:0.3,5:0 --test-map-pgs',
    '@om --mark-up-in --test-map-pg 1.2f',
    '@om --mark-up-in --test-map-pg 1.fff',
    '@om --mark-up-in --test-map-object foo',
    '@om --mark-up-in --test-map-object bar --pool 1',
    '@om --mark-up-in --pg_num 16 --test-map-pgs',
    '@om --pg_num 16 --test-map-pgs --adjust-crush-weight 0:2 --save',
    '@om --print',
  ],
};

describe.skipIf(skip !== undefined)('osdmaptool', () => {
  const pairs: ToolPair[] = [];
  afterAll(() => {
    for (const pair of pairs) pair.remove();
  });
  const pair = (): ToolPair => {
    const made = new ToolPair('osdmaptool', runOsdmaptool, sameFile);
    pairs.push(made);
    made.write('conf', CONF);
    made.write('conf2', CONF_2);
    return made;
  };

  it.each(Object.entries(SCRIPTS))('%s', async (_name, lines) => {
    const both = pair();
    both.write('bad', Buffer.alloc(100, 8));
    both.write('empty', '');
    for (const line of lines) await both.expectSame(line);
  });

  /** What a look at a map can show. */
  const LOOKS = [
    '--print',
    '--dump json-pretty',
    '--tree=plain',
    '--tree=json-pretty',
    '--health',
    '--test-map-pgs-dump-all',
    '--test-map-pgs --mark-up-in',
    '--upmap-cleanup -',
    '--export-crush @crush',
    '--import-crush @crush',
    '--clear-temp --clean-temps --mark-out 1 --adjust-crush-weight 0:1 --save --print',
  ];

  it.each(['full.23', 'full.60', 'full.90', 'full.126'])('a real cluster, %s', async (name) => {
    const both = pair();
    const golden = new URL(`../golden/maps/live/${name}`, import.meta.url);
    both.write('om', readFileSync(golden));
    for (const look of LOOKS) await both.expectSame(`@om ${look}`);
  });

  it('maps with overrides at random', async () => {
    const both = pair();
    const base = builtMap();
    for (const patch of fc.sample(overrides, { numRuns: 6, seed: 3 })) {
      both.write('om', nextMap(base, patch).encode());
      for (const look of LOOKS) await both.expectSame(`@om ${look}`);
    }
  });

  it('maps that are not well', async () => {
    const both = pair();
    const base = builtMap();
    const pool = (change: Partial<PgPool>) => new Map([[1, { ...base.pool(1)!, ...change }]]);
    const tunables = (change: Partial<CrushTunables>) => {
      const crush = decodeCrushMap(base.data.crush);
      return encodeCrushMap({ ...crush, tunables: { ...crush.tunables, ...change } });
    };
    const ills: Partial<Incremental>[] = [
      { newFullRatio: 0.5, newBackfillfullRatio: 0.625, newNearfullRatio: 0.75 },
      { newFullRatio: 0.99 },
      { newFlags: base.data.flags | 0x7ffc },
      { newFlags: base.data.flags & ~OSDMAP_FLAG.sortbitwise },
      { newFlags: base.data.flags | OSDMAP_FLAG.nosnaptrim | OSDMAP_FLAG.notieragent },
      { newState: new Map(Object.values(OSD_STATE).map((bits, osd) => [osd % 8, bits])) },
      {
        newState: new Map([0, 1, 2, 3, 4, 5, 6, 7].map((osd) => [osd, OSD_STATE.up])),
        newWeight: new Map([[7, 0]]),
      },
      { crush: tunables({ strawCalcVersion: 0 }) },
      { newPools: pool({ cacheMode: 1, size: 1, pgNumTarget: 12, flags: 0x1903 }) },
      { newPools: pool({ flags: POOL_FLAG.full | POOL_FLAG.full_quota | POOL_FLAG.nearfull }) },
      { newPools: pool({ flags: POOL_FLAG.backfillfull | POOL_FLAG['nodeep-scrub'] }) },
    ];
    // What every OSD of a release says it can do.
    const able = (bits: bigint) =>
      new Map(base.osds().map((osd) => [osd, { ...base.data.osdXInfo.at(osd)!, features: bits }]));
    const pacific = 0x3f01cfbdfffdffffn;
    const without = (...bits: bigint[]) => bits.reduce((left, bit) => left & ~(1n << bit), pacific);
    for (const [bits, release] of [
      [pacific, 12],
      [pacific, 15],
      [without(20n), 14],
      [without(20n), 15],
      [without(20n, 16n), 13],
      [without(20n, 16n, 2n), 12],
      [(1n << 21n) | (1n << 57n), 10],
    ] as const) {
      ills.push({ newXinfo: able(bits), newRequireOsdRelease: release });
    }
    for (const ill of ills) {
      both.write('om', nextMap(base, ill).encode());
      await both.expectSame('@om --health --print');
    }
  });

  /** How far the PGs of pool 1 are from each OSD's share by weight: the farthest. */
  function farthest(text: string): number {
    const rows = text.split('\n').flatMap((line) => {
      const [osd = '', count, , , crushWeight, weight] = line.split('\t');
      if (!osd.startsWith('osd.')) return [];
      return [{ count: Number(count), weight: Number(crushWeight) * Number(weight) }];
    });
    const total = rows.reduce((sum, row) => sum + row.count, 0);
    const weight = rows.reduce((sum, row) => sum + row.weight, 0);
    return Math.max(...rows.map((row) => Math.abs(row.count - (total * row.weight) / weight)));
  }

  it.each(['straw36', 'classes47', 'cargs24'])('evens out %s as well', async (name) => {
    const both = pair();
    both.write('om', readFileSync(new URL(`../golden/maps/syn/${name}`, import.meta.url)));
    const line = '@om --mark-up-in --upmap - --upmap-deviation 1 --upmap-max 500 --save';
    const real = both.runReal(line);
    const ours = await both.runOurs(line);
    const frame = (text: string): string[] =>
      text
        .replace(/prepared \d+/, 'prepared N')
        .split('\n')
        .filter((l) => !/^ceph osd |writing/.test(l));
    expect(frame(ours.stdout)).toEqual(frame(real.stdout));
    expect(ours.stdout).toMatch(/^ceph osd (rm-)?pg-upmap-items 1\.[0-9a-f]+( \d+ \d+)*$/m);
    const counts = '@om --test-map-pgs --pool 1';
    const reached = farthest(both.runReal(counts, both.ours).stdout);
    expect(reached).toBeLessThanOrEqual(Math.max(1, farthest(both.runReal(counts).stdout)));
    // The real tool finds no fault with the result.
    const check = both.runReal('@om --upmap-cleanup -', both.ours);
    expect(check.stdout).toBe('checking for upmap cleanups\n');
  });

  it('finds nothing to even out', async () => {
    const both = pair();
    both.write('om', builtMap().encode());
    for (const line of [
      '@om --upmap - --upmap-deviation 100 --upmap-pool alpha',
      '@om --upmap @out --upmap-deviation 100 --upmap-pool beta',
      '@om --upmap - --upmap-pool nope',
      '--clobber @none --upmap -',
    ]) {
      await both.expectSame(line);
    }
    const { stdout } = await both.runOurs('@om --upmap - --upmap-active --upmap-deviation 100');
    expect(stdout).toMatch(/^osd\.7 pgs \d+\nTotal time elapsed [\d.e-]+ secs, 0 rounds$/m);
  });
});
