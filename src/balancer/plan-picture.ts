import type { OSDMap } from '../maps/index.ts';
import {
  box,
  type Frame,
  heading,
  horizontalGrid,
  legend,
  namesBelow,
  numbersBelow,
  quantiles,
  scale,
} from './chart.ts';
import { type DeviceGroup, type Grouping, groupDevices } from './groups.ts';
import type { Movement } from './movement.ts';
import type { Distribution } from './quality.ts';
import { INK, Svg, tenth } from './svg.ts';

export interface PlanPicture {
  readonly title: string;
  /** Lines below the title. */
  readonly summary: readonly string[];
  readonly after: OSDMap;
  readonly before: OSDMap;
  readonly spreadBefore: Distribution;
  readonly spreadAfter: Distribution;
  readonly moved: Movement;
  readonly hasBytes: boolean;
}

const WIDTH = 1100;
const PLOT: Omit<Frame, 'top'> = { left: 64, width: WIDTH - 64 - 24, height: 210 };
/** Columns that can still be told apart. */
const GROUPS_MAX = 128;
/** Above this a device is a bar and no circle. */
const CIRCLES_MAX = 64;

/** Load of the devices before and after, how many devices are how full, and what goes where. An SVG document. */
export function planPicture(p: PlanPicture): string {
  const summaryHeight = p.summary.length * 18;
  const tops = [0, 1, 2].map((i) => 106 + summaryHeight + i * (PLOT.height + 132));
  const svg = new Svg(WIDTH, tops[2]! + PLOT.height + 96);
  svg.text(24, 34, p.title, { 'font-size': 19, 'font-weight': 'bold' });
  p.summary.forEach((line, i) => {
    const warning = line.startsWith('WARNING') ? { fill: INK.out, 'font-weight': 'bold' } : {};
    svg.text(24, 56 + i * 18, line, { 'font-size': 13, ...warning });
  });
  const grouping = groupingOf(p);
  drawLoad(svg, { ...PLOT, top: tops[0]! }, p, grouping);
  drawHistogram(svg, { ...PLOT, top: tops[1]! }, p);
  drawMovement(svg, { ...PLOT, top: tops[2]! }, p, grouping);
  return svg.finish(p.title);
}

/** Groups of the new tree, and one for devices that are in the old one only. */
function groupingOf(p: PlanPicture): Grouping {
  const { type, groups } = groupDevices(p.after.crushMap, GROUPS_MAX);
  const known = new Set(groups.flatMap((g) => g.devices));
  const gone = groupDevices(p.before.crushMap, 1).groups.flatMap((g) =>
    g.devices.filter((osd) => !known.has(osd)),
  );
  return gone.length === 0
    ? { type, groups }
    : { type, groups: [...groups, { name: 'gone', devices: gone }] };
}

/** Actual over target in percent, for devices that have a target. */
function fullness({ actual, targets }: Distribution, devices: Iterable<number>): number[] {
  const out: number[] = [];
  for (const osd of devices) {
    const target = targets[osd] ?? 0;
    if (target > 0) out.push((100 * actual[osd]!) / target);
  }
  return out;
}

function allFullness(spread: Distribution): number[] {
  return fullness(spread, spread.targets.keys());
}

function drawLoad(svg: Svg, frame: Frame, p: PlanPicture, { type, groups }: Grouping): void {
  const single = groups.every((g) => g.devices.length <= 1);
  const what = single ? 'each device' : `devices by ${type}: least, middle half with median, most`;
  heading(svg, frame, 'How full devices are', `percent of the share that weights give; ${what}`);
  legend(svg, frame, [
    { name: 'old map', color: INK.before, hollow: single },
    { name: 'new map', color: INK.after },
  ]);
  const values = [...allFullness(p.spreadBefore), ...allFullness(p.spreadAfter), 100];
  const q = quantiles(values);
  const margin = Math.max(2, (q.max - q.min) * 0.05);
  const bottom = frame.top + frame.height;
  const y = scale(Math.max(0, q.min - margin), q.max + margin, bottom, frame.top);
  horizontalGrid(svg, frame, y, (v) => `${tenth(v)}%`);
  svg.path(`M${frame.left} ${tenth(y.at(100))}h${frame.width}`, {
    stroke: INK.text,
    'stroke-dasharray': '5 3',
  });
  const step = frame.width / Math.max(1, groups.length);
  const draw = single ? drawDevices : drawBoxes;
  draw(svg, frame.left, step, y, p, groups);
  namesBelow(
    svg,
    frame,
    groups.map((g) => g.name),
    (i) => frame.left + (i + 0.5) * step,
  );
}

function drawBoxes(
  svg: Svg,
  left: number,
  step: number,
  y: ReturnType<typeof scale>,
  p: PlanPicture,
  groups: readonly DeviceGroup[],
): void {
  const width = Math.max(1, Math.min(14, step * 0.36));
  groups.forEach(({ devices }, i) => {
    const middle = left + (i + 0.5) * step;
    const before = fullness(p.spreadBefore, devices);
    const after = fullness(p.spreadAfter, devices);
    if (before.length > 0) box(svg, middle - width - 0.5, width, y, quantiles(before), INK.before);
    if (after.length > 0) box(svg, middle + 0.5, width, y, quantiles(after), INK.after);
  });
}

/** A ring for the old load, a dot for the new one, a line between. */
function drawDevices(
  svg: Svg,
  left: number,
  step: number,
  y: ReturnType<typeof scale>,
  p: PlanPicture,
  groups: readonly DeviceGroup[],
): void {
  const r = groups.length <= CIRCLES_MAX ? 4 : 2.5;
  let links = '';
  let rings = '';
  let dots = '';
  groups.forEach(({ devices }, i) => {
    const x = left + (i + 0.5) * step;
    const [before] = fullness(p.spreadBefore, devices);
    const [after] = fullness(p.spreadAfter, devices);
    if (before !== undefined && after !== undefined) {
      links += `M${tenth(x)} ${tenth(y.at(before))}V${tenth(y.at(after))}`;
    }
    if (before !== undefined) rings += circle(x, y.at(before), r);
    if (after !== undefined) dots += circle(x, y.at(after), r);
  });
  svg.path(links, { stroke: INK.before });
  svg.path(rings, { stroke: INK.before, 'stroke-width': 1.5, fill: '#ffffff' });
  svg.path(dots, { fill: INK.after });
}

function circle(x: number, y: number, r: number): string {
  return `M${tenth(x - r)} ${tenth(y)}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0`;
}

/** Bins of one width, that of some shards; one has 100% in its middle. */
function binsOf(
  min: number,
  max: number,
  devices: number,
  mean: number,
): { width: number; from: number; binCount: number } {
  const wanted = Math.max(12, Math.min(60, 2.5 * Math.sqrt(devices)));
  const shard = 100 / Math.max(1, mean);
  const width = shard * Math.max(1, Math.round((max - min) / wanted / shard));
  const from = 100 - width * (Math.ceil((100 - min) / width) + 0.5);
  return { width, from, binCount: Math.ceil((max - from) / width) + 1 };
}

/**
 * Devices per bin. A device counts over the width of its one shard: whole shards alone would fall now two, now one
 * possible count to a bin, and draw a comb that means nothing.
 */
function binned(
  { actual, targets }: Distribution,
  from: number,
  width: number,
  binCount: number,
): number[] {
  const bins = new Array<number>(binCount).fill(0);
  targets.forEach((target, osd) => {
    if (target === 0) return;
    const low = ((100 * (actual[osd]! - 0.5)) / target - from) / width;
    const high = ((100 * (actual[osd]! + 0.5)) / target - from) / width;
    for (let i = Math.max(0, Math.floor(low)); i < high && i < binCount; i++) {
      const overlap = Math.min(high, i + 1) - Math.max(low, i);
      bins[i]! += overlap / (high - low);
    }
  });
  return bins;
}

function drawHistogram(svg: Svg, frame: Frame, p: PlanPicture): void {
  heading(svg, frame, 'How many devices are how full', 'devices, by percent of their share');
  legend(svg, frame, [
    { name: 'old map', color: INK.before, hollow: true },
    { name: 'new map', color: INK.after },
  ]);
  const before = allFullness(p.spreadBefore);
  const after = allFullness(p.spreadAfter);
  const q = quantiles([...before, ...after, 100]);
  const bottom = frame.top + frame.height;
  const { width, from, binCount } = binsOf(q.min, q.max, after.length, p.spreadAfter.summary.mean);
  const x = scale(from, from + width * binCount, frame.left, frame.left + frame.width);
  const old = binned(p.spreadBefore, from, width, binCount);
  const fresh = binned(p.spreadAfter, from, width, binCount);
  const most = Math.max(1, ...old, ...fresh);
  const y = scale(0, most * 1.05, bottom, frame.top);
  horizontalGrid(svg, frame, y, tenth, 4);
  let bars = '';
  fresh.forEach((n, i) => {
    if (n === 0) return;
    const left = x.at(from + i * width);
    const right = x.at(from + (i + 1) * width);
    bars += `M${tenth(left + 0.5)} ${tenth(bottom)}V${tenth(y.at(n))}H${tenth(right - 0.5)}V${tenth(bottom)}Z`;
  });
  svg.path(bars, { fill: INK.after });
  const outline: [number, number][] = [[frame.left, bottom]];
  old.forEach((n, i) => {
    outline.push([x.at(from + i * width), y.at(n)], [x.at(from + (i + 1) * width), y.at(n)]);
  });
  outline.push([frame.left + frame.width, bottom]);
  svg.line(outline, { stroke: '#555555', 'stroke-width': 1.5 });
  numbersBelow(svg, frame, x, (v) => `${tenth(v)}%`, 10);
}

function drawMovement(svg: Svg, frame: Frame, p: PlanPicture, { type, groups }: Grouping): void {
  const { devices } = p.moved;
  const lists = p.hasBytes
    ? { into: devices.bytesIn, out: devices.bytesOut }
    : { into: devices.shardsIn, out: devices.shardsOut };
  const sum = (list: Float64Array, group: DeviceGroup): number =>
    group.devices.reduce((total, osd) => total + (list[osd] ?? 0), 0);
  const into = groups.map((g) => sum(lists.into, g));
  const out = groups.map((g) => sum(lists.out, g));
  const most = Math.max(...into, ...out, p.hasBytes ? 1024 : 1);
  const unit = p.hasBytes ? byteUnit(most) : { name: 'shards', size: 1 };
  const each = groups.every((g) => g.devices.length <= 1) ? 'device' : type;
  heading(
    svg,
    frame,
    'What moves',
    `${unit.name} per ${each}: to it above the line, away from it below`,
  );
  legend(svg, frame, [
    { name: 'in', color: INK.into },
    { name: 'out', color: INK.out },
  ]);
  const top = Math.max(...into, 0) / unit.size;
  const low = Math.max(...out, 0) / unit.size;
  const spare = (top + low || 1) * 0.04;
  const y = scale(-low - spare, top + spare, frame.top + frame.height, frame.top);
  horizontalGrid(svg, frame, y, (v) => `${Math.abs(Number(v.toPrecision(6)))}`, 6);
  const step = frame.width / Math.max(1, groups.length);
  const width = Math.max(0.8, Math.min(24, step * 0.7));
  const bars = (values: number[], sign: number): string => {
    let d = '';
    values.forEach((value, i) => {
      if (value === 0) return;
      const x = frame.left + (i + 0.5) * step - width / 2;
      const end = y.at((sign * value) / unit.size);
      d += `M${tenth(x)} ${tenth(y.at(0))}V${tenth(end)}h${tenth(width)}V${tenth(y.at(0))}Z`;
    });
    return d;
  };
  svg.path(bars(into, 1), { fill: INK.into });
  svg.path(bars(out, -1), { fill: INK.out });
  svg.path(`M${frame.left} ${tenth(y.at(0))}h${frame.width}`, { stroke: INK.text });
  namesBelow(
    svg,
    frame,
    groups.map((g) => g.name),
    (i) => frame.left + (i + 0.5) * step,
  );
}

function byteUnit(most: number): { name: string; size: number } {
  const names = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];
  const power = Math.min(names.length - 1, Math.max(0, Math.floor(Math.log2(most) / 10)));
  return { name: names[power]!, size: 1024 ** power };
}
