/**
 * The monitor: the maps, their durable history, the services that change them, the sessions of clients and daemons, and
 * the commands of `ceph`. Services and commands are pure; `Monitor` is the driver. Uses everything up to `store`.
 */
export { CommandArgs } from './args.ts';
export type { Change, OsdMapPatch } from './change.ts';
export {
  type ChangeCommand,
  CommandFailure,
  type CommandReply,
  type CommandSpec,
  type Decision,
  ok,
  type ReadCommand,
  refuse,
} from './command.ts';
export { formatJson } from './format.ts';
export * from './state.ts';
