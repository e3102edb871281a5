import { parseArgs } from 'node:util';
import { CephError } from '../../errors/index.ts';
import { type PgId, parsePgId } from '../../wire/index.ts';
import { UsageError } from '../usage.ts';

/** What the words after `sepiola store` ask for. */
export interface Request {
  readonly dataPath: string;
  readonly op: string | undefined;
  readonly pgid: PgId | undefined;
  readonly file: string | undefined;
  readonly namespace: string | undefined;
  readonly isPretty: boolean;
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly deep: boolean;
  readonly discard: boolean;
  /** An object, what to do with it, and with what. */
  readonly object: readonly string[];
}

/** Operations on a whole store or PG, with a line of help each. */
export const OPS: Readonly<Record<string, string>> = {
  fsck: 'check everything (with --deep all data too); one line per finding, status 1 if there are any',
  repair: 'the same, and mend what can be counted again; --discard gives up what cannot be read',
  stats: 'space: total, used, free, and how the free space is parted',
  statfs: "space, as Ceph's tool prints it",
  'list-pgs': 'the PGs in the store',
  list: 'objects, one JSON per line; of one PG with --pgid, of one name with OBJECT',
  info: 'what the store says of --pgid',
  export: 'write --pgid to --file',
  'export-remove': 'the same, and remove it when the file is durable',
  import: 'bring the PG in --file into this store',
  remove: 'remove --pgid; only with --force',
};
const ALIASES: Readonly<Record<string, string>> = { ls: 'list', 'ls-pgs': 'list-pgs' };

/** @throws UsageError */
export function parseWords(words: readonly string[]): Request {
  const { values, positionals } = parsed(words);
  // The operation may stand first, as a word, or be given as the real tool has it.
  const first = positionals[0];
  const named = first !== undefined && values.op === undefined ? (ALIASES[first] ?? first) : '';
  const isOp =
    named in OPS && positionals[1] !== undefined ? !isCommand(positionals[1]) : named in OPS;
  const op =
    values.op === undefined ? (isOp ? named : undefined) : (ALIASES[values.op] ?? values.op);
  const object = isOp ? positionals.slice(1) : positionals;
  if (values['data-path'] === undefined) throw new UsageError('store: Must provide --data-path');
  if (op !== undefined && !(op in OPS)) {
    throw new UsageError(`store: unknown operation '${op}'; one of ${Object.keys(OPS).join(', ')}`);
  }
  if (op === undefined && object.length < 2) {
    throw new UsageError('store: Must provide --op or object command...');
  }
  return {
    dataPath: values['data-path'],
    op,
    pgid: pgOf(values.pgid),
    file: values.file,
    namespace: values.namespace,
    isPretty: formatOf(values.format) === 'json-pretty',
    force: values.force === true,
    dryRun: values['dry-run'] === true,
    deep: values.deep === true,
    discard: values.discard === true,
    object,
  };
}

const OPTIONS = {
  'data-path': { type: 'string' },
  op: { type: 'string' },
  pgid: { type: 'string' },
  file: { type: 'string' },
  namespace: { type: 'string' },
  format: { type: 'string' },
  force: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  deep: { type: 'boolean' },
  discard: { type: 'boolean' },
  // The real tool's, which mean nothing here: there is one type of store, and no monitor is asked.
  type: { type: 'string' },
  'no-mon-config': { type: 'boolean' },
} as const;

function parsed(words: readonly string[]) {
  try {
    return parseArgs({ args: [...words], options: OPTIONS, allowPositionals: true, strict: true });
  } catch (e) {
    throw new UsageError(`store: ${(e as Error).message.split('. ')[0]!.replace(/\.$/, '')}`);
  }
}

/** What can be done with an object, with the words that follow and a line of help. */
export const OBJECT_COMMANDS: Readonly<Record<string, string>> = {
  'get-bytes': '[FILE]',
  'set-bytes': '[FILE]',
  'list-attrs': '',
  'get-attr': 'KEY',
  'set-attr': 'KEY [FILE]',
  'rm-attr': 'KEY',
  'list-omap': '',
  'get-omap': 'KEY',
  'set-omap': 'KEY [FILE]',
  'rm-omap': 'KEY',
  'get-omaphdr': '',
  'set-omaphdr': '[FILE]',
  'set-size': 'BYTES',
  dump: '',
  remove: '',
};

function isCommand(word: string): boolean {
  return word in OBJECT_COMMANDS;
}

function pgOf(text: string | undefined): PgId | undefined {
  if (text === undefined) return undefined;
  const pgid = parsePgId(text);
  if (!pgid) throw new UsageError(`store: Invalid pgid '${text}' specified`);
  return pgid;
}

function formatOf(text = 'json-pretty'): string {
  if (text !== 'json' && text !== 'json-pretty') {
    throw new UsageError(`store: --format takes json or json-pretty, not '${text}'`);
  }
  return text;
}

/** The PG that an operation needs. @throws UsageError */
export function pgidOf(request: Request): PgId {
  if (!request.pgid) throw new UsageError(`store: Must provide --pgid for ${request.op}`);
  return request.pgid;
}

/** The file that an operation needs. @throws UsageError */
export function fileOf(request: Request): string {
  if (request.file === undefined)
    throw new UsageError(`store: Must provide --file for ${request.op}`);
  return request.file;
}

export function jsonText(request: Request, value: unknown): string {
  return request.isPretty ? JSON.stringify(value, null, 4) : JSON.stringify(value);
}

export function notFound(pg: string): CephError {
  return new CephError('ENOENT', `PG '${pg}' not found`);
}
