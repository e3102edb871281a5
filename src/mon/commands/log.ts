import { LOG_PRIORITY } from '../../wire/index.ts';
import type { CommandArgs } from '../args.ts';
import { type Caller, type CommandSpec, changed, ok } from '../command.ts';
import type { MonState } from '../state.ts';

function write(_state: MonState, args: CommandArgs, _input: Uint8Array, caller: Caller) {
  const { name: who, entity, addrs } = caller;
  const text = args.list('logtext').join(' ');
  const line = { priority: LOG_PRIORITY.info, channel: 'cluster', text, who, entity, addrs };
  return changed(ok(), { log: [line] });
}

export const logCommands: CommandSpec[] = [
  {
    module: 'mon',
    perm: 'rw',
    sig: 'log name=logtext,type=CephString,n=N',
    help: 'Write a line to the cluster log.',
    decide: write,
  },
];
