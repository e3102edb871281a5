#!/usr/bin/env node
/**
 * The `sepiola` command. Exit status: 0; 22 for words it cannot use; otherwise the errno of what failed, 1 when there
 * is none.
 */
import { readFileSync, statSync } from 'node:fs';
import { CephError } from '../errors/index.ts';
import { runSubcommand, type Subcommand, type Tool, UsageError } from './usage.ts';

/** Loaded only when asked for: a daemon should not wait for the code of the others. */
type Load = () => Promise<Subcommand | Tool>;

/** By their words. Those of two words are verbs of the first. */
const COMMANDS: ReadonlyMap<string, Load> = new Map<string, Load>([
  ['up', () => import('./up/up.ts').then((m) => ({ command: m.upCommand, run: m.up }))],
  ['down', () => import('./down.ts').then((m) => ({ command: m.downCommand, run: m.down }))],
  [
    'status',
    () => import('./status.ts').then((m) => ({ command: m.statusCommand, run: m.status })),
  ],
  ['crush', () => import('./crush-plan/crush.ts').then((m) => m.crushTool)],
  ['mon', () => import('./daemon.ts').then((m) => ({ command: m.monCommand, run: m.mon }))],
  ['osd', () => import('./daemon.ts').then((m) => ({ command: m.osdCommand, run: m.osd }))],
  ['osd add', () => import('./osd/add.ts').then((m) => m.osdAdd)],
  ['osd stop', () => import('./osd/stop.ts').then((m) => m.osdStop)],
  ['osd start', () => import('./osd/start.ts').then((m) => m.osdStart)],
  ['osd replace', () => import('./osd/replace.ts').then((m) => m.osdReplace)],
  ['osd rm', () => import('./osd/rm.ts').then((m) => m.osdRm)],
  ['pg explain', () => import('./pg/explain.ts').then((m) => m.pgExplain)],
  ['store', () => import('./store/index.ts').then((m) => m.storeTool)],
  ['crushtool', () => import('./crushtool/index.ts').then((m) => m.crushtool)],
  ['osdmaptool', () => import('./osdmaptool/index.ts').then((m) => m.osdmaptool)],
  ['monmaptool', () => import('./monmaptool/index.ts').then((m) => m.monmaptool)],
]);

async function help(): Promise<string> {
  const lines = ['usage: sepiola COMMAND ...', ''];
  for (const load of COMMANDS.values()) {
    const loaded = await load();
    const { words, about } = 'command' in loaded ? loaded.command : loaded;
    lines.push(`  ${words}`, `      ${about}`);
  }
  return `${lines.join('\n')}\n\n'sepiola COMMAND --help' tells the options.\n`;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

interface Found {
  /** As it is called. */
  readonly name: string;
  readonly load: Load;
  /** The words after its name. */
  readonly rest: string[];
}

/** @throws UsageError */
function find(words: readonly string[]): Found {
  const [first, second, ...rest] = words as [string, string?, ...string[]];
  const both = `${first} ${second}`;
  const verb = COMMANDS.get(both);
  if (verb) return { name: both, load: verb, rest };
  const load = COMMANDS.get(first);
  const verbs = [...COMMANDS.keys()].flatMap((k) =>
    k.startsWith(`${first} `) ? [k.slice(first.length + 1)] : [],
  );
  if (verbs.length > 0 && !(load && second !== undefined && isPlace(second))) {
    const what = second === undefined ? 'a verb is missing' : `unknown verb '${second}'`;
    throw new UsageError(`${first}: ${what}; one of ${verbs.join(', ')}`);
  }
  if (!load) throw new UsageError(`unknown command '${first}'; 'sepiola --help' lists them`);
  return { name: first, load, rest: words.slice(1) };
}

/** Whether a word where a verb may stand is a directory, or an option. One that is called as a verb is is written ./add. */
function isPlace(word: string): boolean {
  return (
    /^[-./~]|\//.test(word) || statSync(word, { throwIfNoEntry: false })?.isDirectory() === true
  );
}

async function main(words: string[]): Promise<number> {
  const [first] = words;
  if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
    (first === undefined ? process.stderr : process.stdout).write(await help());
    return first === undefined ? 22 : 0;
  }
  if (first === '--version' || first === '-v') {
    process.stdout.write(`sepiola ${version()}\n`);
    return 0;
  }
  const { name, load, rest } = find(words);
  const loaded = await load();
  return 'command' in loaded ? runSubcommand(name, loaded, rest) : loaded.run(rest);
}

/** The errno of a failure that the environment explains; undefined for one that is a fault of ours. */
function errnoOf(e: unknown): number | undefined {
  if (e instanceof UsageError) return 22;
  if (e instanceof CephError) return e.errno;
  const { syscall, errno } = e as NodeJS.ErrnoException;
  return syscall === undefined || errno === undefined ? undefined : Math.abs(errno);
}

// A terminal or a pipe that goes away must not stop the cluster half way down.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
try {
  process.exitCode = await main(process.argv.slice(2));
} catch (e) {
  const errno = errnoOf(e);
  const { message, stack } = e as Error;
  process.stderr.write(errno === undefined ? `${stack}\n` : `sepiola: ${message}\n`);
  process.exit(errno ?? 1); // whatever a daemon that failed to start has left open
}
