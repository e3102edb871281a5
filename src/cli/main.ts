#!/usr/bin/env node
/**
 * The `sepiola` command. Exit status: 0; 22 for words it cannot use; otherwise the errno of what failed, 1 when there
 * is none.
 */
import { readFileSync } from 'node:fs';
import { CephError } from '../errors/index.ts';
import { commandHelp, parse, type Subcommand, type Tool, UsageError } from './usage.ts';

interface Entry {
  /** Loaded only when asked for: a daemon should not wait for the code of the others. */
  load(): Promise<Subcommand | Tool>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  up: { load: async () => import('./up.ts').then((m) => ({ command: m.upCommand, run: m.up })) },
  down: {
    load: async () => import('./down.ts').then((m) => ({ command: m.downCommand, run: m.down })),
  },
  status: {
    load: async () =>
      import('./status.ts').then((m) => ({ command: m.statusCommand, run: m.status })),
  },
  crush: { load: async () => import('./crush-plan/crush.ts').then((m) => m.crushTool) },
  mon: {
    load: async () => import('./daemon.ts').then((m) => ({ command: m.monCommand, run: m.mon })),
  },
  osd: {
    load: async () => import('./daemon.ts').then((m) => ({ command: m.osdCommand, run: m.osd })),
  },
  'osd add': { load: async () => import('./osd/add.ts').then((m) => m.osdAdd) },
  'osd stop': { load: async () => import('./osd/stop.ts').then((m) => m.osdStop) },
  'osd start': { load: async () => import('./osd/start.ts').then((m) => m.osdStart) },
  'osd replace': { load: async () => import('./osd/replace.ts').then((m) => m.osdReplace) },
  'osd rm': { load: async () => import('./osd/rm.ts').then((m) => m.osdRm) },
  'pg explain': { load: async () => import('./pg/explain.ts').then((m) => m.pgExplain) },
  store: { load: async () => import('./store/index.ts').then((m) => m.storeTool) },
  crushtool: { load: async () => import('./crushtool/index.ts').then((m) => m.crushtool) },
  osdmaptool: { load: async () => import('./osdmaptool/index.ts').then((m) => m.osdmaptool) },
  monmaptool: { load: async () => import('./monmaptool/index.ts').then((m) => m.monmaptool) },
};

async function help(): Promise<string> {
  const lines = ['usage: sepiola COMMAND ...', ''];
  for (const entry of Object.values(COMMANDS)) {
    const loaded = await entry.load();
    const { words, about } = 'command' in loaded ? loaded.command : loaded;
    lines.push(`  ${words}`, `      ${about}`);
  }
  return `${lines.join('\n')}\n\n'sepiola COMMAND --help' tells the options.\n`;
}

function version(): string {
  const file = new URL('../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

async function main(words: string[]): Promise<number> {
  const [name, ...rest] = words;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    (name === undefined ? process.stderr : process.stdout).write(await help());
    return name === undefined ? 22 : 0;
  }
  if (name === '--version' || name === '-v') {
    process.stdout.write(`sepiola ${version()}\n`);
    return 0;
  }
  // A directory that is called as a verb is is written ./add.
  const verb = `${name} ${rest[0]}`;
  const entry = COMMANDS[verb] ?? COMMANDS[name];
  if (verb in COMMANDS) rest.shift();
  if (!entry) throw new UsageError(`unknown command '${name}'; 'sepiola --help' lists them`);
  const loaded = await entry.load();
  if (!('command' in loaded)) return loaded.run(rest);
  const { command, run } = loaded;
  if (rest.includes('--help') || rest.includes('-h')) {
    process.stdout.write(commandHelp(command));
    return 0;
  }
  try {
    return await run(parse(command, rest));
  } catch (e) {
    if (e instanceof UsageError)
      throw new UsageError(
        `${verb in COMMANDS ? verb : name}: ${e.message}; usage: sepiola ${command.words}`,
      );
    throw e;
  }
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
