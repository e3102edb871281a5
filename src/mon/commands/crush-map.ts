import { checkCrushMap, decodeCrushMap, TUNABLE_PROFILES } from '../../crush/index.ts';
import { DecodeError } from '../../errors/index.ts';
import type { OSDMap } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { CommandFailure, type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import { editCrush } from '../services/crush-change.ts';
import type { MonState } from '../state.ts';
import { PLACE_DEVICE_SIG, placeDevice } from './crush-place.ts';

// Texts follow Ceph 16.2 (OSDMonitor::prepare_command_impl).

/** Takes a whole CRUSH map from the input. The status is the number of the map that then holds. */
function setMap(state: MonState, args: CommandArgs, input: Uint8Array) {
  const { osdmap } = state;
  const version = osdmap.data.crushVersion;
  const prior = args.number('prior_version');
  if (prior !== undefined && prior !== version) {
    // The answer to a request that was sent twice is the same: it is in place already.
    const again = prior === version - 1 && Buffer.from(osdmap.data.crush).equals(input);
    if (again) return unchanged(ok('', String(version)));
    return unchanged(refuse('EPERM', `prior_version ${prior} != crush version ${version}`));
  }
  validate(osdmap, input);
  return changed(ok('', String(version + 1)), { osdmap: { crush: Buffer.from(input) } });
}

/** @throws CommandFailure when the map is damaged, harmful, or lacks what pools and OSDs need */
function validate(osdmap: OSDMap, input: Uint8Array): void {
  const map = (() => {
    try {
      return decodeCrushMap(input);
    } catch (e) {
      if (!(e instanceof DecodeError)) throw e;
      throw new CommandFailure('EINVAL', `Failed to parse crushmap: ${e.reason}: Malformed input`);
    }
  })();
  const problems = checkCrushMap(map, { devicesMax: osdmap.data.maxOsd });
  for (const [id, pool] of osdmap.data.pools) {
    if (map.rules[pool.crushRule]) continue;
    problems.push(`pool ${id} uses rule ${pool.crushRule}, which is not in the map`);
  }
  if (problems.length > 0) {
    throw new CommandFailure('EINVAL', `Failed crushmap test: ${problems.join('; ')}`);
  }
}

/** `osd crush set` with a device places it; with a map as input it is `osd setcrushmap`. */
function set(state: MonState, args: CommandArgs, input: Uint8Array) {
  return args.has('id') ? placeDevice(state, args) : setMap(state, args, input);
}

const PROFILES: Readonly<Record<string, keyof typeof TUNABLE_PROFILES>> = {
  legacy: 'argonaut',
  argonaut: 'argonaut',
  bobtail: 'bobtail',
  firefly: 'firefly',
  hammer: 'hammer',
  jewel: 'jewel',
  optimal: 'jewel',
  default: 'jewel',
};

function tunables(state: MonState, args: CommandArgs) {
  const name = args.text('profile') ?? '';
  const profile = Object.hasOwn(PROFILES, name) ? PROFILES[name] : undefined;
  if (!profile) return unchanged(refuse('EINVAL', `unrecognized profile '${name}'`));
  const crush = editCrush(state.osdmap, (map) => {
    map.tunables = { ...TUNABLE_PROFILES[profile] };
    return true;
  })!;
  return changed(ok('', `adjusted tunables profile to ${name}`), { osdmap: { crush } });
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
];
