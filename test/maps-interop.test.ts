import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeToBytes } from '../src/codec/index.ts';
import {
  addSimpleRule,
  CRUSH_ITEM_NONE,
  createDefaultCrushMap,
  encodeCrushMap,
} from '../src/crush/index.ts';
import {
  emptyIncremental,
  firstOSDMap,
  type Incremental,
  MonMap,
  newMonMap,
  newPgPool,
  OSD_STATE,
  OSDMAP_FLAG,
  OSDMap,
  POOL_OPTION,
  POOL_TYPE,
  WEIGHT_ONE,
} from '../src/maps/index.ts';
import { ADDR, formatPgId, parsePgId } from '../src/wire/index.ts';
import { toolsMissing } from './support/interop.ts';

const missing = toolsMissing('osdmaptool', 'monmaptool');
const suite = describe.skipIf(missing !== undefined);
const FSID = '11111111-2222-3333-4444-555555555555';
const OSDS = 8;
const ids = Array.from({ length: OSDS }, (_, id) => id);
const stamp = { sec: 1_700_000_000, nsec: 0 };

function next(map: OSDMap, patch: Partial<Incremental>): OSDMap {
  const of = { fsid: FSID, epoch: map.epoch + 1, modified: stamp };
  return map.applyIncremental({ ...emptyIncremental(of), ...patch });
}

/** Eight OSDs on four hosts; a replicated and an erasure-coded pool. */
function built(): OSDMap {
  const crush = createDefaultCrushMap({
    failureDomain: 'osd',
    osds: ids.map((id) => ({
      id,
      weight: 1 + (id % 3),
      loc: { root: 'default', host: `h${id >> 1}` },
    })),
  });
  const ecRule = addSimpleRule(crush, {
    name: 'ec',
    root: 'default',
    failureDomain: 'osd',
    mode: 'indep',
    type: POOL_TYPE.erasure,
  });
  const addrs = (base: number) =>
    new Map(
      ids.map((id) => [id, [{ type: ADDR.msgr2, nonce: 1, host: '127.0.0.1', port: base + id }]]),
    );
  const pool = { minSize: 2, pgNum: 32, createTime: stamp };
  const replicated = newPgPool({ ...pool, type: POOL_TYPE.replicated, size: 3, crushRule: 0 });
  replicated.pgpNum = 24;
  replicated.applicationMetadata.set('rbd', new Map([['k', 'v']]));
  replicated.options.values.set(POOL_OPTION.pg_num_min.key, 4n);
  replicated.options.values.set(POOL_OPTION.compression_mode.key, 'none');
  replicated.quotaMaxObjects = 1000n;
  const erasure = newPgPool({ ...pool, type: POOL_TYPE.erasure, size: 5, crushRule: ecRule });
  erasure.erasureCodeProfile = 'default';
  const first = firstOSDMap({ fsid: FSID, stamp, crush: createDefaultCrushMap() });
  const empty = next(new OSDMap(first), {
    crush: encodeCrushMap(crush),
    newMaxOsd: OSDS,
    newPoolMax: 2,
    newPools: new Map([
      [1, replicated],
      [2, erasure],
    ]),
    newPoolNames: new Map([
      [1, 'alpha'],
      [2, 'beta'],
    ]),
  });
  return next(empty, {
    newUpClient: addrs(6800),
    newUpCluster: addrs(6900),
    newHbBackUp: addrs(7000),
    newHbFrontUp: addrs(7100),
    newUuid: new Map(
      ids.map((id) => [id, `99999999-2222-3333-4444-${String(id).padStart(12, '0')}`]),
    ),
    newWeight: new Map(ids.map((id) => [id, WEIGHT_ONE])),
  });
}

/** Overrides of every kind at random, some of them foolish. */
const overrides: fc.Arbitrary<Partial<Incremental>> = (() => {
  const osd = fc.integer({ min: 0, max: OSDS - 1 });
  const pg = fc
    .record({ pool: fc.constantFrom(1, 2), seed: fc.nat({ max: 31 }) })
    .map((pgid) => formatPgId(pgid));
  const sizeOf = (key: string): number => (key.startsWith('1.') ? 3 : 5);
  const asMap = <V>(entries: [string, V][]): Map<string, V> => new Map(entries);
  const lists = fc
    .array(fc.tuple(pg, fc.uniqueArray(osd, { minLength: 5, maxLength: 5 })), { maxLength: 12 })
    .map((entries) => asMap(entries.map(([key, list]) => [key, list.slice(0, sizeOf(key))])));
  const perOsd = (value: fc.Arbitrary<number>) =>
    fc.array(fc.tuple(osd, value), { maxLength: 4 }).map((entries) => new Map(entries));
  return fc.record({
    newPgTemp: lists,
    newPgUpmap: lists,
    newPrimaryTemp: fc.array(fc.tuple(pg, osd), { maxLength: 6 }).map(asMap),
    newPgUpmapItems: fc
      .array(fc.tuple(pg, fc.array(fc.tuple(osd, osd), { minLength: 1, maxLength: 3 })), {
        maxLength: 12,
      })
      .map(asMap),
    newPrimaryAffinity: perOsd(fc.integer({ min: 0, max: WEIGHT_ONE })),
    newWeight: perOsd(fc.constantFrom(0, 0x4000, 0xc000, WEIGHT_ONE)),
    newState: perOsd(fc.constantFrom(OSD_STATE.up, OSD_STATE.exists)),
  });
})();

suite(`maps built here, for real tools${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let dir = '';
  beforeAll(() => {
    dir = mkdtempSync(join(tmpdir(), 'sepiola-maps-'));
  });
  afterAll(() => rmSync(dir, { recursive: true, force: true }));

  function tool(name: string, bytes: Uint8Array, ...args: string[]): string {
    const file = join(dir, 'map');
    writeFileSync(file, bytes);
    return execFileSync(name, [file, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  }

  test('osdmaptool prints our map', () => {
    const map = next(built(), { newFlags: built().data.flags | OSDMAP_FLAG.noout });
    const text = tool('osdmaptool', map.encode(), '--print');
    expect(text).toContain(`epoch ${map.epoch}\nfsid ${FSID}\n`);
    expect(text).toMatch(
      /^flags noout,sortbitwise,recovery_deletes,purged_snapdirs,pglog_hardlimit$/m,
    );
    expect(text).toMatch(
      /^pool 1 'alpha' replicated size 3 min_size 2 crush_rule 0 .* pg_num 32 pgp_num 24 /m,
    );
    expect(text).toMatch(
      /^pool 1 .* max_objects 1000 .*compression_mode none pg_num_min 4 application rbd$/m,
    );
    expect(text).toMatch(/^pool 2 'beta' erasure profile default size 5 /m);
    expect(text).toMatch(/^max_osd 8$/m);
    expect(text).toMatch(/^osd\.7 up {3}in {2}weight 1 up_from 3 .*127\.0\.0\.1:6807\/1/m);
  });

  test('osdmaptool maps all PGs of our map', () => {
    const text = tool('osdmaptool', built().encode(), '--test-map-pgs');
    expect(text).toMatch(/^pool 1 pg_num 32$/m);
    expect(text).toMatch(/^size 3\t32$/m);
    expect(text).toMatch(/^size 5\t32$/m);
  });

  test('with overrides at random, we place every PG where osdmaptool does', () => {
    const base = built();
    fc.assert(
      fc.property(overrides, (patch) => {
        const map = next(base, patch);
        const rows = tool('osdmaptool', map.encode(), '--test-map-pgs-dump-all')
          .split('\n')
          .filter((line) => / raw \(/.test(line));
        const ours = [...map.pgs()].map((pg) => rowOf(map, formatPgId(pg)));
        expect(ours).toEqual(rows);
      }),
      { numRuns: 40 },
    );
  });

  function rowOf(map: OSDMap, key: string): string {
    const pgid = parsePgId(key)!;
    const raw = map.pgToRaw(pgid);
    const { up, upPrimary, acting, actingPrimary } = map.pgToUpActing(pgid);
    const list = (osds: readonly number[], primary: number): string => `([${osds}], p${primary})`;
    const rawPrimary = raw.find((osd) => osd !== CRUSH_ITEM_NONE) ?? -1;
    return `${key} raw ${list(raw, rawPrimary)} up ${list(up, upPrimary)} acting ${list(acting, actingPrimary)}`;
  }

  test('monmaptool prints our monitor map', () => {
    const addrs = [{ type: ADDR.msgr2, nonce: 0, host: '127.0.0.1', port: 3300 }];
    const map = newMonMap({ fsid: FSID, epoch: 1, stamp, mons: [{ name: 'a', addrs }] });
    const text = tool('monmaptool', encodeToBytes(MonMap, map), '--print');
    expect(text).toContain(`epoch 1\nfsid ${FSID}\n`);
    expect(text).toMatch(/^min_mon_release 16 \(pacific\)$/m);
    expect(text).toMatch(/^0: v2:127\.0\.0\.1:3300\/0 mon\.a$/m);
  });
});
