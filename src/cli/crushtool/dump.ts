import { formatValue, general } from '../../codec/index.ts';
import { type CrushMap, crushDump } from '../../crush/index.ts';
import { crushDumpToXml } from './xml.ts';

/**
 * What `--dump` prints, in the formats of Ceph's formatters but for its tables; `json-pretty` for a name it does not know.
 * Source: common/Formatter.cc, release 16.2.
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
