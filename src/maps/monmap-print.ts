import type { Json } from '../codec/index.ts';
import { addrVecJson, formatAddrVec, legacyAddr, stamp } from '../wire/index.ts';
import { monFeatureNames } from './mon-features.ts';
import type { MonMap } from './monmap.ts';
import { releaseName } from './names.ts';

// Source: MonMap::print and MonMap::dump, mon/MonMap.cc, release 16.2.

/** Where a monitor listens. */
export const monAddrs = (m: MonMap, name: string): string =>
  formatAddrVec(m.monInfo.get(name)?.publicAddrs ?? []);
/** What `mon dump` and `monmaptool --print` print. */
export function monMapText(m: MonMap): string {
  const lines = [
    `epoch ${m.epoch}`,
    `fsid ${m.fsid}`,
    `last_changed ${stamp(m.lastChanged)}`,
    `created ${stamp(m.created)}`,
    `min_mon_release ${m.minMonRelease} (${releaseName(m.minMonRelease)})`,
    `election_strategy: ${m.strategy}`,
    ...m.ranks.map((name, rank) => `${rank}: ${monAddrs(m, name)} mon.${name}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** The same as a value. */
export function monMapJson(m: MonMap): { [key: string]: Json } {
  return {
    epoch: m.epoch,
    fsid: m.fsid,
    modified: stamp(m.lastChanged, 'Z'),
    created: stamp(m.created, 'Z'),
    min_mon_release: m.minMonRelease,
    min_mon_release_name: releaseName(m.minMonRelease),
    election_strategy: m.strategy,
    'disallowed_leaders: ': [...m.disallowedLeaders].join(','),
    stretch_mode: m.stretchMode,
    tiebreaker_mon: m.tiebreakerMon,
    'removed_ranks: ': [...m.removedRanks].join(','),
    features: {
      persistent: monFeatureNames(m.persistentFeatures.bits),
      optional: monFeatureNames(m.optionalFeatures.bits),
    },
    mons: m.ranks.map((name, rank) => {
      const info = m.monInfo.get(name)!;
      return {
        rank,
        name,
        public_addrs: addrVecJson(info.publicAddrs),
        addr: legacyAddr(info.publicAddrs),
        public_addr: legacyAddr(info.publicAddrs),
        priority: info.priority,
        weight: info.weight,
        crush_location: `{${[...info.crushLocation].map(([k, v]) => `${k}=${v}`).join(',')}}`,
      };
    }),
  };
}
