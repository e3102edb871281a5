import { ascending } from '../codec/index.ts';
import { ADDR, type EntityAddr, sameAddr, type UTime } from '../wire/index.ts';
import { addrOrder } from './codecs.ts';
import { MON_FEATURE } from './mon-features.ts';
import { type MonMap, newMonMap } from './monmap.ts';

// Members of a monitor map: who joins, who leaves, and what ranks that gives. Source: mon/MonMap.h and MonMap.cc,
// release 16.2. The functions give a new map and leave the old one alone.

/** A map of epoch 0 without monitors, features or a release, which begins to exist at `stamp`. */
export function emptyMonMap(of: { fsid: string; stamp: UTime }): MonMap {
  return {
    ...newMonMap({ ...of, epoch: 0, mons: [] }),
    persistentFeatures: { bits: 0n },
    minMonRelease: 0,
  };
}

/** Does the map demand these feature bits of its monitors? */
export function monMapRequires(m: MonMap, bits: bigint): boolean {
  return ((m.persistentFeatures.bits | m.optionalFeatures.bits) & bits) === bits;
}

/** Does a monitor listen at one of these addresses? */
export function hasMonAt(m: MonMap, addrs: readonly EntityAddr[]): boolean {
  return [...m.monInfo.values()].some((mon) =>
    mon.publicAddrs.some((known) => addrs.some((addr) => sameAddr(known, addr))),
  );
}

/** Adds a monitor of a name that is free: last in rank, or where its address puts it in a map from before Nautilus. */
export function addMon(
  m: MonMap,
  mon: { name: string; addrs: EntityAddr[]; priority?: number; weight?: number },
): MonMap {
  const { name, addrs, priority = 0, weight = 0 } = mon;
  const info = { name, publicAddrs: addrs, priority, weight, crushLocation: new Map() };
  return withMons(m, new Map(m.monInfo).set(name, info), [...m.ranks, name]);
}

/** Removes a monitor, and closes the gap in the ranks. */
export function removeMon(m: MonMap, name: string): MonMap {
  const rank = m.ranks.indexOf(name);
  const monInfo = new Map(m.monInfo);
  monInfo.delete(name);
  const disallowedLeaders = new Set(m.disallowedLeaders);
  disallowedLeaders.delete(name);
  // Monitors that keep scores of each other need to know which rank is now someone else.
  const removedRanks = new Set([...m.removedRanks, rank].sort((a, b) => a - b));
  return withMons({ ...m, disallowedLeaders, removedRanks }, monInfo, m.ranks.toSpliced(rank, 1));
}

/**
 * Keeps the initial members only, and makes room for those whose address is not known: they get one that cannot be,
 * told apart by its nonce.
 * @returns the map, and the addresses of those removed
 */
export function keepInitialMembers(
  m: MonMap,
  members: readonly string[],
): { map: MonMap; removed: EntityAddr[][] } {
  const leaving = m.ranks.filter((name) => !members.includes(name));
  const removed = leaving.map((name) => m.monInfo.get(name)!.publicAddrs);
  let map = leaving.reduce(removeMon, m);
  for (const name of members) {
    if (map.monInfo.has(name)) continue;
    const addr = { type: ADDR.legacy, nonce: 1, host: '0.0.0.0', port: 0 };
    while (hasMonAt(map, [addr])) addr.nonce++;
    map = addMon(map, { name, addrs: [addr] });
  }
  return { map: { ...map, ranks: ranksByAddr(map.monInfo) }, removed: removed.sort(byAddrs) };
}

/** The map with its monitors in the order of their addresses. */
export function rankedByAddr(m: MonMap): MonMap {
  return { ...m, ranks: ranksByAddr(m.monInfo) };
}

function withMons(m: MonMap, monInfo: MonMap['monInfo'], ranks: string[]): MonMap {
  const isOld = !monMapRequires(m, MON_FEATURE.nautilus);
  return { ...m, monInfo, ranks: isOld ? ranksByAddr(monInfo) : ranks };
}

/** By the address for old peers, the one that used to be the only one; then by name. */
function ranksByAddr(monInfo: MonMap['monInfo']): string[] {
  const keyed = [...monInfo].map(([name, { publicAddrs }]) => {
    const addr = publicAddrs.find((a) => a.type === ADDR.legacy) ?? publicAddrs[0];
    return { name, order: addr ? addrOrder(addr) : '' };
  });
  keyed.sort((a, b) => ascending(a.order, b.order) || ascending(a.name, b.name));
  return keyed.map(({ name }) => name);
}

const byAddrs = (a: readonly EntityAddr[], b: readonly EntityAddr[]): number =>
  ascending(a.map(addrOrder).join(''), b.map(addrOrder).join(''));
