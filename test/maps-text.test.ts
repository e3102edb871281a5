import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { formatValue } from '../src/codec/index.ts';
import {
  addMon,
  emptyMonMap,
  healthChecksJson,
  keepInitialMembers,
  MON_FEATURES_ALL,
  type MonMap,
  monFeatureNames,
  monMapText,
  OSDMap,
  osdHealthChecks,
  osdMapJson,
  osdMapText,
  osdTreeJson,
  osdTreeText,
  poolHealthChecks,
  releaseByName,
  removeMon,
} from '../src/maps/index.ts';
import { ADDR, type EntityAddr } from '../src/wire/index.ts';

const read = (path: string): Buffer => readFileSync(new URL(`golden/${path}`, import.meta.url));

// Texts printed by the real tool: see test/golden/maptools/README.md.
describe.each(['live/full.23', 'live/full.90', 'live/full.126', 'syn/classes47'])('%s', (path) => {
  const map = OSDMap.decode(read(`maps/${path}`));
  const text = (form: string): string => read(`maptools/${path.split('/')[1]}.${form}`).toString();

  it('prints as osdmaptool prints it', () => {
    expect(osdMapText(map, '\n')).toBe(text('print'));
  });
  it('is the same value as JSON', () => {
    expect(formatValue(osdMapJson(map), false)).toBe(text('dump'));
  });
  it('has the same tree', () => {
    expect(osdTreeText(map)).toBe(text('tree'));
    expect(`${formatValue(osdTreeJson(map), false)}\n`).toBe(text('tree-json'));
  });
  it('is well or ill alike', () => {
    const checks = [...osdHealthChecks(map), ...poolHealthChecks(map)];
    expect(`${formatValue(healthChecksJson(checks), true)}\n`).toBe(text('health'));
  });
});

describe('a monitor map', () => {
  const at = (host: string, port: number, type: number = ADDR.msgr2): EntityAddr => ({
    type,
    nonce: 0,
    host,
    port,
  });
  const empty = emptyMonMap({
    fsid: '11111111-2222-3333-4444-555555555555',
    stamp: { sec: 0, nsec: 0 },
  });
  const modern: MonMap = { ...empty, persistentFeatures: { bits: MON_FEATURES_ALL } };
  const grown = (map: MonMap): MonMap =>
    [
      { name: 'z', addrs: [at('1.1.1.1', 3300), at('1.1.1.1', 6789, ADDR.legacy)] },
      { name: 'y', addrs: [at('1.1.1.2', 99)] },
      { name: 'x', addrs: [at('1.1.1.0', 6789, ADDR.legacy)] },
    ].reduce(addMon, map);

  it('ranks by the address for old peers before Nautilus, by age since', () => {
    expect(grown(empty).ranks).toEqual(['x', 'z', 'y']);
    expect(grown(modern).ranks).toEqual(['z', 'y', 'x']);
  });

  it('remembers the ranks that were given up', () => {
    const left = removeMon(removeMon(grown(modern), 'x'), 'z');
    expect(left.ranks).toEqual(['y']);
    expect([...left.removedRanks]).toEqual([0, 2]);
    expect([...grown(modern).removedRanks]).toEqual([]);
  });

  it('keeps initial members, and a place for those it does not know', () => {
    const { map, removed } = keepInitialMembers(grown(modern), ['a', 'y', 'b']);
    expect(map.ranks).toEqual(['a', 'b', 'y']);
    expect(map.monInfo.get('b')!.publicAddrs).toEqual([
      { type: ADDR.legacy, nonce: 2, host: '0.0.0.0', port: 0 },
    ]);
    expect(removed.map((addrs) => addrs[0]!.host)).toEqual(['1.1.1.0', '1.1.1.1']);
  });

  it('prints releases and features it does not know as such', () => {
    expect(monMapText({ ...empty, minMonRelease: 99 })).toContain('min_mon_release 99 (unknown)\n');
    expect(monFeatureNames((1n << 63n) | 256n | 2n, true)).toEqual([
      'luminous(2)',
      'unknown(256)',
      'reserved(9223372036854775808)',
    ]);
    expect(releaseByName('pacific')).toBe(16);
    expect(releaseByName('unknown')).toBeUndefined();
  });
});
