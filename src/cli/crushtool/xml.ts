import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { general } from '../../codec/index.ts';
import type { CrushDocument } from '../../crush/index.ts';
import { CephError } from '../../errors/index.ts';

/**
 * A CRUSH map's document as XML, nested as Ceph's XML formatter nests the same output. Keys that XML does not take for
 * names, which are pool ids, have an underscore before them; Ceph writes them without, and is read so too.
 */

/** What the items of a list are called. */
const ITEM_NAMES: Readonly<Record<string, string>> = {
  devices: 'device',
  types: 'type',
  buckets: 'bucket',
  items: 'item',
  rules: 'rule',
  steps: 'step',
  weight_set: 'weights',
  weights: 'weight',
  ids: 'id',
  classes: 'class',
  sums: 'sum',
  node_weights: 'node_weight',
  straws: 'straw',
  item_names: 'item',
  rule_names: 'rule',
  item_classes: 'item',
  class_buckets: 'bucket',
  shadows: 'shadow',
};
/** Items of the lists under `choose_args`, whose names are pool ids. */
const KEYED_ITEM_NAME = 'choose_args';
const ROOT = 'crush_map';

/** A document as a whole XML file. @throws CephError EINVAL for names with characters that XML cannot have */
export function crushDocumentToXml(doc: CrushDocument): string {
  const root = element(ROOT, doc, { pretty: true, keyPrefix: '_' }, '');
  return `<?xml version="1.0" encoding="UTF-8"?>\n${root}`;
}

/**
 * What `--dump` prints as XML, byte for byte as Ceph's formatter does, pool ids as element names included.
 * @param dump the output of `crushDump`
 */
export function crushDumpToXml(dump: object, pretty: boolean): string {
  return element(ROOT, dump, { pretty, keyPrefix: '' }, '');
}

interface Style {
  pretty: boolean;
  /** Before keys that begin with a digit or a minus sign. */
  keyPrefix: string;
}

function element(name: string, value: unknown, style: Style, indent: string): string {
  const tag = /^[-0-9]/.test(name) ? style.keyPrefix + name : name;
  const end = style.pretty ? '\n' : '';
  const lead = style.pretty ? indent : '';
  if (typeof value !== 'object' || value === null) {
    // As many digits as tell every double apart, which is what Ceph prints.
    const text = typeof value === 'number' ? general(value, 17) : String(value);
    return `${lead}<${tag}>${escaped(text)}</${tag}>${end}`;
  }
  const itemName = ITEM_NAMES[name] ?? KEYED_ITEM_NAME;
  const fields: [string, unknown][] = Array.isArray(value)
    ? value.map((item) => [itemName, item])
    : value instanceof Map
      ? [...value]
      : Object.entries(value).filter(([, field]) => field !== undefined);
  const inner = fields.map(([key, field]) => element(key, field, style, `${indent} `)).join('');
  return `${lead}<${tag}>${end}${inner}${lead}</${tag}>${end}`;
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  "'": '&apos;',
  '"': '&quot;',
};

function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
  if (/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(text)) {
    throw new CephError('EINVAL', `${JSON.stringify(text)} cannot be written as XML`);
  }
  return text
    .replace(/[&<>'"]/g, (c) => ESCAPES[c]!)
    .replace(/[\t\n\r]/g, (c) => `&#${c.charCodeAt(0)};`);
}

/** As the parser gives it, in order: an element by its name, or text. */
type XmlNode = Readonly<Record<string, unknown>>;
const CDATA = '#cdata';

/**
 * The document in an XML text, for `crushMapFromDocument`; its numbers are still texts.
 * @throws CephError EINVAL for what is not XML, or no list where there has to be one, in one line
 */
export function crushDocumentFromXml(xml: string): unknown {
  if (/<!DOCTYPE/i.test(xml)) throw new CephError('EINVAL', 'XML: has a document type');
  const wellFormed = xml.replace(/<(\/?)([-0-9][^<>]*)>/g, '<$1_$2>');
  const verdict = XMLValidator.validate(wellFormed);
  if (verdict !== true) {
    throw new CephError('EINVAL', `XML: line ${verdict.err.line}: ${verdict.err.msg}`);
  }
  const parser = new XMLParser({
    preserveOrder: true,
    trimValues: false,
    parseTagValue: false,
    processEntities: false,
    cdataPropName: CDATA,
    ignoreDeclaration: true,
    ignorePiTags: true,
  });
  const root = elementsOf(
    parsed(() => parser.parse(wellFormed) as XmlNode[]),
    'XML',
  )[0];
  if (root?.[0] !== ROOT) throw new CephError('EINVAL', `XML: the root is not ${ROOT}`);
  return readFields(root[1], ROOT, (name, nodes, path) =>
    name === KEYED_ITEM_NAME
      ? readFields(nodes, path, (_, list, at) => readList(list, KEYED_ITEM_NAME, at))
      : readValue(name, nodes, path),
  );
}

function parsed<T>(parse: () => T): T {
  try {
    return parse();
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CephError('EINVAL', `XML: ${reason}`, { cause });
  }
}

/** The elements among the nodes; there may be white space between them. */
function elementsOf(nodes: readonly XmlNode[], path: string): [name: string, nodes: XmlNode[]][] {
  const elements: [string, XmlNode[]][] = [];
  for (const node of nodes) {
    const name = Object.keys(node).find((key) => key !== ':@')!;
    if (name !== '#text' && name !== CDATA) elements.push([name, node[name] as XmlNode[]]);
    else if (textOf([node]).trim() !== '') throw new CephError('EINVAL', `${path}: has stray text`);
  }
  return elements;
}

function textOf(nodes: readonly XmlNode[]): string {
  return nodes
    .map((node) =>
      CDATA in node ? textLiterally(node[CDATA] as XmlNode[]) : unescaped(String(node['#text'])),
    )
    .join('');
}

function textLiterally(nodes: readonly XmlNode[]): string {
  return nodes.map((node) => String(node['#text'])).join('');
}

function readFields(
  nodes: readonly XmlNode[],
  path: string,
  read: (name: string, nodes: XmlNode[], path: string) => unknown,
): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  for (const [tag, inner] of elementsOf(nodes, path)) {
    const name = /^_[-0-9]/.test(tag) ? tag.slice(1) : tag;
    const at = `${path}.${name}`;
    if (Object.hasOwn(out, name)) throw new CephError('EINVAL', `${at}: is given twice`);
    out[name] = read(name, inner, at);
  }
  return out;
}

function readList(nodes: readonly XmlNode[], itemName: string, path: string): unknown[] {
  return elementsOf(nodes, path).map(([name, inner], i) => {
    if (name === itemName) return readValue(name, inner, `${path}[${i}]`);
    throw new CephError('EINVAL', `${path}: holds ${name}, not ${itemName}`);
  });
}

function readValue(name: string, nodes: readonly XmlNode[], path: string): unknown {
  const itemName = ITEM_NAMES[name];
  if (itemName !== undefined) return readList(nodes, itemName, path);
  const isLeaf = nodes.every((node) => '#text' in node || CDATA in node);
  return isLeaf ? textOf(nodes) : readFields(nodes, path, readValue);
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  apos: "'",
  quot: '"',
};

function unescaped(text: string): string {
  return text.replace(/&([^;\s]*);?/g, (whole, word: string) => {
    const code = /^#x([0-9a-f]+)$/i.exec(word) ?? /^#([0-9]+)$/.exec(word);
    const value = code ? Number.parseInt(code[1]!, word.startsWith('#x') ? 16 : 10) : undefined;
    if (value !== undefined && value <= 0x10ffff) return String.fromCodePoint(value);
    const known = ENTITIES[word];
    if (known !== undefined && whole.endsWith(';')) return known;
    throw new CephError('EINVAL', `XML: the entity ${whole} is not known`);
  });
}
