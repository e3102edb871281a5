import { RELEASE } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';

/** Releases of clients, with those before the ones that OSDs may be required to have. */
const CLIENT_RELEASES: Readonly<Record<string, number>> = {
  argonaut: 1,
  bobtail: 2,
  cuttlefish: 3,
  dumpling: 4,
  emperor: 5,
  firefly: 6,
  giant: 7,
  hammer: 8,
  infernalis: 9,
  jewel: 10,
  kraken: 11,
  ...RELEASE,
};

function setMinClient(state: MonState, args: CommandArgs) {
  const name = args.text('version') ?? '';
  const release = Object.hasOwn(CLIENT_RELEASES, name) ? CLIENT_RELEASES[name] : undefined;
  if (release === undefined) {
    return unchanged(refuse('EINVAL', `version ${name} is not recognized`));
  }
  const { pgUpmap, pgUpmapItems } = state.osdmap.data;
  if (release < RELEASE.luminous && pgUpmap.size + pgUpmapItems.size > 0) {
    const text = `osdmap current utilizes features that require luminous; cannot set require_min_compat_client below that to ${name}`;
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
