import { lookup } from 'node:dns/promises';
import { addMon, hasMonAt, type MonMap, rankedByAddr } from '../../maps/index.ts';
import { ADDR, type EntityAddr } from '../../wire/index.ts';
import type { ToolConfig } from '../tool-config.ts';
import { ToolFailure, type ToolIo } from '../tool-io.ts';
import { ambiguousAddrs, parseAddr, parseAddrVec } from './addresses.ts';

/** Exit statuses: the low byte of a negative errno. */
const STATUS = { einval: 256 - 22, enoent: 256 - 2 } as const;

/**
 * Adds the monitors that the configuration names: `mon host` with made-up names, else the sections `mon.NAME`. Looking
 * for them in DNS records is left out. Source: MonMap::build_initial, release 16.2.
 * @throws ToolFailure
 */
export async function generate(map: MonMap, config: ToolConfig, io: ToolIo): Promise<MonMap> {
  const monHost = config.text('mon_host') ?? '';
  if (monHost !== '') return rankedByAddr(await fromMonHost(map, monHost, io));
  const next = fromSections(map, config);
  if (next.ranks.length === 0)
    throw new ToolFailure('no monitors specified to connect to.', STATUS.enoent);
  return rankedByAddr(next);
}

async function fromMonHost(map: MonMap, text: string, io: ToolIo): Promise<MonMap> {
  const groups = words(text).map((word) => parseAddrVec(word, ADDR.any));
  const known = groups.every((group) => group !== undefined) ? groups : await resolved(text, io);
  if (known === undefined) {
    throw new ToolFailure(`unable to parse addrs in '${text}'`, STATUS.einval);
  }
  return known.reduce((next, group, i) => {
    const name = `noname-${String.fromCharCode('a'.charCodeAt(0) + i)}`;
    const addrs = group.length === 1 ? ambiguousAddrs(group[0]!) : group;
    return hasMonAt(next, addrs) ? next : addMon(next, { name, addrs });
  }, map);
}

/** Words between spaces, commas and semicolons, but not inside brackets. */
function words(text: string): string[] {
  return text.match(/(?:\[[^\]]*(?:\[[^\]]*\][^\]]*)*\]|[^\s,;])+/g) ?? [];
}

/** Looks the hosts' names up. */
async function resolved(text: string, io: ToolIo): Promise<EntityAddr[][] | undefined> {
  const out: EntityAddr[][] = [];
  for (const word of words(text)) {
    const [, host = word, port] = /^(.*?)(?::(\d+))?$/.exec(word) ?? [];
    try {
      const { address } = await lookup(host);
      out.push([{ type: ADDR.any, nonce: 0, host: address, port: Number(port ?? 0) }]);
    } catch {
      io.out(`server name not found: ${host} (Name or service not known)\n`);
      return undefined;
    }
  }
  return out;
}

function fromSections(map: MonMap, { conf }: ToolConfig): MonMap {
  let next = map;
  for (const [section, own] of [...conf].sort((a, b) => (a[0] < b[0] ? -1 : 1))) {
    const name = /^mon\.(.+)$/.exec(section)?.[1];
    if (name === undefined) continue;
    const said = (key: string): string | undefined =>
      own.get(key) ?? conf.get('mon')?.get(key) ?? conf.get('global')?.get(key);
    const text = said('mon_addr');
    if (text === undefined) continue;
    const addr = parseAddr(text);
    if (!addr)
      throw new ToolFailure(
        `unable to parse address for mon.${name}: addr='${text}'`,
        STATUS.enoent,
      );
    const addrs = [{ ...addr, type: ADDR.legacy, port: addr.port || 6789 }];
    const priority = Number(said('mon_priority') ?? 0);
    next = addMon(next, { name, addrs, priority, weight: Number(said('mon_weight') ?? 0) });
  }
  return next;
}
