import { type Attributes, INK, type Svg, tenth } from './svg.ts';

/** An interval of numbers on a stretch of pixels. */
export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly at: (value: number) => number;
}

export function scale(from: number, to: number, pixelFrom: number, pixelTo: number): Scale {
  const factor = to === from ? 0 : (pixelTo - pixelFrom) / (to - from);
  return { from, to, at: (value) => pixelFrom + (value - from) * factor };
}

/** About `count` round numbers within an interval, ascending. */
function ticks(from: number, to: number, count: number): number[] {
  if (!(to > from)) return [from];
  const rough = (to - from) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const ratio = rough / power;
  const step = power * (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10);
  const out: number[] = [];
  for (let i = Math.ceil(from / step); i * step <= to + step * 1e-9; i++) out.push(i * step);
  return out;
}

/** The plot's place in the picture. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A heading with its unit below. */
export function heading(svg: Svg, { left, top }: Frame, title: string, unit: string): void {
  svg.text(left, top - 26, title, { 'font-size': 14, 'font-weight': 'bold' });
  svg.text(left, top - 10, unit, { fill: INK.soft, 'font-size': 11 });
}

/** Lines across the plot with their numbers at the left. */
export function horizontalGrid(
  svg: Svg,
  frame: Frame,
  y: Scale,
  label: (value: number) => string,
  count = 5,
): void {
  let lines = '';
  for (const value of ticks(Math.min(y.from, y.to), Math.max(y.from, y.to), count)) {
    lines += `M${tenth(frame.left)} ${tenth(y.at(value))}h${tenth(frame.width)}`;
    svg.text(frame.left - 6, y.at(value) + 4, label(value), { ...SMALL, 'text-anchor': 'end' });
  }
  svg.path(lines, { stroke: INK.grid });
}

/** Numbers below the plot. */
export function numbersBelow(
  svg: Svg,
  frame: Frame,
  x: Scale,
  label: (value: number) => string,
  count = 8,
): void {
  const bottom = frame.top + frame.height;
  svg.path(`M${tenth(frame.left)} ${tenth(bottom)}h${tenth(frame.width)}`, { stroke: INK.axis });
  for (const value of ticks(x.from, x.to, count)) {
    svg.text(x.at(value), bottom + 15, label(value), { ...SMALL, 'text-anchor': 'middle' });
  }
}

const LABEL_PIXELS = 14;
/** About as wide as a character of a name is. */
const CHARACTER_PIXELS = 6.5;

/** Names below the plot: level where there is room, else slanted, and every so many when there are too many. @param at pixel of each name's middle */
export function namesBelow(
  svg: Svg,
  frame: Frame,
  names: readonly string[],
  at: (i: number) => number,
): void {
  const bottom = frame.top + frame.height;
  svg.path(`M${tenth(frame.left)} ${tenth(bottom)}h${tenth(frame.width)}`, { stroke: INK.axis });
  const widest = names.reduce((most, name) => Math.max(most, name.length), 0) * CHARACTER_PIXELS;
  if (widest * names.length < frame.width * 0.9) {
    names.forEach((name, i) => {
      svg.text(at(i), bottom + 15, name, { ...SMALL, 'text-anchor': 'middle' });
    });
    return;
  }
  const each = Math.max(1, Math.ceil((names.length * LABEL_PIXELS) / frame.width));
  for (let i = 0; i < names.length; i += each) {
    const x = at(i) + 3;
    const y = bottom + 12;
    svg.text(x, y, names[i]!, {
      ...SMALL,
      'text-anchor': 'end',
      transform: `rotate(-40 ${tenth(x)} ${tenth(y)})`,
    });
  }
}

export interface LegendEntry {
  readonly name: string;
  readonly color: string;
  /** Drawn as an outline, not filled. */
  readonly hollow?: boolean;
}

/** Names of colours, ending at the right edge. */
export function legend(svg: Svg, frame: Frame, entries: readonly LegendEntry[]): void {
  let x = frame.left + frame.width;
  for (const { name, color, hollow } of entries.toReversed()) {
    x -= name.length * CHARACTER_PIXELS + 26;
    const fill = hollow ? { fill: 'none', stroke: color, 'stroke-width': 1.5 } : { fill: color };
    svg.rect(x, frame.top - 34, 10, 10, fill);
    svg.text(x + 15, frame.top - 25, name, { 'font-size': 11 });
  }
}

const SMALL: Attributes = { 'font-size': 11, fill: INK.soft };

/** Five numbers that tell how values are spread; the list is put in order. */
export interface Quantiles {
  readonly min: number;
  readonly low: number;
  readonly median: number;
  readonly high: number;
  readonly max: number;
}

export function quantiles(values: number[]): Quantiles {
  values.sort((a, b) => a - b);
  const at = (q: number): number => values[Math.round(q * (values.length - 1))] ?? 0;
  return { min: at(0), low: at(0.25), median: at(0.5), high: at(0.75), max: at(1) };
}

/** A thin line from least to most, a box over the middle half, a notch at the median. */
export function box(
  svg: Svg,
  x: number,
  width: number,
  y: Scale,
  q: Quantiles,
  color: string,
): void {
  const middle = x + width / 2;
  svg.path(`M${tenth(middle)} ${tenth(y.at(q.min))}V${tenth(y.at(q.max))}`, { stroke: color });
  const top = y.at(q.high);
  const height = Math.max(1, y.at(q.low) - top);
  svg.rect(x, top, width, height, { fill: color });
  svg.path(`M${tenth(x)} ${tenth(y.at(q.median))}h${tenth(width)}`, { stroke: '#ffffff' });
}
