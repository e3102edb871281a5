import { CephError } from '../../errors/index.ts';
import { type PgId, parsePgId } from '../../wire/index.ts';
import { readWords, UsageError } from '../usage.ts';

/** What the words after `sepiola store` ask for. */
export interface Request {
  readonly dataPath: string;
  readonly op: string | undefined;
  /** There, as the next one, where the operation needs it. */
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
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['ls', 'list'],
  ['ls-pgs', 'list-pgs'],
]);
/** What must be said beside the operation. */
const NEEDS: ReadonlyMap<string, readonly ('pgid' | 'file')[]> = new Map([
  ['info', ['pgid']],
  ['export', ['pgid', 'file']],
  ['export-remove', ['pgid', 'file']],
  ['import', ['file']],
  ['remove', ['pgid']],
]);

/** @throws UsageError for all that is wrong with the words themselves: no store is opened for these */
export function parseWords(words: readonly string[]): Request {
  const { values, positionals } = parsed(words);
  // The operation may stand first, as a word, or be given as the real tool has it.
  const first = positionals[0];
  const named = first !== undefined && values.op === undefined ? aliased(first) : '';
  const isNamed = Object.hasOwn(OPS, named);
  const isOp = isNamed && (positionals[1] === undefined || !isCommand(positionals[1]));
  const op = values.op === undefined ? (isOp ? named : undefined) : aliased(values.op);
  const object = isOp ? positionals.slice(1) : positionals;
  if (!values['data-path']) throw new UsageError('store: Must provide --data-path');
  if (op === undefined) checkObjectCommand(object);
  else checkOp(op, object, values);
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

function aliased(op: string): string {
  return ALIASES.get(op) ?? op;
}

function checkOp(
  op: string,
  object: readonly string[],
  values: { pgid?: string; file?: string },
): void {
  if (!Object.hasOwn(OPS, op)) throw unknownOp(op);
  for (const need of NEEDS.get(op) ?? []) {
    if (!values[need]) throw new UsageError(`store: Must provide --${need} for ${op}`);
  }
  const extra = object[op === 'list' ? 1 : 0];
  if (extra !== undefined) throw new UsageError(`store: unexpected word '${extra}' after ${op}`);
}

function unknownOp(op: string): UsageError {
  const ops = Object.keys(OPS).join(', ');
  return new UsageError(`store: unknown operation '${op}'; one of ${ops}, or OBJECT COMMAND ...`);
}

function checkObjectCommand([object, command, ...args]: readonly string[]): void {
  if (object === undefined) throw new UsageError('store: Must provide --op or object command...');
  if (command === undefined) throw unknownOp(object);
  if (!isCommand(command)) throw new UsageError(`store: Unknown object command '${command}'`);
  const takes = OBJECT_COMMANDS[command]!;
  const required = takes.split(' ').filter((w) => w !== '' && !w.startsWith('[')).length;
  const most = takes === '' ? 0 : takes.split(' ').length;
  if (args.length < required || args.length > most) {
    throw new UsageError(`store: usage: OBJECT ${command} ${takes}`.trimEnd());
  }
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
    return readWords({ args: [...words], options: OPTIONS });
  } catch (e) {
    throw e instanceof UsageError ? new UsageError(`store: ${e.message}`) : e;
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
  return Object.hasOwn(OBJECT_COMMANDS, word);
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

export function jsonText(request: Request, value: unknown): string {
  return request.isPretty ? JSON.stringify(value, null, 4) : JSON.stringify(value);
}

export function notFound(pg: string): CephError {
  return new CephError('ENOENT', `PG '${pg}' not found`);
}
