import { formatValue, type Json } from '../../codec/index.ts';
import { type CrushMap, crushDump } from '../../crush/index.ts';

/** What an entry of a list is called where the format names it. Source: CrushWrapper::dump, release 16.2. */
const ENTRY_NAMES: Readonly<Record<string, string>> = {
  devices: 'device',
  types: 'type',
  buckets: 'bucket',
  items: 'item',
  rules: 'rule',
  steps: 'step',
  weight_set: 'weights',
  weights: 'weight',
  ids: 'id',
};
/** The lists of `choose_args` are called by pool, their entries by this. */
const CHOOSE_ARGS_ENTRY = 'choose_args';
const ROOT = 'crush_map';

/**
 * What `--dump` prints, in one of the formats of Ceph's formatters; `json-pretty` for a name it does not know. Source:
 * common/Formatter.cc, release 16.2.
 */
export function dumpText(map: CrushMap, format: string): string {
  const value: Json = crushDump(map);
  switch (format) {
    case 'json':
      return `${formatValue(value, false)}\n`;
    case 'xml':
      return `${elements(ROOT, value, { field, pretty: false })}\n`;
    case 'xml-pretty':
      return `${elements(ROOT, value, { field, pretty: true })}\n\n`;
    case 'html':
      return `${elements(ROOT, value, { field: listed, pretty: false })}\n`;
    case 'html-pretty':
      return `${elements(ROOT, value, { field: listed, pretty: true })}\n\n`;
    default:
      return `${formatValue(value, true)}\n\n`;
  }
}

interface Style {
  field(name: string, text: string): string;
  pretty: boolean;
}

const field = (name: string, text: string): string => `<${name}>${escaped(text)}</${name}>`;
const listed = (name: string, text: string): string => `<li>${name}: ${escaped(text)}</li>`;

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

function elements(name: string, value: Json, style: Style, depth = 0): string {
  const indent = style.pretty ? ' '.repeat(depth) : '';
  const end = style.pretty ? '\n' : '';
  if (typeof value !== 'object') {
    const text = typeof value === 'number' ? formatValue(value, false) : String(value);
    return `${indent}${style.field(name, text)}${end}`;
  }
  const entries: Iterable<readonly [string, Json | undefined]> = Array.isArray(value)
    ? value.map((v: Json) => [ENTRY_NAMES[name] ?? CHOOSE_ARGS_ENTRY, v] as const)
    : value instanceof Map
      ? value
      : Object.entries(value);
  let inner = '';
  for (const [key, v] of entries) {
    if (v !== undefined) inner += elements(key, v, style, depth + 1);
  }
  return `${indent}<${name}>${end}${inner}${indent}</${name}>${end}`;
}
