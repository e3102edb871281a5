import {
  type OSDMap,
  osdJson,
  osdLine,
  osdMapJson,
  osdMapText,
  poolJson,
  poolsText,
} from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandReply, type ReadCommand, refuse } from '../command.ts';
import { mapFor } from './epoch.ts';
import { textOrValue } from './reply.ts';

function osdInfo(map: OSDMap, args: CommandArgs): CommandReply {
  const id = args.number('id');
  if (id === undefined) {
    return textOrValue(
      args,
      () =>
        map
          .osds()
          .map((osd) => osdLine(map, osd))
          .join(''),
      () => map.osds().map((osd) => osdJson(map, osd)),
      { end: 'newline' },
    );
  }
  if (!map.exists(id)) return refuse('EINVAL', `osd.${id} does not exist`);
  return textOrValue(
    args,
    () => osdLine(map, id),
    () => osdJson(map, id),
    { end: 'newline' },
  );
}

function poolLs(map: OSDMap, args: CommandArgs): CommandReply {
  const pools = [...map.data.pools].sort((a, b) => a[0] - b[0]);
  const nameOf = (id: number): string => map.poolName(id) ?? '';
  if (args.text('detail') !== 'detail') {
    const names = pools.map(([id]) => nameOf(id));
    return textOrValue(
      args,
      () => names.map((n) => `${n}\n`).join(''),
      () => names,
    );
  }
  return textOrValue(
    args,
    () => `${poolsText(map)}\n`,
    () => pools.map(([id, pool]) => ({ pool_id: id, pool_name: nameOf(id), ...poolJson(pool) })),
  );
}

export const osdDumpCommands: ReadCommand[] = [
  {
    sig: 'osd dump name=epoch,type=CephInt,range=0,req=false',
    help: 'Print the OSD map',
    module: 'osd',
    perm: 'r',
    run: (state, args) => {
      const map = mapFor(state, args);
      return textOrValue(
        args,
        () => osdMapText(map),
        () => osdMapJson(map),
        { end: 'newline' },
      );
    },
  },
  {
    sig: 'osd info name=id,type=CephOsdName,req=false',
    help: 'Print what the map says of one OSD, or of each',
    module: 'osd',
    perm: 'r',
    run: (state, args) => osdInfo(state.osdmap, args),
  },
  {
    sig: 'osd pool ls name=detail,type=CephChoices,strings=detail,req=false',
    help: 'List the pools',
    module: 'osd',
    perm: 'r',
    run: (state, args) => poolLs(state.osdmap, args),
  },
];
