import { CephError } from '../errors/index.ts';
import { ADDR, type EntityAddr } from '../wire/index.ts';

/** Sections of a ceph.conf: names as written, keys normalised to `lower_case_with_underscores`. */
export type CephConf = ReadonlyMap<string, ReadonlyMap<string, string>>;

/**
 * Parses ceph.conf: `[section]`, `key = value`, comments from `#` or `;`, a backslash joins lines; spaces, dashes and
 * underscores in keys are the same. Source: doc/rados/configuration/ceph-conf.rst, 16.2.
 * @throws CephError EINVAL with the line's number
 */
export function parseCephConf(text: string): CephConf {
  const sections = new Map<string, Map<string, string>>();
  let section = new Map<string, string>();
  sections.set('global', section);
  const lines = text.replace(/\\\r?\n/g, ' ').split(/\r?\n/);
  lines.forEach((raw, i) => {
    const line = stripComment(raw).trim();
    if (line === '') return;
    const heading = /^\[(.*)\]$/.exec(line);
    if (heading) {
      const name = heading[1]!.trim();
      section = sections.get(name) ?? new Map<string, string>();
      sections.set(name, section);
      return;
    }
    const at = line.indexOf('=');
    if (at < 1)
      throw new CephError('EINVAL', `line ${i + 1}: expected 'key = value', found '${line}'`);
    section.set(confKey(line.slice(0, at)), unquote(line.slice(at + 1).trim()));
  });
  return sections;
}

/** The value that applies to an entity: its own section, its type's, then `[global]`. */
export function confValue(conf: CephConf, entity: string, key: string): string | undefined {
  const type = entity.split('.', 1)[0]!;
  const k = confKey(key);
  return conf.get(entity)?.get(k) ?? conf.get(type)?.get(k) ?? conf.get('global')?.get(k);
}

function confKey(key: string): string {
  return key
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, '_');
}

function stripComment(line: string): string {
  let quote = '';
  for (let i = 0; i < line.length; i++) {
    const c = line[i]!;
    if (quote) {
      if (c === quote) quote = '';
    } else if (c === '"' || c === "'") quote = c;
    else if ((c === '#' || c === ';') && line[i - 1] !== '\\') return line.slice(0, i);
  }
  return line;
}

function unquote(v: string): string {
  const m = /^(["'])(.*)\1$/.exec(v);
  return m ? m[2]! : v;
}

/** Ports of a monitor that gives none. Source: IANA, src/include/msgr.h. */
const MON_PORT_V2 = 3300;

/**
 * The msgr2 addresses of `mon host`: a list of `host[:port]`, `v2:host:port[/nonce]` and bracketed groups of these.
 * Entries of type v1 are passed over; an entry without a type is tried as v2, as Ceph does.
 * @throws CephError EINVAL when nothing usable is left
 */
export function parseMonHost(text: string): EntityAddr[] {
  const out: EntityAddr[] = [];
  // Group brackets hold a type prefix inside; the brackets of an IPv6 address do not.
  const flat = text.replace(/\[((?:v1|v2|any):[^\]]*(?:\[[^\]]*\][^\]]*)*)\]/g, '$1');
  for (const word of flat.split(/[\s,;]+/)) {
    if (word === '') continue;
    const m = /^(?:(v1|v2|any):)?(\[[0-9a-fA-F:]+\]|[^:/]+)(?::(\d+))?(?:\/(\d+))?$/.exec(word);
    if (!m) throw new CephError('EINVAL', `mon host: cannot read '${word}'`);
    if (m[1] === 'v1') continue;
    const port = m[3] === undefined ? MON_PORT_V2 : Number(m[3]);
    if (port > 65535) throw new CephError('EINVAL', `mon host: port ${port} in '${word}'`);
    const host = m[2]!.replace(/^\[|\]$/g, '');
    out.push({ type: ADDR.msgr2, nonce: Number(m[4] ?? 0), host, port });
  }
  if (out.length === 0) throw new CephError('EINVAL', `mon host: no v2 address in '${text}'`);
  return out;
}
