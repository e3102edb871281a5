import { CommandArgs } from './args.ts';
import {
  type Caller,
  CommandFailure,
  type CommandSpec,
  type Decision,
  refuse,
  unchanged,
} from './command.ts';
import { commandDescriptions, integersOf, prefixOf } from './signature.ts';
import type { MonState } from './state.ts';

/** Finds and runs commands. The texts of refusals are those of Ceph 16.2 (Monitor::handle_command). */
export class CommandTable {
  private readonly byPrefix = new Map<string, CommandSpec>();
  private readonly specs: readonly CommandSpec[];
  /** Made when a tool asks: OSDs wait for a monitor that starts, tools seldom do. */
  private descriptions: string | undefined;

  constructor(specs: readonly CommandSpec[]) {
    this.specs = specs;
    // Where two signatures share their words, one handler serves both: the first.
    for (const spec of specs) {
      const prefix = prefixOf(spec.sig);
      if (!this.byPrefix.has(prefix)) this.byPrefix.set(prefix, spec);
    }
  }

  /** `cmd` is the JSON text in pieces. */
  run(views: StateViews, cmd: readonly string[], input: Uint8Array, caller: Caller): Decision {
    const parsed = parseCommand(cmd);
    if (!(parsed instanceof CommandArgs)) return unchanged(parsed);
    if (parsed.prefix === 'get_command_descriptions') {
      this.descriptions ??= commandDescriptions(this.specs);
      return unchanged({ result: 0, status: '', output: this.descriptions });
    }
    const spec = this.byPrefix.get(parsed.prefix);
    if (!spec) return unchanged(refuse('EINVAL', 'command not known'));
    try {
      for (const name of integersOf(spec.sig)) parsed.checkInteger(name);
      return 'run' in spec
        ? unchanged(spec.run(views.durable(), parsed, input))
        : spec.decide(views.head(), parsed, input, caller);
    } catch (e) {
      if (!(e instanceof CommandFailure)) throw e;
      return unchanged({ result: -e.errno, status: e.message, output: '' });
    }
  }
}

/** Whether a client took this for a command of the manager's, rather than sent it there by name. */
export function isRoutedToManager(cmd: readonly string[]): boolean {
  const parsed = parseCommand(cmd);
  return parsed instanceof CommandArgs && parsed.has('target');
}

/** The state that readers may see, and the one that changes build on. */
export interface StateViews {
  durable(): MonState;
  head(): MonState;
}

function parseCommand(cmd: readonly string[]): CommandArgs | ReturnType<typeof refuse> {
  const text = cmd.join('');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return refuse('EINVAL', `unparseable JSON ${text}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return refuse('EINVAL', `unparseable JSON ${text}`);
  }
  const values = value as Record<string, unknown>;
  if (values.prefix === undefined) return refuse('EINVAL', 'command prefix not found');
  if (typeof values.prefix !== 'string') return refuse('EINVAL', "bad or missing field 'prefix'");
  if (values.prefix === '') return refuse('EINVAL', 'command prefix must not be empty');
  return new CommandArgs(values);
}
