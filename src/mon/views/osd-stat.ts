import type { Json } from '../../codec/index.ts';
import { flagNames, OSDMAP_FLAG, type OSDMap, releaseName } from '../../maps/index.ts';
import { msOfUtime } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, ok, type ReadCommand } from '../command.ts';
import type { MonState } from '../state.ts';
import { mapFor } from './epoch.ts';
import { remappedCount } from './pg-view.ts';
import { textOrValue } from './reply.ts';
import { span } from './units.ts';

export function upCount(map: OSDMap): number {
  return map.osds().filter((osd) => map.isUp(osd)).length;
}
export function inCount(map: OSDMap): number {
  return map.osds().filter((osd) => map.isIn(osd)).length;
}
/** Wall clock of the newest change of what is up; 0: never. */
export function upSince(map: OSDMap): number {
  return msOfUtime(map.data.lastUpChange);
}
export function inSince(map: OSDMap): number {
  return msOfUtime(map.data.lastInChange);
}

/** Flags that a fresh cluster has and nobody needs to see. Source: OSDMap::print_summary, release 16.2. */
const QUIET =
  OSDMAP_FLAG.nearfull |
  OSDMAP_FLAG.full |
  OSDMAP_FLAG.sortbitwise |
  OSDMAP_FLAG.recovery_deletes |
  OSDMAP_FLAG.purged_snapdirs |
  OSDMAP_FLAG.pglog_hardlimit |
  OSDMAP_FLAG.require_jewel_osds |
  OSDMAP_FLAG.require_kraken_osds |
  OSDMAP_FLAG.require_luminous_osds;

/** The flags that someone set: none, or one text. */
export function hinderingFlags(state: MonState): string[] {
  const names = flagNames(state.osdmap.data.flags & ~QUIET);
  return names ? [names] : [];
}
function statText(state: MonState): string {
  const map = state.osdmap;
  const since = (ms: number): string => (ms > 0 ? ` (since ${span(state.nowMs - ms)})` : '');
  const remapped = remappedCount(state);
  const flags = hinderingFlags(state).map((names) => `flags ${names}\n`);
  return (
    `${map.osds().length} osds: ${upCount(map)} up${since(upSince(map))}, ` +
    `${inCount(map)} in${since(inSince(map))}; epoch: e${map.epoch}` +
    `${remapped > 0 ? `; ${remapped} remapped pgs` : ''}\n${flags.join('')}`
  );
}

/** Counts of OSDs, in `ceph -s` and `ceph osd stat`. */
export function osdCounts(state: MonState): Json {
  const map = state.osdmap;
  return {
    epoch: map.epoch,
    num_osds: map.osds().length,
    num_up_osds: upCount(map),
    osd_up_since: Math.floor(upSince(map) / 1000),
    num_in_osds: inCount(map),
    osd_in_since: Math.floor(inSince(map) / 1000),
    num_remapped_pgs: remappedCount(state),
  };
}

/** `ceph osd getmap`'s and `getcrushmap`'s epoch, else the newest. */
function getMap(state: MonState, args: CommandArgs): CommandReply {
  const epoch = args.number('epoch') ?? state.osdmap.epoch;
  const bytes = state.osdmapBytes(epoch);
  if (!bytes) return { result: -2, status: `there is no map for epoch ${epoch}`, output: '' };
  return ok(bytes, `got osdmap epoch ${epoch}`);
}

function getCrushMap(state: MonState, args: CommandArgs): CommandReply {
  const { data } = mapFor(state, args);
  return ok(data.crush, String(data.crushVersion));
}

export const osdStatCommands: ReadCommand[] = [
  {
    sig: 'osd stat',
    help: 'Count the OSDs that exist, are up, and are in',
    module: 'osd',
    perm: 'r',
    run: (state, args) =>
      textOrValue(
        args,
        () => statText(state),
        () => osdCounts(state),
      ),
  },
  {
    sig: 'osd getmap name=epoch,type=CephInt,range=0,req=false',
    help: 'Get the encoded OSD map',
    module: 'osd',
    perm: 'r',
    run: getMap,
  },
  {
    sig: 'osd getcrushmap name=epoch,type=CephInt,range=0,req=false',
    help: 'Get the encoded CRUSH map',
    module: 'osd',
    perm: 'r',
    run: getCrushMap,
  },
  {
    sig: 'osd get-require-min-compat-client',
    help: 'Show the oldest release that clients may have',
    module: 'osd',
    perm: 'r',
    run: (state) => ok(`${releaseName(state.osdmap.data.requireMinCompatClient)}\n`),
  },
];
