import type { Clock } from '../../runtime/index.ts';
import type { PingTimes } from '../../wire/index.ts';
import type { ShardCalls } from '../shard-front.ts';
import type { OsdConfig } from './osd-config.ts';

/** What a command sees of the daemon. */
export interface CommandScope {
  readonly id: number;
  readonly fsid: string;
  readonly uuid: string;
  readonly state: string;
  readonly config: OsdConfig;
  readonly maps: { readonly oldest: number; readonly epoch: number };
  readonly shards: readonly ShardCalls[];
  readonly clock: Clock;
  readonly recovery: { dump(): object };
  /** How long other OSDs take to answer heartbeats. */
  pingTimes(): PingTimes[];
  /** Sends the stats now. @returns a number that the monitor knows once it has them */
  flushStats(): Promise<number>;
  configChanged(): void;
}

/** What a command answers. */
export interface CommandResult {
  readonly result: number;
  readonly status: string;
  readonly data: string;
}
/** Its arguments, as the tool has parsed them. */
export type Args = Readonly<Record<string, unknown>>;
/** An argument, as the tool is told of it. */
export interface Argument {
  readonly name: string;
  readonly type: string;
  readonly req?: 'false';
  readonly n?: 'N';
  readonly strings?: string;
}
/** A command: its words and arguments, who may use it, and what it does. */
export interface Command {
  readonly sig: readonly (string | Argument)[];
  readonly help: string;
  readonly perm: string;
  run(scope: CommandScope, args: Args): CommandResult | Promise<CommandResult>;
}

export const ok = (value: unknown): CommandResult => ({
  result: 0,
  status: '',
  data: typeof value === 'string' ? value : `${JSON.stringify(value, null, 4)}\n`,
});
export const fail = (errno: number, status: string): CommandResult => ({
  result: -errno,
  status,
  data: '',
});
/** An argument's text, empty if it is absent. */
export const text = (args: Args, name: string): string => String(args[name] ?? '');
export const string = (name: string): Argument => ({ name, type: 'CephString' });
