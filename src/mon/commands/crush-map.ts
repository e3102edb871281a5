import {
  type CrushMap,
  checkCrushMap,
  decodeCrushMap,
  encodeCrushMap,
  setTunablesProfile,
} from '../../crush/index.ts';
import { DecodeError } from '../../errors/index.ts';
import { clientsLeftBehind, type OSDMap } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import {
  CommandFailure,
  type CommandSpec,
  changed,
  type Decision,
  ok,
  refuse,
  unchanged,
} from '../command.ts';
import { edited, itsWords } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { PLACE_DEVICE_SIG, placeDevice } from './crush-place.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl and OSDMap::validate_crush_rules).

/** Takes a whole CRUSH map from the input. The status is the number of the map that then holds. */
function setMap(state: MonState, args: CommandArgs, input: Uint8Array): Decision {
  const { osdmap } = state;
  const version = osdmap.data.crushVersion;
  const map = parse(input);
  const crush = encodeCrushMap(map);
  const prior = args.number('prior_version');
  if (prior !== undefined && prior !== version) {
    // The answer to a request that was sent twice is the same: it is in place already.
    const again = prior === version - 1 && Buffer.from(osdmap.data.crush).equals(crush);
    if (again) return unchanged(ok('', String(version)));
    return unchanged(refuse('EPERM', `prior_version ${prior} != crush version ${version}`));
  }
  refuseUnlessPoolsFit(osdmap, map);
  refuseUnlessClientsFollow(osdmap, map);
  refuseHarm(state, map);
  return changed(ok('', String(version + 1)), { osdmap: { crush } });
}

/** @throws CommandFailure EINVAL */
function parse(input: Uint8Array): CrushMap {
  try {
    return decodeCrushMap(input);
  } catch (e) {
    if (!(e instanceof DecodeError)) throw e;
    const isShort = /bytes left|bytes, -?\d+ left/.test(e.reason);
    const why = isShort ? 'End of buffer' : `${e.reason}: Malformed input`;
    throw new CommandFailure('EINVAL', `Failed to parse crushmap: ${why}`);
  }
}

/** @throws CommandFailure EINVAL when a pool could not be placed by its rule */
function refuseUnlessPoolsFit(osdmap: OSDMap, map: CrushMap): void {
  const bad = (problem: string): never => {
    throw new CommandFailure('EINVAL', problem);
  };
  if (map.rules.some((rule, id) => rule && rule.ruleset !== id)) {
    bad('crush maps with ruleset != ruleid are no longer allowed');
  }
  for (const [id, pool] of [...osdmap.data.pools].sort((a, b) => a[0] - b[0])) {
    const rule = map.rules[pool.crushRule];
    const what = `rule ${pool.crushRule}`;
    if (!rule) {
      bad(`pool ${id} references crush_${what} but it is not present`);
      return;
    }
    if (rule.type !== pool.type) bad(`pool ${id} type does not match ${what}`);
    if (pool.size < rule.minSize || pool.size > rule.maxSize) {
      const sizes = `min_size ${rule.minSize} and max_size ${rule.maxSize}`;
      bad(`pool ${id} size ${pool.size} does not fall within ${what} ${sizes}`);
    }
  }
}

/** @throws CommandFailure EINVAL when clients that `require_min_compat_client` lets in would not understand the map */
function refuseUnlessClientsFollow(osdmap: OSDMap, map: CrushMap): void {
  const why = clientsLeftBehind(osdmap, map);
  if (why !== undefined) throw new CommandFailure('EINVAL', `new crush map ${why}`);
}

/**
 * Ceph tries a map on a few inputs in a process of its own, and gives up on it after some seconds. Here what would make
 * a map harmful is looked up, which takes no longer than reading it.
 * @throws CommandFailure EINVAL
 */
function refuseHarm(state: MonState, map: CrushMap): void {
  const limit = state.option('mon_max_osd');
  const devicesMax = Math.max(state.osdmap.data.maxOsd, typeof limit === 'number' ? limit : 0);
  const problems = checkCrushMap(map, { devicesMax });
  if (problems.length === 0) return;
  const shown = problems.slice(0, 10).join('; ');
  const more = problems.length > 10 ? `; and ${problems.length - 10} more` : '';
  throw new CommandFailure('EINVAL', `Failed crushmap test: ${shown}${more}`);
}

/** `osd crush set` with a device places it; with a map as input it is `osd setcrushmap`. */
function set(state: MonState, args: CommandArgs, input: Uint8Array): Decision {
  return args.has('id') ? placeDevice(state, args) : setMap(state, args, input);
}

/** A release's name sets straws apart from its tunables only for the oldest. */
const PROFILES = {
  legacy: 'legacy',
  argonaut: 'legacy',
  bobtail: 'bobtail',
  firefly: 'firefly',
  hammer: 'hammer',
  jewel: 'jewel',
  optimal: 'optimal',
  default: 'default',
} as const;

function tunables(state: MonState, args: CommandArgs): Decision {
  const name = args.text('profile') ?? '';
  const profile = Object.hasOwn(PROFILES, name)
    ? PROFILES[name as keyof typeof PROFILES]
    : undefined;
  if (!profile) return unchanged(refuse('EINVAL', `unrecognized profile '${name}'`));
  return edited(
    state.osdmap,
    (map) => {
      setTunablesProfile(map, profile);
      refuseUnlessClientsFollow(state.osdmap, map);
      return true;
    },
    { done: `adjusted tunables profile to ${name}`, explain: itsWords },
  );
}

function setTunable(state: MonState, args: CommandArgs): Decision {
  const name = args.needText('tunable');
  const value = args.needNumber('value');
  if (name !== 'straw_calc_version') {
    return unchanged(refuse('EINVAL', `unrecognized tunable '${name}'`));
  }
  if (value !== 0 && value !== 1) {
    return unchanged(refuse('EINVAL', `value must be 0 or 1; got ${value}`));
  }
  return edited(
    state.osdmap,
    (map) => {
      map.tunables.strawCalcVersion = value;
      return true;
    },
    { done: `adjusted tunable ${name} to ${value}` },
  );
}

const base = { module: 'osd', perm: 'rw' } as const;
const prior = 'name=prior_version,type=CephInt,req=false';

/** Changes of the CRUSH map as a whole. */
export const crushMapCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd setcrushmap ${prior}`,
    help: 'Replace the CRUSH map by the input.',
    decide: setMap,
  },
  {
    ...base,
    sig: `osd crush set ${prior}`,
    help: 'Replace the CRUSH map by the input.',
    decide: set,
  },
  { ...base, sig: PLACE_DEVICE_SIG, help: 'Set where a device is and its weight.', decide: set },
  {
    ...base,
    sig: `osd crush tunables name=profile,type=CephChoices,strings=${Object.keys(PROFILES).join('|')}`,
    help: 'Set the tunables of a release.',
    decide: tunables,
  },
  {
    ...base,
    sig: 'osd crush set-tunable name=tunable,type=CephChoices,strings=straw_calc_version name=value,type=CephInt',
    help: 'Set one tunable of CRUSH.',
    decide: setTunable,
  },
];
