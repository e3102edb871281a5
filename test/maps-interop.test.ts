import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encodeToBytes } from '../src/codec/index.ts';
import { CRUSH_ITEM_NONE } from '../src/crush/index.ts';
import { MonMap, newMonMap, OSDMAP_FLAG, type OSDMap } from '../src/maps/index.ts';
import { ADDR, formatPgId, parsePgId } from '../src/wire/index.ts';
import { builtMap, FSID, nextMap, overrides } from './support/built-osdmap.ts';
import { toolsMissing } from './support/interop.ts';
import { tempFolder } from './support/temp-folder.ts';

const missing = toolsMissing('osdmaptool', 'monmaptool');
const suite = describe.skipIf(missing !== undefined);
suite(`maps built here, for real tools${missing ? ` (skipped: ${missing})` : ''}`, () => {
  let dir = '';
  beforeAll(() => {
    dir = tempFolder('maps');
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
    const map = nextMap(builtMap(), { newFlags: builtMap().data.flags | OSDMAP_FLAG.noout });
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
    const text = tool('osdmaptool', builtMap().encode(), '--test-map-pgs');
    expect(text).toMatch(/^pool 1 pg_num 32$/m);
    expect(text).toMatch(/^size 3\t32$/m);
    expect(text).toMatch(/^size 5\t32$/m);
  });

  test('with overrides at random, we place every PG where osdmaptool does', () => {
    const base = builtMap();
    fc.assert(
      fc.property(overrides, (patch) => {
        const map = nextMap(base, patch);
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
    const stamp = { sec: 1_700_000_000, nsec: 0 };
    const map = newMonMap({ fsid: FSID, epoch: 1, stamp, mons: [{ name: 'a', addrs }] });
    const text = tool('monmaptool', encodeToBytes(MonMap, map), '--print');
    expect(text).toContain(`epoch 1\nfsid ${FSID}\n`);
    expect(text).toMatch(/^min_mon_release 16 \(pacific\)$/m);
    expect(text).toMatch(/^0: v2:127\.0\.0\.1:3300\/0 mon\.a$/m);
  });
});
