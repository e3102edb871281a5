import { minCompatClient, RELEASE, releaseByName } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';

function setMinClient(state: MonState, args: CommandArgs) {
  const name = args.text('version') ?? '';
  const release = releaseByName(name);
  if (release === undefined) {
    return unchanged(refuse('EINVAL', `version ${name} is not recognized`));
  }
  const needed = minCompatClient(state.osdmap);
  if (release < releaseByName(needed)!) {
    const text = `osdmap current utilizes features that require ${needed}; cannot set require_min_compat_client below that to ${name}`;
    return unchanged(refuse('EPERM', text));
  }
  return changed(ok('', `set require_min_compat_client to ${name}`), {
    osdmap: { newRequireMinCompatClient: release },
  });
}

function requireOsds(state: MonState, args: CommandArgs) {
  const name = args.text('release') ?? '';
  const release = Object.hasOwn(RELEASE, name) ? RELEASE[name as keyof typeof RELEASE] : undefined;
  if (release === undefined) {
    return unchanged(refuse('EINVAL', `unrecognized release ${name}`));
  }
  const now = state.osdmap.data.requireOsdRelease;
  if (release < now) {
    return unchanged(refuse('EPERM', 'require_osd_release cannot be lowered once it has been set'));
  }
  if (release === now) return unchanged(ok());
  return changed(ok(), { osdmap: { newRequireOsdRelease: release } });
}

export const releaseCommands: CommandSpec[] = [
  {
    module: 'osd',
    perm: 'rw',
    sig: 'osd set-require-min-compat-client name=version,type=CephString name=yes_i_really_mean_it,type=CephBool,req=false',
    help: 'Say which release clients have at least.',
    decide: setMinClient,
  },
  {
    module: 'osd',
    perm: 'rw',
    sig: 'osd require-osd-release name=release,type=CephChoices,strings=luminous|mimic|nautilus|octopus|pacific name=yes_i_really_mean_it,type=CephBool,req=false',
    help: 'Say which release OSDs have at least.',
    decide: requireOsds,
  },
];
