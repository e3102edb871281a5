import { formatValue } from '../../codec/index.ts';
import { currentWeight, removeItem } from '../../crush/index.ts';
import { OSD_STATE, type OSDMap } from '../../maps/index.ts';
import { UUID_ZERO } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import type { Change } from '../change.ts';
import { type CommandSpec, changed, type Decision, ok, refuse, unchanged } from '../command.ts';
import { editCrush } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { destroySafety } from '../views/index.ts';
import { parseOsdIds } from './osd-ids.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_osd_new and its neighbours).

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function lowestFree(osdmap: OSDMap): number {
  let id = 0;
  while (osdmap.exists(id)) id++;
  return id;
}

/** The change that makes an OSD exist: it has an id, and no data until it boots. */
function makeOsd(osdmap: OSDMap, id: number, uuid: string): Change {
  return {
    osdmap: {
      ...(id >= osdmap.data.maxOsd ? { newMaxOsd: id + 1 } : {}),
      newState: new Map([[id, OSD_STATE.exists | OSD_STATE.new]]),
      newWeight: new Map([[id, 0]]),
      ...(uuid === UUID_ZERO ? {} : { newUuid: new Map([[id, uuid]]) }),
    },
  };
}

/** The change that gives the place of a destroyed OSD to another store: it keeps its weight, and what is mapped to it. */
function remakeOsd(bits: number, id: number, uuid: string): Change {
  const flips = OSD_STATE.destroyed | (bits & OSD_STATE.new ? 0 : OSD_STATE.new);
  return { osdmap: { newState: new Map([[id, flips]]), newUuid: new Map([[id, uuid]]) } };
}

function create(state: MonState, args: CommandArgs) {
  const { osdmap } = state;
  const uuid = (args.text('uuid') ?? UUID_ZERO).toLowerCase();
  if (!UUID.test(uuid)) return unchanged(refuse('EINVAL', `invalid UUID value '${uuid}'.`));
  const wanted = args.number('id');
  const reply = (id: number) => ok(args.json ? formatValue({ osdid: id }, args.pretty) : `${id}\n`);
  const owner = uuid === UUID_ZERO ? -1 : [...osdmap.data.osdUuid].indexOf(uuid);
  if (owner >= 0 && osdmap.exists(owner)) {
    if (wanted === undefined || wanted === owner) return unchanged(reply(owner));
    const text = `uuid ${uuid} already in use for different id ${owner}`;
    return unchanged(refuse('EEXIST', text));
  }
  const id = wanted ?? lowestFree(osdmap);
  if (id < 0) {
    return unchanged(refuse('EINVAL', 'invalid OSD id; must be greater or equal than zero.'));
  }
  if (osdmap.exists(id)) {
    const bits = osdmap.data.osdState[id]!;
    if (bits & OSD_STATE.destroyed) return changed(reply(id), remakeOsd(bits, id, uuid));
    return unchanged(refuse('EINVAL', `id ${id} already in use and does not match uuid ${uuid}`));
  }
  const limit = Number(state.option('mon_max_osd'));
  if (id >= limit) return unchanged(refuse('ERANGE', `osd id ${id} is not below ${limit}`));
  return changed(reply(id), makeOsd(osdmap, id, uuid));
}

/** The change that makes OSDs not exist; with `crush`, they leave the CRUSH map too. */
function forget(osdmap: OSDMap, osds: readonly number[], crush: boolean): Change {
  const map = crush
    ? editCrush(osdmap, (m) => {
        const placed = osds.filter((o) => m.itemNames.has(o) || currentWeight(m, o) !== undefined);
        for (const osd of placed) removeItem(m, osd);
        return placed.length > 0;
      })
    : undefined;
  return {
    osdmap: {
      newState: new Map(osds.map((osd) => [osd, OSD_STATE.exists])),
      ...(map ? { crush: map } : {}),
    },
    osdMetadata: new Map(osds.map((osd) => [osd, undefined])),
  };
}

function remove(state: MonState, args: CommandArgs) {
  const { osdmap } = state;
  const ids = parseOsdIds(args.list('ids'), () => osdmap.osds());
  const gone: number[] = [];
  const said: string[] = [];
  let busy = false;
  for (const osd of ids) {
    if (!osdmap.exists(osd)) said.push(`osd.${osd} does not exist. `);
    else if (osdmap.isUp(osd)) {
      said.push(`osd.${osd} is still up; must be down before removal. `);
      busy = true;
    } else {
      said.push(`${gone.length > 0 ? ', ' : 'removed '}osd.${osd}`);
      gone.push(osd);
    }
  }
  const reply = busy ? refuse('EBUSY', said.join('')) : ok('', said.join(''));
  return gone.length > 0 ? changed(reply, forget(osdmap, gone, false)) : unchanged(reply);
}

const SURE =
  "Are you SURE?  Did you verify with 'ceph osd safe-to-destroy'?  This will mean real, permanent data loss, as well as deletion of cephx and lockbox keys. Pass --yes-i-really-mean-it if you really do.";
const FORCE =
  '\nYou can proceed by passing --force, but be warned that this will likely mean real, permanent data loss.';

type Doom = (state: MonState, args: CommandArgs) => Decision;

/** First what the manager looks at: is anything still needed that this OSD holds? (DaemonServer::_handle_command) */
function unlessNeeded(then: Doom): Doom {
  return (state, args) => {
    const { refusal } = destroySafety(state, [args.needNumber('id')]);
    const isForced = args.flag('force') || args.flag('yes_i_really_mean_it');
    if (refusal && !isForced) return unchanged(refuse(refusal.errno, refusal.text + FORCE));
    return then(state, args);
  };
}

/** What the monitor itself asks for. */
function ifSure(then: Doom): Doom {
  return (state, args) =>
    args.flag('yes_i_really_mean_it') ? then(state, args) : unchanged(refuse('EPERM', SURE));
}

/** An OSD that is gone already needs no more, and one that is up is not given up. */
function ifDown(then: (state: MonState, id: number) => Decision): Doom {
  return (state, args) => {
    const id = args.needNumber('id');
    const { osdmap } = state;
    if (!osdmap.exists(id)) return unchanged(ok('', `osd.${id} does not exist`));
    if (osdmap.isUp(id)) return unchanged(refuse('EBUSY', `osd.${id} is not \`down\`.`));
    return then(state, id);
  };
}

const purge = ifDown(({ osdmap }, id) =>
  changed(ok('', `purged osd.${id}`), forget(osdmap, [id], true)),
);

const purgeNew = ifDown(({ osdmap }, id) => {
  const isNew = (osdmap.data.osdState[id]! & OSD_STATE.new) !== 0;
  if (!isNew) return unchanged(refuse('EPERM', `osd.${id} is not new`));
  return changed(ok('', `purged osd.${id}`), forget(osdmap, [id], true));
});

/** Its data are given up, its place is kept: what it had is lost, and another store may take its id. */
const destroy = ifDown(({ osdmap }, id) => {
  const reply = ok('', `destroyed osd.${id}`);
  if (osdmap.data.osdState[id]! & OSD_STATE.destroyed) return unchanged(reply);
  return changed(reply, {
    osdmap: {
      newState: new Map([[id, OSD_STATE.destroyed]]),
      newUuid: new Map([[id, UUID_ZERO]]),
    },
  });
});

const base = { module: 'osd', perm: 'rw' } as const;
const sure = 'name=yes_i_really_mean_it,type=CephBool,req=false';
const doomed = `name=id,type=CephOsdName name=force,type=CephBool,req=false ${sure}`;

/** How OSDs come into the map and leave it. */
export const osdLifecycleCommands: CommandSpec[] = [
  {
    ...base,
    sig: 'osd new name=uuid,type=CephUUID,req=true name=id,type=CephOsdName,req=false',
    help: 'Give an id to a new OSD; its uuid makes the request repeatable.',
    decide: create,
  },
  {
    ...base,
    flags: 4,
    sig: 'osd create name=uuid,type=CephUUID,req=false name=id,type=CephOsdName,req=false',
    help: 'Same as osd new; the uuid may be left out.',
    decide: create,
  },
  {
    ...base,
    flags: 4,
    sig: 'osd rm name=ids,type=CephString,n=N',
    help: 'Remove OSDs that are down from the map.',
    decide: remove,
  },
  {
    ...base,
    sig: `osd purge ${doomed}`,
    help: 'Remove an OSD from all maps.',
    decide: unlessNeeded(purge),
  },
  {
    ...base,
    sig: `osd purge-new name=id,type=CephOsdName ${sure}`,
    help: 'Remove an OSD that never booted.',
    decide: ifSure(purgeNew),
  },
  {
    ...base,
    flags: 32,
    sig: `osd purge-actual name=id,type=CephOsdName ${sure}`,
    help: 'Same as osd purge, whatever may still be needed.',
    decide: ifSure(purge),
  },
  {
    ...base,
    sig: `osd destroy ${doomed}`,
    help: "Give up an OSD's data but keep its id and place.",
    decide: unlessNeeded(destroy),
  },
  {
    ...base,
    flags: 32,
    sig: `osd destroy-actual name=id,type=CephOsdName ${sure}`,
    help: 'Same as osd destroy, whatever may still be needed.',
    decide: ifSure(destroy),
  },
];
