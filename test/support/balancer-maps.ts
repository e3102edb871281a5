import fc from 'fast-check';
import { edited } from '../../src/balancer/index.ts';
import {
  addSimpleRule,
  type CrushMap,
  createDefaultCrushMap,
  encodeCrushMap,
  RULE_OP,
} from '../../src/crush/index.ts';
import {
  firstOSDMap,
  newPgPool,
  OSD_STATE,
  OSDMap,
  type PgPool,
  POOL_TYPE,
  WEIGHT_ONE,
} from '../../src/maps/index.ts';

// Small clusters for tests of the balancer, and a look at their PGs that shares nothing with it.

const STAMP = { sec: 1_700_000_000, nsec: 0 };

export interface TestDevice {
  rack: number;
  host: number;
  weight: number;
  deviceClass: string;
  /** 16.16 */
  reweight?: number;
}

/** Pool 1: by host; 2: by host, class ssd; 3: erasure by host; 4: two racks, two hosts in each. As far as they fit. */
export function clusterOf(devices: readonly TestDevice[], pgNum: number): OSDMap {
  const crush = createDefaultCrushMap({
    osds: devices.map(({ rack, host, weight, deviceClass }, id) => ({
      id,
      weight,
      deviceClass,
      loc: { root: 'default', rack: `r${rack}`, host: `r${rack}h${host}` },
    })),
  });
  const pools = new Map<number, PgPool>();
  const add = (
    id: number,
    size: number,
    crushRule: number,
    type: number = POOL_TYPE.replicated,
  ) => {
    pools.set(id, newPgPool({ type, size, minSize: 2, crushRule, pgNum, createTime: STAMP }));
  };
  add(1, 3, 0);
  if (devices.some((d) => d.deviceClass === 'ssd')) {
    const rule = { name: 'ssd', root: 'default', failureDomain: 'host', deviceClass: 'ssd' };
    add(2, 2, addSimpleRule(crush, rule));
  }
  const ec = { name: 'ec', root: 'default', failureDomain: 'host', mode: 'indep' as const };
  add(3, 4, addSimpleRule(crush, ec), POOL_TYPE.erasure);
  pools.get(3)!.erasureCodeProfile = 'default'; // two data shards
  add(4, 4, addTwoByTwo(crush));
  const ids = devices.map((_, id) => id);
  const fsid = '11111111-2222-3333-4444-555555555555';
  return edited(new OSDMap(firstOSDMap({ fsid, stamp: STAMP, crush: createDefaultCrushMap() })), {
    crush: encodeCrushMap(crush),
    newMaxOsd: devices.length,
    newPoolMax: 4,
    newPools: pools,
    newPoolNames: new Map([...pools.keys()].map((id) => [id, `p${id}`])),
    newState: new Map(ids.map((id) => [id, OSD_STATE.up])),
    newWeight: new Map(ids.map((id) => [id, devices[id]!.reweight ?? WEIGHT_ONE])),
  });
}

function addTwoByTwo(crush: CrushMap): number {
  const id = crush.rules.length;
  const step = (op: number, arg1 = 0, arg2 = 0) => ({ op, arg1, arg2 });
  crush.rules[id] = {
    ruleset: id,
    type: POOL_TYPE.replicated,
    minSize: 1,
    maxSize: 10,
    steps: [
      step(RULE_OP.TAKE, -1),
      step(RULE_OP.CHOOSE_FIRSTN, 2, 3),
      step(RULE_OP.CHOOSELEAF_FIRSTN, 2, 1),
      step(RULE_OP.EMIT),
    ],
  };
  crush.ruleNames.set(id, 'two-by-two');
  return id;
}

/** Racks and hosts of the same make. */
export function regular(racks: number, hosts: number, osds: number, weight = 4): TestDevice[] {
  const out: TestDevice[] = [];
  for (let rack = 0; rack < racks; rack++) {
    for (let host = 0; host < hosts; host++) {
      for (let osd = 0; osd < osds; osd++) {
        out.push({ rack, host, weight, deviceClass: osd % 3 === 0 ? 'ssd' : 'hdd' });
      }
    }
  }
  return out;
}

/** Clusters of uneven hosts, weights, classes and reweights. */
export const anyDevices: fc.Arbitrary<TestDevice[]> = fc
  .array(
    fc.record({
      rack: fc.nat({ max: 3 }),
      host: fc.nat({ max: 3 }),
      weight: fc.constantFrom(1, 1, 2, 4, 8),
      deviceClass: fc.constantFrom('hdd', 'hdd', 'ssd'),
      reweight: fc.constantFrom(WEIGHT_ONE, WEIGHT_ONE, WEIGHT_ONE, 0xc000, 0),
    }),
    { minLength: 8, maxLength: 40 },
  )
  .filter((list) => new Set(list.map((d) => `${d.rack}.${d.host}`)).size >= 5);

/** A PG's devices with its upmaps, as `up` gives them: without those that are down. */
export function rowsOf(map: OSDMap, poolId: number): number[][] {
  const { pgNum } = map.pool(poolId)!;
  return Array.from({ length: pgNum }, (_, seed) => [
    ...map.pgToUpActing({ pool: poolId, seed }).up,
  ]);
}

/** Shards per device. */
export function countsOf(map: OSDMap, poolId: number): number[] {
  const counts: number[] = new Array(map.data.maxOsd).fill(0);
  for (const row of rowsOf(map, poolId)) {
    for (const osd of row) if (osd < counts.length) counts[osd]!++;
  }
  return counts;
}

/** What a balancer may never break: said by the devices' own description, not by the map. */
export function faultsOf(devices: readonly TestDevice[], poolId: number, row: number[]): string[] {
  const faults: string[] = [];
  const real = row.filter((osd) => osd !== 0x7fffffff);
  const places = real.map((osd) => devices[osd]!);
  const hosts = places.map((d) => `${d.rack}.${d.host}`);
  if (new Set(hosts).size < hosts.length) faults.push(`two shards on one host: ${row}`);
  if (poolId === 2 && places.some((d) => d.deviceClass !== 'ssd')) faults.push(`class: ${row}`);
  if (poolId === 4) {
    const perRack = new Map<number, number>();
    for (const { rack } of places) perRack.set(rack, (perRack.get(rack) ?? 0) + 1);
    if (perRack.size > 2 || Math.max(...perRack.values()) > 2) faults.push(`racks: ${row}`);
  }
  if (places.some((d) => d.reweight === 0)) faults.push(`a device that is out: ${row}`);
  return faults;
}
