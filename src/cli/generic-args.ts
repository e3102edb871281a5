/**
 * The options every program of Ceph's takes before its own: identity, configuration file, and every configuration option
 * by its name. Source: ceph_argparse_early_args, md_config_t::parse_argv and parse_option, release 16.2.
 */
import { OPTIONS, parseOption } from '../config/index.ts';
import { optionKey } from './ceph-args.ts';
import { ToolFailure, type ToolIo } from './tool-io.ts';

/** What the generic options said. */
export interface GenericArgs {
  /** The words that are not generic options. */
  readonly left: string[];
  /** --conf, not read yet. */
  readonly conf: string | undefined;
  /** Configuration options set on the command line: name to text as given. */
  readonly settings: ReadonlyMap<string, string>;
  /** --version or -v: the program prints its version and ends. */
  readonly wantsVersion: boolean;
}

const VALUES_OF_IDENTITY = ['--conf', '-c', '--cluster', '--id', '--user', '--name', '-n'];
const FLAGS = ['--no_config_file', '--no_mon_config', '--mon_config', '--foreground', '-f', '-d'];
/** Short names of configuration options. */
const SHORT: ReadonlyMap<string, string> = new Map([
  ['--monmap', 'monmap'],
  ['-M', 'monmap'],
  ['-m', 'mon_host'],
  ['--bind', 'public_addr'],
  ['--keyfile', 'keyfile'],
  ['-K', 'keyfile'],
  ['-k', 'keyring'],
  ['-r', 'client_mountpoint'],
]);

/**
 * Takes the generic options out of a command line; the words of `CEPH_ARGS`, if any, stand before it.
 * @param io gets the message about an option whose value does not parse; the program goes on, as Ceph's do
 * @throws ToolFailure for a value that is missing
 */
export function takeGenericOptions(
  words: readonly string[],
  io: ToolIo,
  cephArgs: string | undefined,
): GenericArgs {
  const line = [...(cephArgs ?? '').split(' ').filter((w) => w !== ''), ...words];
  const left: string[] = [];
  const settings = new Map<string, string>();
  let conf: string | undefined;
  let wantsVersion = false;
  let isStopped = false; // a bad value of a configuration option ends the reading of these
  for (let i = 0; i < line.length; i++) {
    const word = line[i]!;
    if (word === '--') return { left: [...left, ...line.slice(i)], conf, settings, wantsVersion };
    const { name, value: inline } = optionKey(word);
    const need = (): string => {
      const text = inline ?? line[++i];
      if (text === undefined) throw new ToolFailure(`Option ${word} requires an argument.`);
      return text;
    };
    if (word === '--version' || word === '-v') wantsVersion = true;
    else if (VALUES_OF_IDENTITY.includes(name)) {
      const text = need();
      if (name === '--conf' || name === '-c') conf = text;
    } else if (FLAGS.includes(word.slice(0, 2) + word.slice(2).replaceAll('-', '_'))) continue;
    else if (isStopped) left.push(word);
    else if (SHORT.has(name)) settings.set(SHORT.get(name)!, need());
    else {
      const set = configOption(name, inline, line, i);
      if (!set) left.push(word);
      else {
        i = set.last;
        if (set.error === undefined) settings.set(set.name, set.text);
        else {
          io.err(`parse error setting '${set.name}' to '${set.text}'${set.error}\n\n`);
          isStopped = true;
        }
      }
    }
  }
  return { left, conf, settings, wantsVersion };
}

interface Setting {
  name: string;
  text: string;
  error: string | undefined;
  /** Index of the last word used. */
  last: number;
}

const TRUTHS: ReadonlyMap<string, string> = new Map([
  ['true', 'true'],
  ['1', 'true'],
  ['false', 'false'],
  ['0', 'false'],
]);

/** Reads `--NAME VALUE`, `--NAME=VALUE`, and for a boolean also `--NAME` and `--no-NAME`. */
function configOption(
  key: string,
  inline: string | undefined,
  line: readonly string[],
  at: number,
): Setting | undefined {
  if (!key.startsWith('--')) return undefined;
  const name = key.slice(2);
  const option = OPTIONS.get(name);
  if (!option) {
    const denied = /^no_(.*)$/.exec(name)?.[1];
    const isDenial = denied !== undefined && inline === undefined && isBool(denied);
    return isDenial ? { name: denied, text: 'false', error: undefined, last: at } : undefined;
  }
  const next = line[at + 1];
  if (option.type === 'bool') {
    if (inline === undefined) {
      const said = next === undefined ? undefined : TRUTHS.get(next);
      return { name, text: said ?? 'true', error: undefined, last: said ? at + 1 : at };
    }
    const said = TRUTHS.get(inline);
    return { name, text: said ?? inline, error: said ? undefined : '', last: at };
  }
  const text = inline ?? next;
  const last = inline === undefined ? at + 1 : at;
  if (text === undefined) {
    const error = ` (Option ${line[at]} requires an argument.\n)`;
    return { name, text: '', error, last };
  }
  const parsed = parseOption(option, text);
  const error = 'error' in parsed ? parsed.error && ` (${parsed.error})` : undefined;
  return { name, text, error, last };
}

function isBool(name: string): boolean {
  return OPTIONS.get(name)?.type === 'bool';
}
