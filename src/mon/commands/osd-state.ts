import { general } from '../../codec/index.ts';
import { OSD_STATE, type OSDMap, WEIGHT_ONE } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import type { OsdMapPatch } from '../change.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { markDead, markDown } from '../services/osd-state.ts';
import type { MonState } from '../state.ts';
import { needFireflyClients } from './client-floor.ts';
import { needOsd, parseOsdIds } from './osd-ids.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** What one command does to each OSD named. */
interface Verb {
  readonly done: string;
  readonly already: string;
  /** Whom `all` means. */
  readonly all: (map: OSDMap) => (osd: number) => boolean;
  readonly needed: (map: OSDMap, osd: number) => boolean;
  readonly patch: (map: OSDMap, osds: number[]) => OsdMapPatch;
}

/** Its weight is remembered, to be given back when it is taken in again. */
function rememberWeight(map: OSDMap, osds: readonly number[], weight: (osd: number) => number) {
  return new Map(
    osds.map((osd) => [osd, { ...map.data.osdXInfo.at(osd)!, oldWeight: weight(osd) }] as const),
  );
}

const OUT: Verb = {
  done: 'marked out',
  already: 'is already out',
  all: (map) => (osd) => map.isIn(osd),
  needed: (map, osd) => map.isIn(osd),
  patch: (map, osds) => ({
    newWeight: new Map(osds.map((osd) => [osd, 0])),
    newXinfo: rememberWeight(map, osds, (osd) => map.data.osdWeight[osd]!),
  }),
};
const IN: Verb = {
  done: 'marked in',
  already: 'is already in',
  all: (map) => (osd) => !map.isIn(osd),
  needed: (map, osd) => !map.isIn(osd),
  patch: (map, osds) => ({
    newWeight: new Map(
      osds.map((osd) => [osd, map.data.osdXInfo.at(osd)!.oldWeight || WEIGHT_ONE]),
    ),
    newXinfo: rememberWeight(map, osds, () => 0),
  }),
};
const DOWN: Verb = {
  done: 'marked down',
  already: 'is already down',
  all: (map) => (osd) => map.isUp(osd),
  needed: (map, osd) => map.isUp(osd),
  patch: (map, osds) => markDown(map, osds, false),
};

function apply(verb: Verb) {
  return (state: MonState, args: CommandArgs) => {
    const { osdmap } = state;
    const ids = parseOsdIds(args.list('ids'), () => osdmap.osds().filter(verb.all(osdmap)));
    let text = '';
    const osds: number[] = [];
    for (const osd of ids) {
      if (!osdmap.exists(osd)) text += `osd.${osd} does not exist. `;
      else if (osds.includes(osd) || !verb.needed(osdmap, osd))
        text += `osd.${osd} ${verb.already}. `;
      else {
        osds.push(osd);
        text += `${verb.done} osd.${osd}. `;
      }
    }
    if (osds.length === 0) return unchanged(ok('', text));
    return changed(ok('', text), { osdmap: verb.patch(osdmap, osds) });
  };
}

/** `--definitely-dead` says also of those that are down already that they serve nobody any more. */
function down(state: MonState, args: CommandArgs) {
  const decision = apply(DOWN)(state, args);
  if (!args.flag('definitely_dead')) return decision;
  const { osdmap } = state;
  const osds = parseOsdIds(args.list('ids'), () => osdmap.osds()).filter((o) => osdmap.exists(o));
  if (osds.length === 0) return decision;
  const patch = { ...decision.change?.osdmap, ...markDead(osdmap, osds) };
  return changed(decision.reply, { osdmap: patch });
}

/** Tells OSDs to end; they see it in the map. */
function stop(state: MonState, args: CommandArgs) {
  const { osdmap } = state;
  const isStopped = (osd: number): boolean => (osdmap.data.osdState[osd]! & OSD_STATE.stop) !== 0;
  const ids = parseOsdIds(args.list('ids'), () => osdmap.osds().filter((o) => !isStopped(o)));
  const flips = new Map<number, number>();
  let text = '';
  for (const osd of ids) {
    if (!osdmap.exists(osd)) text += `osd.${osd} does not exist. `;
    else if (isStopped(osd) || flips.has(osd)) text += `osd.${osd} is already stopped. `;
    else {
      const isUp = osdmap.isUp(osd);
      text += `stop ${isUp ? '' : 'down '}osd.${osd}. `;
      flips.set(osd, OSD_STATE.stop | (isUp ? OSD_STATE.up : 0));
    }
  }
  if (flips.size === 0) return unchanged(ok('', text));
  return changed(ok('', text), { osdmap: { newState: flips } });
}

/** 0 to 1 as 16.16 fixed point. */
function fixed(weight: number): number {
  return Math.trunc(weight * WEIGHT_ONE);
}

function reweight(state: MonState, args: CommandArgs) {
  const id = args.needNumber('id');
  const weight = args.needNumber('weight');
  if (weight < 0 || weight > 1) {
    return unchanged(refuse('EINVAL', 'weight must be in the range [0..1]'));
  }
  needOsd(state.osdmap, id);
  const text = `reweighted osd.${id} to ${general(weight)} (${fixed(weight).toString(16)})`;
  return changed(ok('', text), { osdmap: { newWeight: new Map([[id, fixed(weight)]]) } });
}

function primaryAffinity(state: MonState, args: CommandArgs) {
  const id = args.needNumber('id');
  const weight = args.needNumber('weight');
  if (weight < 0 || weight > 1) {
    return unchanged(refuse('EINVAL', 'weight must be in the range [0..1]'));
  }
  needFireflyClients(state.osdmap, 'primary-affinity');
  needOsd(state.osdmap, id);
  // The 8 and the 2 around the 16.16 number are what Ceph's stream makes of flags that should have set its base.
  const text = `set osd.${id} primary-affinity to ${general(weight)} (8${fixed(weight)}2)`;
  return changed(ok('', text), {
    osdmap: { newPrimaryAffinity: new Map([[id, fixed(weight)]]) },
  });
}

function lost(state: MonState, args: CommandArgs) {
  const id = args.needNumber('id');
  if (!args.flag('yes_i_really_mean_it')) {
    return unchanged(
      refuse(
        'EPERM',
        'are you SURE?  this might mean real, permanent data loss.  pass --yes-i-really-mean-it if you really do.',
      ),
    );
  }
  const { osdmap } = state;
  if (!osdmap.exists(id)) return unchanged(refuse('ENOENT', `osd.${id} does not exist`));
  if (osdmap.isUp(id)) return unchanged(refuse('EBUSY', `osd.${id} is not down`));
  const { downAt } = osdmap.data.osdInfo.at(id)!;
  return changed(ok('', `marked osd lost in epoch ${downAt}`), {
    osdmap: { newLost: new Map([[id, downAt]]) },
  });
}

const RATIOS = {
  'osd set-full-ratio': 'newFullRatio',
  'osd set-backfillfull-ratio': 'newBackfillfullRatio',
  'osd set-nearfull-ratio': 'newNearfullRatio',
} as const;

function setRatio(_state: MonState, args: CommandArgs) {
  const ratio = args.needNumber('ratio');
  const field = RATIOS[args.prefix as keyof typeof RATIOS];
  return changed(ok('', `${args.prefix} ${ratio}`), { osdmap: { [field]: ratio } });
}

function setMaxOsd(state: MonState, args: CommandArgs) {
  const max = args.needNumber('newmax');
  const limit = Number(state.option('mon_max_osd'));
  if (max > limit) {
    const text = `cannot set max_osd to ${max} which is > conf.mon_max_osd (${limit})`;
    return unchanged(refuse('ERANGE', text));
  }
  const inUse = state.osdmap.osds().find((osd) => osd >= max);
  if (inUse !== undefined) {
    const text = `cannot shrink max_osd to ${max} because osd.${inUse} (and possibly others) still in use`;
    return unchanged(refuse('EBUSY', text));
  }
  return changed(ok('', `set new max_osd = ${max}`), { osdmap: { newMaxOsd: max } });
}

const base = { module: 'osd', perm: 'rw' } as const;
const ids = 'name=ids,type=CephString,n=N';
const id = 'name=id,type=CephOsdName';
const ratio = 'name=ratio,type=CephFloat,range=0.0|1.0';

/** What people say of single OSDs. */
export const osdStateCommands: CommandSpec[] = [
  { ...base, sig: `osd out ${ids}`, help: 'Place no data on these OSDs.', decide: apply(OUT) },
  { ...base, sig: `osd in ${ids}`, help: 'Place data on these OSDs again.', decide: apply(IN) },
  {
    ...base,
    sig: `osd down ${ids} name=definitely_dead,type=CephBool,req=false`,
    help: 'Mark OSDs down; one that lives comes up again.',
    decide: down,
  },
  { ...base, sig: `osd stop ${ids}`, help: 'End OSDs, and mark them down.', decide: stop },
  {
    ...base,
    sig: `osd reweight ${id} name=weight,type=CephFloat,range=0.0|1.0`,
    help: 'Scale how much data an OSD gets.',
    decide: reweight,
  },
  {
    ...base,
    sig: `osd primary-affinity ${id} name=weight,type=CephFloat,range=0.0|1.0`,
    help: 'Set how gladly an OSD is taken as a primary.',
    decide: primaryAffinity,
  },
  {
    ...base,
    sig: `osd lost ${id} name=yes_i_really_mean_it,type=CephBool,req=false`,
    help: 'Give up the data of an OSD that will not come back.',
    decide: lost,
  },
  {
    ...base,
    sig: `osd set-full-ratio ${ratio}`,
    help: 'Set the used share at which OSDs are full.',
    decide: setRatio,
  },
  {
    ...base,
    sig: `osd set-backfillfull-ratio ${ratio}`,
    help: 'Set the used share at which OSDs take no backfill.',
    decide: setRatio,
  },
  {
    ...base,
    sig: `osd set-nearfull-ratio ${ratio}`,
    help: 'Set the used share at which OSDs begin to warn.',
    decide: setRatio,
  },
  {
    ...base,
    sig: 'osd setmaxosd name=newmax,type=CephInt,range=0',
    help: 'Set the bound of OSD ids.',
    decide: setMaxOsd,
  },
];
