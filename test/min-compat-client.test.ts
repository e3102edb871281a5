import { describe, expect, it } from 'vitest';
import {
  buildLayers,
  CHOOSE_ARGS_DEFAULT,
  type CrushTunables,
  encodeCrushMap,
} from '../src/crush/index.ts';
import {
  blankOSDMap,
  clientsLeftBehind,
  minCompatClient,
  newPgPool,
  OSDMap,
  type OSDMapData,
  POOL_TYPE,
} from '../src/maps/index.ts';
import { TIME_ZERO } from '../src/wire/index.ts';

const LEGACY: Partial<CrushTunables> = {
  chooseLocalTries: 2,
  chooseLocalFallbackTries: 5,
  chooseTotalTries: 19,
  chooseleafDescendOnce: 0,
  chooseleafVaryR: 0,
  chooseleafStable: 0,
};

function crushOf(alg: 4 | 5, tunables: Partial<CrushTunables>) {
  const { map } = buildLayers(4, [
    { name: 'host', alg, size: 2 },
    { name: 'root', alg, size: 0 },
  ]);
  map.tunables = { ...map.tunables, ...tunables };
  return map;
}

describe('the oldest client that can use a map', () => {
  const bare = osdmapOf({});
  const pools = new Map([
    [
      1,
      newPgPool({
        type: POOL_TYPE.replicated,
        size: 3,
        minSize: 2,
        crushRule: 0,
        pgNum: 8,
        createTime: TIME_ZERO,
      }),
    ],
  ]);
  const withPool = osdmapOf({ pools });

  // As osdmaptool --print of 16.2.15 says of a map made the same way.
  it.each([
    ['straw, legacy tunables', bare, 4, LEGACY, 'argonaut'],
    ['the same with a pool', withPool, 4, LEGACY, 'dumpling'],
    ['straw, chooseleaf_stable 0', bare, 4, { chooseleafStable: 0 }, 'firefly'],
    ['and vary_r 0', bare, 4, { chooseleafStable: 0, chooseleafVaryR: 0 }, 'dumpling'],
    ['straw2, legacy tunables', bare, 5, LEGACY, 'hammer'],
    ['straw2, today', bare, 5, {}, 'jewel'],
  ] as const)('%s', (_, map, alg, tunables, release) => {
    expect(minCompatClient(map, crushOf(alg, tunables))).toBe(release);
  });

  it('a compat weight set needs nothing new, any other weight set luminous', () => {
    const crush = crushOf(5, {});
    const set = (positions: number, ids: number[] = []) =>
      new Map([[-1, { weightSets: Array.from({ length: positions }, () => [1, 1]), ids }]]);
    crush.chooseArgs = new Map([[CHOOSE_ARGS_DEFAULT, set(1)]]);
    expect(minCompatClient(bare, crush)).toBe('jewel');
    for (const [key, args] of [
      [CHOOSE_ARGS_DEFAULT, set(2)],
      [CHOOSE_ARGS_DEFAULT, set(1, [-5, -6])],
      [1, set(1)],
    ] as const) {
      crush.chooseArgs = new Map([[key, args]]);
      expect(minCompatClient(bare, crush)).toBe('luminous');
    }
  });

  it('is compared with what the map promises', () => {
    expect(clientsLeftBehind(bare, crushOf(5, {}))).toBeUndefined(); // nothing is promised
    const hammer = osdmapOf({ requireMinCompatClient: 8 });
    expect(clientsLeftBehind(hammer, crushOf(5, LEGACY))).toBeUndefined();
    expect(clientsLeftBehind(hammer, crushOf(5, {}))).toBe(
      'requires client version jewel but require_min_compat_client is hammer',
    );
  });
});

function osdmapOf(change: Partial<OSDMapData>): OSDMap {
  return new OSDMap({ ...blankOSDMap(), crush: encodeCrushMap(crushOf(5, {})), ...change });
}
