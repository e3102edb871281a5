import { CRUSH_ITEM_NONE } from '../../crush/index.ts';
import type { OSDMap, PgKey, UpmapItem } from '../../maps/index.ts';
import { formatPgId, parsePgId } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import type { OsdMapPatch } from '../change.ts';
import { CommandFailure, type CommandSpec, changed, ok } from '../command.ts';
import type { MonState } from '../state.ts';
import { needFireflyClients, needUpmapClients } from './client-floor.ts';
import { needOsd } from './osd-ids.ts';

// What places single PGs otherwise than CRUSH does. Texts and the order of checks follow Ceph 16.2
// (OSDMonitor::prepare_command_impl). An override that does not serve is answered like any other and dropped by the
// epoch that would bring it: see services/pg-overrides.ts.

/** One command on one PG that exists: what to say and what to change. @throws CommandFailure */
type Override = (map: OSDMap, pg: PgKey, args: CommandArgs) => readonly [string, OsdMapPatch];

/** @throws CommandFailure EINVAL, ENOENT */
function needPg(map: OSDMap, text: string): PgKey {
  const pg = parsePgId(text.toLowerCase());
  if (!pg) throw new CommandFailure('EINVAL', `invalid pgid '${text}'`);
  const key = formatPgId(pg);
  const pool = map.pool(pg.pool);
  if (!pool || pg.seed >= pool.pgNum)
    throw new CommandFailure('ENOENT', `pg ${key} does not exist`);
  return key;
}

const poolOf = (map: OSDMap, pg: PgKey) => map.pool(parsePgId(pg)!.pool)!;

/** @throws CommandFailure EINVAL: a PG has no place for so many OSDs, or could not work with so few */
function needFittingCount(map: OSDMap, pg: PgKey, count: number): void {
  const { size, minSize } = poolOf(map, pg);
  const limit =
    count < minSize ? `< pool min size (${minSize})` : count > size && `> pool size (${size})`;
  if (limit) throw new CommandFailure('EINVAL', `num of osds (${count}) ${limit}`);
}

const upmapCommand =
  (override: Override) =>
  ({ osdmap }: MonState, args: CommandArgs) => {
    needUpmapClients(osdmap);
    const [text, patch] = override(osdmap, needPg(osdmap, args.needText('pgid')), args);
    return changed(ok('', text), { osdmap: patch });
  };

const setUpmap: Override = (map, pg, args) => {
  const ids = args.needNumbers('id');
  needFittingCount(map, pg, ids.length);
  const osds = new Set<number>();
  let notes = '';
  for (const osd of ids) {
    if (osd !== CRUSH_ITEM_NONE) needOsd(map, osd, notes);
    if (osds.has(osd)) notes += `osd.${osd} already exists, `;
    osds.add(osd);
  }
  const row = [...osds];
  const text = `${notes}set ${pg} pg_upmap mapping to [${row}]`;
  return [text, { newPgUpmap: new Map([[pg, row]]) }];
};

const setUpmapItems: Override = (map, pg, args) => {
  const ids = args.needNumbers('id');
  if (ids.length % 2 !== 0) {
    throw new CommandFailure('EINVAL', 'you must specify pairs of osd ids to be remapped');
  }
  const { size } = poolOf(map, pg);
  const count = ids.length / 2;
  if (count > size) {
    throw new CommandFailure('EINVAL', `num of osd pairs (${count}) > pool size (${size})`);
  }
  const items: UpmapItem[] = [];
  let notes = '';
  for (let i = 0; i < ids.length; i += 2) {
    const [from, to] = [ids[i]!, ids[i + 1]!];
    if (from === to) {
      notes += `from osd.${from} == to osd.${to}, `;
      continue;
    }
    needOsd(map, from, notes);
    if (to !== CRUSH_ITEM_NONE) needOsd(map, to, notes);
    const isKnown = items.some((item) => item[0] === from && item[1] === to);
    if (isKnown) notes += `osd.${from} -> osd.${to} already exists, `;
    else items.push([from, to]);
  }
  if (items.length === 0) {
    throw new CommandFailure('EINVAL', `${notes}no valid upmap items(pairs) is specified`);
  }
  const shown = items.map(([from, to]) => `${from}->${to}`);
  const text = `${notes}set ${pg} pg_upmap_items mapping to [${shown}]`;
  return [text, { newPgUpmapItems: new Map([[pg, items]]) }];
};

const removeUpmap: Override = (_map, pg) => [
  `clear ${pg} pg_upmap mapping`,
  { oldPgUpmap: new Set([pg]) },
];

const removeUpmapItems: Override = (_map, pg) => [
  `clear ${pg} pg_upmap_items mapping`,
  { oldPgUpmapItems: new Set([pg]) },
];

function pgTemp({ osdmap }: MonState, args: CommandArgs) {
  const pg = needPg(osdmap, args.needText('pgid'));
  const osds = args.has('id') ? args.needNumbers('id') : [];
  for (const osd of osds) needOsd(osdmap, osd);
  if (osds.length > 0) needFittingCount(osdmap, pg, osds.length);
  const text =
    osds.length > 0
      ? `set ${pg} pg_temp mapping to [${osds}]`
      : `done cleaning up pg_temp of ${pg}`;
  return changed(ok('', text), { osdmap: { newPgTemp: new Map([[pg, osds]]) } });
}

function primaryTemp({ osdmap }: MonState, args: CommandArgs) {
  const pg = needPg(osdmap, args.needText('pgid'));
  const osd = args.needNumber('id');
  // -1 takes the entry away; the `ceph` program does not let it through.
  if (osd !== -1) needOsd(osdmap, osd);
  needFireflyClients(osdmap, 'primary-temp');
  return changed(ok('', `set ${pg} primary_temp mapping to ${osd}`), {
    osdmap: { newPrimaryTemp: new Map([[pg, osd]]) },
  });
}

const base = { module: 'osd', perm: 'rw' } as const;
const pgid = 'name=pgid,type=CephPgid';
const ids = 'name=id,type=CephOsdName,n=N';

/** Where single PGs live, against or for a while instead of what CRUSH says. */
export const pgOverrideCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd pg-upmap ${pgid} ${ids}`,
    help: 'Place a PG on these OSDs.',
    decide: upmapCommand(setUpmap),
  },
  {
    ...base,
    sig: `osd rm-pg-upmap ${pgid}`,
    help: 'Forget on which OSDs a PG was to be.',
    decide: upmapCommand(removeUpmap),
  },
  {
    ...base,
    sig: `osd pg-upmap-items ${pgid} ${ids}`,
    help: 'Place a PG on the second OSD of each pair instead of the first.',
    decide: upmapCommand(setUpmapItems),
  },
  {
    ...base,
    sig: `osd rm-pg-upmap-items ${pgid}`,
    help: 'Forget which OSDs were to stand in for others in a PG.',
    decide: upmapCommand(removeUpmapItems),
  },
  {
    ...base,
    sig: `osd pg-temp ${pgid} ${ids},req=false`,
    help: 'Let these OSDs serve a PG for now, or with none those that should.',
    decide: pgTemp,
  },
  {
    ...base,
    sig: `osd primary-temp ${pgid} name=id,type=CephOsdName`,
    help: 'Let this OSD be the primary of a PG for now.',
    decide: primaryTemp,
  },
];
