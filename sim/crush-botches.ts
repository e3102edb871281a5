import type { MonCommand } from './admin.ts';
import type { SimCluster } from './cluster.ts';

/**
 * What somebody may do to the CRUSH map by mistake:
 *
 * - `no such buckets`: a pool's copies are to lie in racks, of which there are none: its rule maps nothing
 * - `empty root`: likewise, below a root with nothing in it
 * - `few hosts`: some hosts are moved below another root, and a pool with them: its rule maps too few
 * - `moved hosts`: the same without the pool
 * - `weightless`: no OSD has any weight
 */
export const BOTCHES = [
  'no such buckets',
  'empty root',
  'few hosts',
  'moved hosts',
  'weightless',
] as const;
export type Botch = (typeof BOTCHES)[number];

/** What every OSD weighs in the CRUSH map, from the beginning: its size in TiB. */
export const CRUSH_WEIGHT = 0.00024;
/** Names of what is there for the botches alone. */
const ELSEWHERE = 'elsewhere';
const RACKS = 'racks';
const RULE = 'replicated_rule';

/** Commands without which there are no botches; nothing is placed by what they make. */
export const botchMakings: readonly MonCommand[] = [
  { prefix: 'osd crush add-bucket', name: ELSEWHERE, type: 'root' },
  { prefix: 'osd crush rule create-replicated', name: RACKS, root: 'default', type: 'rack' },
  { prefix: 'osd crush rule create-replicated', name: ELSEWHERE, root: ELSEWHERE, type: 'osd' },
];

function ruleOf(pool: string, val: string): MonCommand {
  return { prefix: 'osd pool set', pool, var: 'crush_rule', val };
}
function moved(host: string, root: string): MonCommand {
  return { prefix: 'osd crush move', name: host, args: [`root=${root}`] };
}
export function crushWeight(id: number, weight: number): MonCommand {
  return { prefix: 'osd crush reweight', name: `osd.${id}`, weight };
}

/** @param osds those whose hosts are moved, if hosts are */
export function botchCommands(
  cluster: SimCluster,
  how: Botch,
  pool: string,
  osds: readonly number[],
): MonCommand[] {
  const hosts = cluster.osds.filter((o) => osds.includes(o.id)).map((o) => o.hostname);
  switch (how) {
    case 'no such buckets':
      return [ruleOf(pool, RACKS)];
    case 'empty root':
      return [ruleOf(pool, ELSEWHERE)];
    case 'few hosts':
      return [ruleOf(pool, ELSEWHERE), ...hosts.map((host) => moved(host, ELSEWHERE))];
    case 'moved hosts':
      return hosts.map((host) => moved(host, ELSEWHERE));
    case 'weightless':
      return cluster.osds.map(({ id }) => crushWeight(id, 0));
  }
}

/** Takes every botch back, of pools that have these names. */
export function undoCommands(cluster: SimCluster, pools: readonly string[]): MonCommand[] {
  return [
    ...pools.map((pool) => ruleOf(pool, RULE)),
    ...cluster.osds.map(({ hostname }) => moved(hostname, 'default')),
    ...cluster.osds.map(({ id }) => crushWeight(id, CRUSH_WEIGHT)),
  ];
}
