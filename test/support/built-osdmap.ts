import fc from 'fast-check';
import { addSimpleRule, createDefaultCrushMap, encodeCrushMap } from '../../src/crush/index.ts';
import {
  emptyIncremental,
  firstOSDMap,
  type Incremental,
  newPgPool,
  OSD_STATE,
  OSDMap,
  POOL_OPTION,
  POOL_TYPE,
  WEIGHT_ONE,
} from '../../src/maps/index.ts';
import { ADDR, formatPgId } from '../../src/wire/index.ts';

/** Of the cluster that {@link builtMap} is of. */
export const FSID = '11111111-2222-3333-4444-555555555555';
const OSDS = 8;
const ids = Array.from({ length: OSDS }, (_, id) => id);
const stamp = { sec: 1_700_000_000, nsec: 0 };

/** The map of the next epoch. */
export function nextMap(map: OSDMap, patch: Partial<Incremental>): OSDMap {
  const of = { fsid: FSID, epoch: map.epoch + 1, modified: stamp };
  return map.applyIncremental({ ...emptyIncremental(of), ...patch });
}

/** Eight OSDs on four hosts; a replicated and an erasure-coded pool. */
export function builtMap(): OSDMap {
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
  const empty = nextMap(new OSDMap(first), {
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
  return nextMap(empty, {
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
export const overrides: fc.Arbitrary<Partial<Incremental>> = (() => {
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
