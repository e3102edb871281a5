/** Colours that people of every colour vision tell apart (Okabe and Ito), and greys. */
export const INK = {
  text: '#222222',
  soft: '#666666',
  axis: '#999999',
  grid: '#e6e6e6',
  before: '#8f8f8f',
  after: '#0072b2',
  into: '#0072b2',
  out: '#d55e00',
  least: '#009e73',
} as const;

/** Attributes of an element; numbers are rounded to a tenth. */
export type Attributes = Readonly<Record<string, string | number | undefined>>;

/** Where a picture's parts are collected. Coordinates are pixels from the top left. */
export class Svg {
  readonly width: number;
  readonly height: number;
  private readonly parts: string[] = [];

  constructor(width: number, height: number) {
    this.width = width;
    this.height = height;
  }

  private add(tag: string, attributes: Attributes, content?: string): void {
    let text = `<${tag}`;
    for (const [name, value] of Object.entries(attributes)) {
      if (value === undefined) continue;
      text += ` ${name}="${typeof value === 'number' ? tenth(value) : escapeXml(value)}"`;
    }
    this.parts.push(content === undefined ? `${text}/>` : `${text}>${content}</${tag}>`);
  }

  rect(x: number, y: number, width: number, height: number, more: Attributes): void {
    this.add('rect', { x, y, width, height, ...more });
  }

  /** An unbroken line through points. */
  line(points: readonly (readonly [number, number])[], more: Attributes): void {
    const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${tenth(x)} ${tenth(y)}`).join('');
    this.add('path', { d, fill: 'none', ...more });
  }

  /** Many separate pieces in one element: each `M...` of its own. */
  path(d: string, more: Attributes): void {
    if (d !== '') this.add('path', { d, ...more });
  }

  text(x: number, y: number, content: string, more: Attributes = {}): void {
    this.add('text', { x, y, fill: INK.text, 'font-size': 12, ...more }, escapeXml(content));
  }

  /** @param title what a screen reader says */
  finish(title: string): string {
    const head =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${this.width}" height="${this.height}" ` +
      `viewBox="0 0 ${this.width} ${this.height}" role="img" ` +
      'font-family="Helvetica, Arial, sans-serif">';
    const background = `<rect width="${this.width}" height="${this.height}" fill="#ffffff"/>`;
    return [
      head,
      `<title>${escapeXml(title)}</title>`,
      background,
      ...this.parts,
      '</svg>',
      '',
    ].join('\n');
  }
}

/** As short as a tenth of a pixel needs. */
export function tenth(n: number): string {
  return `${Math.round(n * 10) / 10}`;
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
}
