import { ERRNO, type ErrnoName } from '../errors/index.ts';
import type { EntityAddr, EntityName, Outgoing } from '../wire/index.ts';
import type { CommandArgs } from './args.ts';
import type { Change } from './change.ts';
import type { MonState } from './state.ts';

export { CommandFailure } from './failure.ts';

/** The answer to a command: what a tool prints to stdout (`output`), and to stderr (`status`). */
export interface CommandReply {
  /** 0, or a negative errno. */
  readonly result: number;
  readonly status: string;
  readonly output: string | Uint8Array;
}

/** A good answer. Text that a tool prints itself goes to `output`, with its final newline if it has one. */
export function ok(output: string | Uint8Array = '', status = ''): CommandReply {
  return { result: 0, status, output };
}
/** A refusal; `ceph` prints `Error ENAME: status` and exits with the errno. */
export function refuse(errno: ErrnoName, status: string): CommandReply {
  return { result: -ERRNO[errno], status, output: '' };
}
interface SpecBase {
  /**
   * The words and arguments in Ceph's compact form, e.g. `osd pool create name=pool,type=CephPoolname
   * name=pg_num,type=CephInt,range=0,req=false`. Tools check a user's words against it.
   */
  readonly sig: string;
  /** One sentence of ours. */
  readonly help: string;
  /** Ceph's module: mon, osd, pg, mgr, config, config-key, log, auth, fs, mds. */
  readonly module: string;
  /** Ceph's permission letters: r, w, rw, rx, rwx. */
  readonly perm: string;
  /** Bits: 1 noforward, 2 obsolete, 4 deprecated, 16 poll, 32 hidden. Never 8: that would send it to a manager. */
  readonly flags?: number;
}

/** A command that only looks. Equal state and arguments give equal answers. */
export interface ReadCommand extends SpecBase {
  run(state: MonState, args: CommandArgs, input: Uint8Array): CommandReply;
}

/** A command that only looks and needs no more than the right to read. */
export function readCommand(
  module: string,
  sig: string,
  help: string,
  run: ReadCommand['run'],
  flags?: number,
): ReadCommand {
  return { sig, help, module, perm: 'r', run, ...(flags !== undefined && { flags }) };
}

/** What a change handler decides: the reply is sent once the change is durable, or at once without one. */
export interface Decision {
  readonly reply: CommandReply;
  readonly change?: Change;
  /** What goes to OSDs at once, by their numbers; those that are not connected miss it. */
  readonly orders?: ReadonlyMap<number, Outgoing>;
}
/** Who sent a command. */
export interface Caller {
  readonly entity: EntityName;
  /** e.g. `client.admin`. */
  readonly name: string;
  readonly addrs: readonly EntityAddr[];
}
/** A command that may change a map. It sees the state with all earlier changes, durable or on their way. */
interface ChangeCommand extends SpecBase {
  decide(state: MonState, args: CommandArgs, input: Uint8Array, caller: Caller): Decision;
}
export type CommandSpec = ReadCommand | ChangeCommand;

/** A change handler's answer without a change. */
export function unchanged(reply: CommandReply): Decision {
  return { reply };
}

/** A change handler's answer with one. */
export function changed(reply: CommandReply, change: Change): Decision {
  return { reply, change };
}
