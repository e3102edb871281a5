import { type Column, type Json, table, weightText } from '../../codec/index.ts';
import {
  type CrushTreeNode,
  crushTreeName,
  crushTreeNodeFields,
  devicesBelow,
  itemByName,
} from '../../crush/index.ts';
import { strayNodes, treeOf, WEIGHT_ONE } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandReply, type ReadCommand } from '../command.ts';
import type { MonState } from '../state.ts';
import { pgsPerOsd } from './pg-view.ts';
import { textOrValue } from './reply.ts';
import { type Space, spaceOf } from './totals.ts';
import { bytes, lowPrecision } from './units.ts';

// Source: print_osd_utilization and OSDUtilizationDumper, osd/OSDMap.cc, release 16.2.

const TITLES = [
  'ID',
  'CLASS',
  'WEIGHT',
  'REWEIGHT',
  'SIZE',
  'RAW USE',
  'DATA',
  'OMAP',
  'META',
  'AVAIL',
  '%USE',
  'VAR',
  'PGS',
  'STATUS',
];
const COLUMNS: Column[] = TITLES.map((title) => [title, 'l', 'r']);
const NAME: Column = ['TYPE NAME', 'l', 'l'];

interface Usage {
  readonly item: CrushTreeNode;
  readonly space: Space;
  readonly percentage: number;
  readonly variance: number;
}
const percentage = (s: Space): number =>
  s.total > 0 && s.used > 0 ? (kib(s.used) * 100) / kib(s.total) : 0;
const kib = (n: number): number => Math.floor(n / 1024);

/** OSDs and buckets that `filter` lets through; all without one. */
function allowed(state: MonState, args: CommandArgs): ((id: number) => boolean) | undefined {
  const filter = args.text('filter') ?? '';
  const by = args.text('filter_by') ?? '';
  if (!by && !filter) return undefined;
  const crush = state.osdmap.crushMap;
  if (by !== 'name') {
    for (const [id, name] of crush.classNames) {
      if (name === filter) return (item) => item >= 0 && crush.classMap.get(item) === id;
    }
  }
  const node = itemByName(crush, filter);
  if (node !== undefined) {
    const below = new Set([node, ...devicesBelow(crush, node), ...bucketsBelow(state, node)]);
    return (item) => below.has(item);
  }
  const pool = state.osdmap.poolByName(filter);
  if (pool) {
    const take = crush.rules[pool.pool.crushRule]?.steps.find((step) => step.op === 1);
    const below = new Set(take ? devicesBelow(crush, take.arg1) : []);
    return (item) => below.has(item);
  }
  throw new CommandFailure('EINVAL', `'${filter}' not a pool, crush node or device class name`);
}
function bucketsBelow(state: MonState, id: number): number[] {
  const items = state.osdmap.crushMap.buckets.get(id)?.items ?? [];
  return items.filter((i) => i < 0).flatMap((i) => [i, ...bucketsBelow(state, i)]);
}

function osdDf(state: MonState, args: CommandArgs): CommandReply {
  const map = state.osdmap;
  const crush = map.crushMap;
  const tree = args.text('output_method') === 'tree';
  const keep = allowed(state, args) ?? ((): boolean => true);
  const strays = strayNodes(map).filter((item) => keep(item.id));
  const items = treeOf(map).filter((item) => keep(item.id) && (tree || item.id >= 0));
  const shown = new Set(items.filter((i) => i.id >= 0).map((i) => i.id));
  const total = spaceOf(state, (osd) => shown.has(osd));
  const average = percentage(total);
  const usages = [...items, ...strays].map((item): Usage => {
    const below = new Set(devicesBelow(crush, item.id));
    const space = spaceOf(
      state,
      (osd) => below.has(osd),
      (n) => kib(n) * 1024,
    );
    const used = percentage(space);
    return { item, space, percentage: used, variance: average > 0 ? used / average : 1 };
  });
  const spread = spreadOf(state, usages, average);
  const perOsd = pgsPerOsd(state);
  const reweight = (osd: number): number => (map.data.osdWeight[osd] ?? 0) / WEIGHT_ONE;
  const row = ({ item, space, percentage, variance }: Usage): string[] => [
    String(item.id),
    item.deviceClass ?? '',
    weightText(item.crushWeight),
    item.id < 0 ? '-' : weightText(reweight(item.id)),
    ...[space.total, space.used, space.data, space.omap, space.metadata, space.available].map((n) =>
      bytes(kib(n) * 1024),
    ),
    lowPrecision(percentage),
    lowPrecision(variance),
    item.id < 0 ? '-' : String(perOsd.get(item.id)?.acting ?? 0),
    item.id < 0 ? '' : map.isUp(item.id) ? 'up' : 'down',
    ...(tree ? [crushTreeName(item)] : []),
  ];
  const totalRow = [
    '',
    '',
    '',
    'TOTAL',
    ...[total.total, total.used, total.data, total.omap, total.metadata, total.available].map(
      bytes,
    ),
    lowPrecision(average),
    '',
    '',
    '',
    ...(tree ? [''] : []),
  ];
  const json = ({ item, space, percentage, variance }: Usage): Json => ({
    ...crushTreeNodeFields(item),
    reweight: item.id < 0 ? -1 : reweight(item.id),
    ...spaceJson(space, ''),
    utilization: percentage,
    var: variance,
    pgs: item.id < 0 ? 0 : (perOsd.get(item.id)?.acting ?? 0),
    ...(item.id < 0 ? { children: item.children } : { status: map.isUp(item.id) ? 'up' : 'down' }),
  });
  return textOrValue(
    args,
    () =>
      table(tree ? [...COLUMNS, NAME] : COLUMNS, [...usages.map(row), totalRow]) +
      `MIN/MAX VAR: ${lowPrecision(spread.min)}/${lowPrecision(spread.max)}  STDDEV: ${lowPrecision(spread.deviation)}\n`,
    () => ({
      nodes: usages.slice(0, items.length).map(json),
      stray: usages.slice(items.length).map(json),
      summary: {
        ...spaceJson(total, 'total_'),
        average_utilization: average,
        min_var: spread.min,
        max_var: spread.max,
        dev: spread.deviation,
      },
    }),
    { end: 'newline' },
  );
}

function spaceJson(s: Space, prefix: string): { [key: string]: Json } {
  return {
    [`${prefix}kb`]: kib(s.total),
    [`${prefix}kb_used`]: kib(s.used),
    [`${prefix}kb_used_data`]: kib(s.data),
    [`${prefix}kb_used_omap`]: kib(s.omap),
    [`${prefix}kb_used_meta`]: kib(s.metadata),
    [`${prefix}kb_avail`]: kib(s.available),
  };
}

/** Extremes and weighted deviation over the OSDs that are in; -1 without any. */
function spreadOf(
  state: MonState,
  usages: readonly Usage[],
  average: number,
): { min: number; max: number; deviation: number } {
  const spread = { min: -1, max: -1, deviation: 0 };
  let squares = 0;
  let weights = 0;
  for (const { item, percentage, variance } of usages) {
    const w = item.id < 0 ? 0 : (state.osdmap.data.osdWeight[item.id] ?? 0) / WEIGHT_ONE;
    if (w <= 0) continue;
    if (spread.min < 0 || variance < spread.min) spread.min = variance;
    if (spread.max < 0 || variance > spread.max) spread.max = variance;
    squares += w * (percentage - average) ** 2;
    weights += w;
  }
  if (weights > 0) spread.deviation = Math.sqrt(squares / weights);
  return spread;
}

export const osdDfCommands: ReadCommand[] = [
  {
    sig:
      'osd df name=output_method,type=CephChoices,strings=plain|tree,req=false ' +
      'name=filter_by,type=CephChoices,strings=class|name,req=false name=filter,type=CephString,req=false',
    help: 'Show how full each OSD is',
    module: 'osd',
    perm: 'r',
    run: osdDf,
  },
];
