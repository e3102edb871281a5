import type { CommandArgs } from '../args.ts';
import { type CommandSpec, ok, refuse } from '../command.ts';
import type { MonState } from '../state.ts';

// With authentication off there are no keys; these answer as a monitor of Ceph 16.2 with an empty keyring does.

function get(_state: MonState, args: CommandArgs) {
  return refuse('ENOENT', `failed to find ${args.text('entity') ?? ''} in keyring`);
}
function getKey(_state: MonState, args: CommandArgs) {
  return refuse('ENOENT', `don't have ${args.text('entity') ?? ''}`);
}

const base = { module: 'auth', perm: 'rx' } as const;
const entity = 'name=entity,type=CephString';

export const authCommands: CommandSpec[] = [
  {
    ...base,
    sig: 'auth ls',
    help: 'List entities that have a key.',
    run: () => ok('', 'no installed auth entries!\n'),
  },
  { ...base, sig: `auth get ${entity}`, help: "Show an entity's key and rights.", run: get },
  { ...base, sig: `auth get-key ${entity}`, help: "Show an entity's key.", run: getKey },
  { ...base, sig: `auth print-key ${entity}`, help: "Show an entity's key.", run: getKey },
];
