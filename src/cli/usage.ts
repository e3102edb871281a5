import { type ParseArgsConfig, parseArgs } from 'node:util';

/** Bad words on the command line: one line on stderr, exit status 22 (EINVAL) as Ceph's tools have it. */
export class UsageError extends Error {}

type Options = NonNullable<ParseArgsConfig['options']>;

/** One subcommand: its words, its options, what it does. Help and parser come from here. */
export interface Command<O extends Options = Options> {
  readonly words: string; // e.g. 'up DIR'
  readonly about: string;
  readonly options: O;
  /** A line of help per option. */
  readonly help: Readonly<Record<keyof O & string, string>>;
  readonly positionals: readonly string[];
}

/** A subcommand and what it does. */
export interface Subcommand {
  readonly command: Command;
  /** @returns the exit status */
  run(args: Parsed): Promise<number>;
}

/** A subcommand that takes the words of one of Ceph's own tools, so parsing, help and messages are its own. */
export interface Tool {
  readonly words: string; // e.g. 'crushtool ...'
  readonly about: string;
  /** @returns the exit status */
  run(words: string[]): Promise<number>;
}

export interface Parsed {
  readonly positionals: string[];
  string(name: string): string | undefined;
  flag(name: string): boolean;
  /** An integer within bounds. @throws UsageError */
  integer(name: string, min: number, max: number): number | undefined;
}

/** Parts options from other words. @throws UsageError */
export function readWords<O extends Options>(config: { args: string[]; options: O }) {
  try {
    return parseArgs({ ...config, allowPositionals: true, strict: true });
  } catch (e) {
    throw new UsageError((e as Error).message.split(/\. |\n/)[0]!.replace(/\.$/, ''));
  }
}

/** @throws UsageError */
export function parse(command: Command, words: string[]): Parsed {
  const { values: given, positionals } = readWords({ args: words, options: command.options });
  const values: Record<string, unknown> = given;
  if (positionals.length < command.positionals.length) {
    throw new UsageError(`missing ${command.positionals[positionals.length]}`);
  }
  if (positionals.length > command.positionals.length) {
    throw new UsageError(`unexpected word '${positionals[command.positionals.length]}'`);
  }
  // A shell's variable that is not set: as a path it would mean the current directory.
  const empty = positionals.indexOf('');
  if (empty >= 0) throw new UsageError(`${command.positionals[empty]} is empty`);
  return {
    positionals,
    string: (name) => values[name] as string | undefined,
    flag: (name) => values[name] === true,
    integer: (name, min, max) => {
      const text = values[name] as string | undefined;
      if (text === undefined) return undefined;
      const n = Number(text);
      if (!/^\d+$/.test(text) || n < min || n > max) {
        throw new UsageError(`--${name} takes a number from ${min} to ${max}, not '${text}'`);
      }
      return n;
    },
  };
}

/** Runs a subcommand, called by that name, with the words after it. @throws UsageError that says how it is used */
export async function runSubcommand(
  name: string,
  { command, run }: Subcommand,
  words: string[],
): Promise<number> {
  if (words.includes('--help') || words.includes('-h')) {
    process.stdout.write(commandHelp(command));
    return 0;
  }
  try {
    return await run(parse(command, words));
  } catch (e) {
    if (!(e instanceof UsageError)) throw e;
    throw new UsageError(`${name}: ${e.message}; usage: sepiola ${command.words}`);
  }
}

/** What options take, where that is no number. An option means the same in all subcommands. */
const TAKES: Readonly<Record<string, string>> = {
  bytes: 'SIZE',
  device: 'PATH',
  class: 'CLASS',
  classes: 'LIST',
  'failure-domain': 'TYPE',
  format: 'FORMAT',
  host: 'ADDR',
  'cluster-addr': 'ADDR',
  'cluster-network': 'NET',
  'public-addr': 'ADDR',
  'public-network': 'NET',
  mode: 'MODE',
  output: 'FILE',
  'pg-dump': 'FILE',
  pool: 'LIST',
  read: 'SIZE',
  rule: 'RULE',
  steps: 'LIST',
  'stripe-size': 'SIZE',
  svg: 'FILE',
  weights: 'LIST',
  write: 'SIZE',
};

function commandHelp(command: Command): string {
  const lines = [`usage: sepiola ${command.words}`, '', command.about];
  const rows = Object.entries(command.help).map(([option, text]): [string, string] => {
    const isFlag = command.options[option]!.type !== 'string';
    const takes = isFlag ? '' : ` ${TAKES[option] ?? 'N'}`;
    return [`  --${option}${takes}`, text];
  });
  const width = rows.reduce((most, [head]) => Math.max(most, head.length + 1), 18);
  if (rows.length > 0) lines.push('', ...rows.map(([head, text]) => head.padEnd(width) + text));
  return `${lines.join('\n')}\n`;
}
