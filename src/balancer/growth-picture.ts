import {
  box,
  type Frame,
  heading,
  horizontalGrid,
  legend,
  namesBelow,
  quantiles,
  scale,
} from './chart.ts';
import type { GrowthStage } from './growth.ts';
import { INK, Svg, tenth } from './svg.ts';

export interface GrowthPicture {
  readonly title: string;
  readonly stages: readonly GrowthStage[];
  /** What each stage is called. */
  readonly names: readonly string[];
}

const WIDTH = 1100;
const PLOT: Omit<Frame, 'top'> = { left: 64, width: WIDTH - 64 - 24, height: 200 };

/** How full devices are after each step, what each moved against the least, and what a mapping costs. */
export function growthPicture(p: GrowthPicture): string {
  const tops = [0, 1, 2].map((i) => 104 + i * (PLOT.height + 124));
  const svg = new Svg(WIDTH, tops[2]! + PLOT.height + 84);
  svg.text(24, 34, p.title, { 'font-size': 19, 'font-weight': 'bold' });
  drawFullness(svg, { ...PLOT, top: tops[0]! }, p);
  drawMoved(svg, { ...PLOT, top: tops[1]! }, p);
  drawCost(svg, { ...PLOT, top: tops[2]! }, p);
  return svg.finish(p.title);
}

/** The middle of each stage's column, and how wide a column is. */
function columns(frame: Frame, count: number): { at: (i: number) => number; width: number } {
  const step = frame.width / Math.max(1, count);
  return { at: (i) => frame.left + (i + 0.5) * step, width: Math.min(60, step * 0.6) };
}

function drawFullness(svg: Svg, frame: Frame, { stages, names }: GrowthPicture): void {
  heading(
    svg,
    frame,
    'How full devices are',
    'percent of the share that weights give: least, middle half with median, most',
  );
  const all = stages.map(({ fill }) => quantiles(Array.from(fill, (f) => 100 * f)));
  const low = Math.min(100, ...all.map((q) => q.min));
  const high = Math.max(100, ...all.map((q) => q.max));
  const margin = Math.max(2, (high - low) * 0.05);
  const y = scale(Math.max(0, low - margin), high + margin, frame.top + frame.height, frame.top);
  horizontalGrid(svg, frame, y, (v) => `${tenth(v)}%`);
  svg.path(`M${frame.left} ${tenth(y.at(100))}h${frame.width}`, {
    stroke: INK.text,
    'stroke-dasharray': '5 3',
  });
  const { at, width } = columns(frame, stages.length);
  all.forEach((q, i) => {
    box(svg, at(i) - width / 4, width / 2, y, q, INK.after);
  });
  namesBelow(svg, frame, names, at);
}

function drawMoved(svg: Svg, frame: Frame, { stages, names }: GrowthPicture): void {
  heading(svg, frame, 'What each step moves', 'percent of all shards');
  legend(svg, frame, [
    { name: 'moved', color: INK.after },
    { name: 'least that the weights demand', color: INK.least },
  ]);
  const shares = stages.map(({ movement: m }) => ({
    moved: m ? 100 * m.movedRatio : 0,
    least: m?.total.shardsLeast === undefined ? 0 : (100 * m.total.shardsLeast) / m.total.shards,
  }));
  const most = Math.max(0.1, ...shares.flatMap((s) => [s.moved, s.least]));
  const bottom = frame.top + frame.height;
  const y = scale(0, most * 1.08, bottom, frame.top);
  horizontalGrid(svg, frame, y, (v) => `${Number(v.toPrecision(4))}%`);
  const { at, width } = columns(frame, stages.length);
  shares.forEach(({ moved, least }, i) => {
    if (stages[i]!.movement === undefined) return;
    const half = width / 2;
    svg.rect(at(i) - half, y.at(moved), half - 1, bottom - y.at(moved), { fill: INK.after });
    svg.rect(at(i) + 1, y.at(least), half - 1, bottom - y.at(least), { fill: INK.least });
    const ratio = least > 0 ? `× ${(moved / least).toFixed(2)}` : '';
    svg.text(at(i), y.at(Math.max(moved, least)) - 4, ratio, {
      'font-size': 11,
      'text-anchor': 'middle',
    });
  });
  namesBelow(svg, frame, names, at);
}

function drawCost(svg: Svg, frame: Frame, { stages, names }: GrowthPicture): void {
  heading(svg, frame, 'What a mapping costs', 'microseconds per PG, CRUSH alone, on one core');
  const costs = stages.map((s) => s.microsecondsPerMapping);
  const y = scale(0, Math.max(1, ...costs) * 1.1, frame.top + frame.height, frame.top);
  horizontalGrid(svg, frame, y, (v) => `${Number(v.toPrecision(4))}`);
  const { at } = columns(frame, stages.length);
  const points = costs.map((cost, i): [number, number] => [at(i), y.at(cost)]);
  svg.line(points, { stroke: INK.after, 'stroke-width': 2 });
  for (const [x, top] of points) svg.rect(x - 3, top - 3, 6, 6, { fill: INK.after });
  namesBelow(svg, frame, names, at);
}
