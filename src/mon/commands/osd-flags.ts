import { OSDMAP_FLAG } from '../../maps/index.ts';
import type { CommandArgs } from '../args.ts';
import { type CommandSpec, changed, ok, refuse, unchanged } from '../command.ts';
import type { MonState } from '../state.ts';

const { pauserd, pausewr } = OSDMAP_FLAG;
/** Flags that people may set; the others follow from the cluster's state. */
const SETTABLE: Readonly<Record<string, number>> = {
  pause: pauserd | pausewr,
  noup: OSDMAP_FLAG.noup,
  nodown: OSDMAP_FLAG.nodown,
  noout: OSDMAP_FLAG.noout,
  noin: OSDMAP_FLAG.noin,
  nobackfill: OSDMAP_FLAG.nobackfill,
  norebalance: OSDMAP_FLAG.norebalance,
  norecover: OSDMAP_FLAG.norecover,
  noscrub: OSDMAP_FLAG.noscrub,
  'nodeep-scrub': OSDMAP_FLAG['nodeep-scrub'],
  notieragent: OSDMAP_FLAG.notieragent,
  nosnaptrim: OSDMAP_FLAG.nosnaptrim,
};

function change(state: MonState, name: string, on: boolean) {
  const { flags } = state.osdmap.data;
  const bits =
    on && name === 'pglog_hardlimit'
      ? OSDMAP_FLAG.pglog_hardlimit
      : Object.hasOwn(SETTABLE, name)
        ? SETTABLE[name]!
        : undefined;
  if (bits === undefined) return unchanged(refuse('EINVAL', `unrecognized flag '${name}'`));
  const shown = name === 'pause' ? 'pauserd,pausewr' : name;
  const reply = ok('', `${shown} is ${on ? 'set' : 'unset'}`);
  const newFlags = on ? flags | bits : flags & ~bits;
  return newFlags === flags ? unchanged(reply) : changed(reply, { osdmap: { newFlags } });
}

const base = { module: 'osd', perm: 'rw' } as const;
const NAMES =
  'full|pause|noup|nodown|noout|noin|nobackfill|norebalance|norecover|noscrub|nodeep-scrub|notieragent|nosnaptrim';

/** `ceph osd set|unset|pause|unpause`. */
export const osdFlagCommands: CommandSpec[] = [
  {
    ...base,
    sig: `osd set name=key,type=CephChoices,strings=${NAMES}|pglog_hardlimit name=yes_i_really_mean_it,type=CephBool,req=false`,
    help: 'Set a flag of the cluster.',
    decide: (state: MonState, args: CommandArgs) => change(state, args.text('key') ?? '', true),
  },
  {
    ...base,
    sig: `osd unset name=key,type=CephChoices,strings=${NAMES}`,
    help: 'Clear a flag of the cluster.',
    decide: (state: MonState, args: CommandArgs) => change(state, args.text('key') ?? '', false),
  },
  {
    ...base,
    sig: 'osd pause',
    help: 'Hold all reads and writes of clients.',
    decide: (state: MonState) => change(state, 'pause', true),
  },
  {
    ...base,
    sig: 'osd unpause',
    help: 'Let clients read and write again.',
    decide: (state: MonState) => change(state, 'pause', false),
  },
];
