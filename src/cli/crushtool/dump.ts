import { formatValue, general } from '../../codec/index.ts';
import { type CrushMap, crushDump } from '../../crush/index.ts';
import { crushDumpToXml } from './xml.ts';

/**
 * What `--dump` prints, in the formats of Ceph's formatters; `json-pretty` for a name it does not know. Source:
 * common/Formatter.cc, release 16.2.
 */
export function dumpText(map: CrushMap, format: string): string {
  const dump = crushDump(map);
  switch (format) {
    case 'json':
      return `${formatValue(dump, false)}\n`;
    case 'xml':
      return `${crushDumpToXml(dump, false)}\n`;
    case 'xml-pretty':
      return `${crushDumpToXml(dump, true)}\n\n`;
    case 'html':
      return `${toHtml(crushDumpToXml(dump, false))}\n`;
    case 'html-pretty':
      return `${toHtml(crushDumpToXml(dump, true))}\n\n`;
    case 'table':
      return `${toTable(fieldsOf(crushDumpToXml(dump, false)))}\n`;
    case 'table-kv':
      return `${toKeyValues(fieldsOf(crushDumpToXml(dump, false)))}\n\n`;
    default:
      return `${formatValue(dump, true)}\n\n`;
  }
}

/** Ceph's HTML is its XML with the innermost elements as entries of a list, and fractions shortened. */
function toHtml(xml: string): string {
  return xml.replace(/<([^<>]+)>([^<>\n]+)<\/\1>/g, (_, name: string, text: string) => {
    const isFraction = name === 'weight' && /[.e]/.test(text);
    const shown = isFraction ? general(Number(text)) : text;
    return `<li>${name}: ${shown}</li>`;
  });
}

type Field = readonly [name: string, value: string];

/** Every value under the names of all that is around it, the innermost first, numbered where they repeat. */
function fieldsOf(xml: string): Field[] {
  const fields: Field[] = [];
  const counts = new Map<string, number>();
  const around: string[] = [];
  for (const [, slash, tag, text] of xml.matchAll(/<(\/?)([^<>]+)>([^<]*)/g)) {
    if (slash === '/') {
      around.shift();
      continue;
    }
    if (text !== '') {
      const name = [...around, tag].join(':');
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      fields.push([`${name}[${count}]`, unescaped(text!)]);
    }
    around.unshift(tag!);
  }
  return fields;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&amp;': '&',
  '&lt;': '<',
  '&gt;': '>',
  '&apos;': "'",
  '&quot;': '"',
};

function unescaped(text: string): string {
  return text.replace(/&\w+;/g, (entity) => ENTITIES[entity] ?? entity);
}

function toKeyValues(fields: readonly Field[]): string {
  return fields.map(([name, value]) => `key::${name}="${value}" `).join('');
}

/** One row, as wide as it gets. */
function toTable(fields: readonly Field[]): string {
  const widths = fields.map(([name, value]) => Math.max(name.length, value.length) + 2);
  const rule = `+${widths.map((width) => `${'-'.repeat(width + 1)}+`).join('')}\n`;
  const row = (which: 0 | 1): string =>
    `|${fields.map((field, i) => ` ${field[which].padEnd(widths[i]!)}|`).join('')}\n`;
  return rule + row(0) + rule + row(1) + rule;
}
